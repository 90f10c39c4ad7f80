package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request is one read of one endpoint.
type Request struct {
	// Operation names the read in errors, logs and metrics, such as
	// "course grades". The URL never does.
	Operation string
	// Class is the kind of endpoint whose breaker the read shares; empty means
	// Operation.
	Class string
	// Path starts with a slash and is already escaped, segment by segment: with
	// [url.PathEscape] or [registrar.CourseKey.PathSegment].
	Path  string
	Query url.Values
	// Accept tells which responses are answers; nil means every 2xx. An accepted
	// 401 says nothing about the token.
	Accept func(Response) bool

	method string // of a write; empty for a read
	body   []byte // of a write
}

// Statuses accepts responses with one of these statuses.
func Statuses(accepted ...int) func(Response) bool {
	return func(r Response) bool { return slices.Contains(accepted, r.Status) }
}

func (r Request) class() string { return or(r.Class, r.Operation) }

func (r Request) verb() string { return or(r.method, http.MethodGet) }

func (r Request) isWrite() bool { return r.method != "" }

func (r Request) accepts(resp Response) bool {
	if r.Accept != nil {
		return r.Accept(resp)
	}
	return resp.Status >= 200 && resp.Status < 300
}

// build makes the HTTP request. Values.Encode writes a plus as %2B, which a
// course key in a query needs; in the path a plus stays itself.
func (c *Client) build(ctx context.Context, r Request, token string) (*http.Request, error) {
	// The slash in front keeps the path from becoming a part of the host.
	u, err := url.Parse(c.base.String() + r.Path)
	if err != nil || !strings.HasPrefix(r.Path, "/") {
		return nil, fmt.Errorf("upstream: %s: the path is not an escaped one", r.Operation)
	}
	u.RawQuery = r.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.verb(), u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("upstream: %s: the request cannot be built", r.Operation)
	}
	if r.isWrite() {
		req.Header.Set("Content-Type", "application/json")
		// Without a way to read the body anew the transport cannot send it anew: over
		// HTTP/2 it would, after some resets that do not prove that nothing was done.
		req.GetBody = nil
	}
	// Not "Bearer": the LMS would look a JWT up as an opaque token and refuse it.
	req.Header.Set("Authorization", "JWT "+token)
	req.Header.Set("Accept", "application/json")
	// Discovery translates program types and error texts.
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	passOn(ctx, req.Header)
	return req, nil
}
