package lms

import (
	"context"
	"fmt"
	"net/url"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Certificates reads the passing certificates of an account. An unknown account
// has none: the LMS does not tell the two apart.
func (c *Client) Certificates(ctx context.Context, name registrar.Username) ([]registrar.Certificate, error) {
	if err := checkUsername(name); err != nil {
		return nil, err
	}
	resp, err := c.up.Get(ctx, upstream.Request{
		Operation: "certificates", Class: "certificates",
		Path: "/api/certificates/v0/certificates/" + url.PathEscape(string(name)) + "/",
	})
	if err != nil {
		return nil, fmt.Errorf("lms: certificates: %w", err)
	}
	var rows []struct {
		Course      string `json:"course_id"`
		Status      string `json:"status"`
		DownloadURL string `json:"download_url"` // relative, absolute or null
	}
	if err := resp.Decode(&rows); err != nil {
		return nil, fmt.Errorf("lms: certificates: %w", err)
	}
	certificates := make([]registrar.Certificate, 0, len(rows))
	for _, r := range rows {
		course, err := registrar.ParseCourseKey(r.Course)
		if err != nil {
			continue // a kind of key that no program holds, such as "ccx-v1:"
		}
		certificates = append(certificates, registrar.Certificate{
			Course: course, Status: r.Status, DownloadURL: c.publicLink(r.DownloadURL),
		})
	}
	return certificates, nil
}

// publicLink makes link absolute on the public URL. What is no web link is
// dropped, for it ends up in a browser.
func (c *Client) publicLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || link == "" {
		return ""
	}
	absolute := c.public.ResolveReference(u)
	if absolute.Scheme != "http" && absolute.Scheme != "https" {
		return ""
	}
	return absolute.String()
}
