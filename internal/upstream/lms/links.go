package lms

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

const (
	// keysPerCall is upstream's own advice: the keys travel in the URL.
	keysPerCall = 50
	// bytesPerCall keeps the URL under what servers take, however long keys are.
	bytesPerCall = 4000
)

// Links reads which of keys belong to accounts that signed in through the
// school's SAML provider, whose slug ssoSlug is. A key without an account is
// absent. A link has the key in the spelling that was asked for. A slug that the
// LMS does not know is NotFound with code "sso_provider_not_in_lms".
func (c *Client) Links(ctx context.Context, ssoSlug string, keys []registrar.StudentKey) ([]registrar.Link, error) {
	asked := make(map[registrar.StudentKey]registrar.StudentKey, len(keys))
	askable := make([]string, 0, len(keys))
	for _, k := range keys {
		if _, twice := asked[k.Fold()]; twice || !k.Linkable() {
			continue
		}
		asked[k.Fold()] = k
		askable = append(askable, string(k))
	}
	links := []registrar.Link{}
	for batch := range batches(askable) {
		pages := upstream.Rows(ctx, c.up, mappingListing(ssoSlug, batch), upstream.OpenPage[mappingRow])
		found, err := upstream.Collect(pages, func(r mappingRow) (registrar.Link, bool) {
			// The API splits at commas, so it may answer what was not asked.
			key, ok := asked[registrar.StudentKey(r.RemoteID).Fold()]
			return registrar.Link{StudentKey: key, Username: registrar.Username(r.Username)}, ok && r.Username != ""
		})
		if err != nil {
			return nil, fmt.Errorf("lms: account links: %w", noProvider(err))
		}
		links = append(links, found...)
	}
	return links, nil
}

type mappingRow struct {
	Username string `json:"username"`
	RemoteID string `json:"remote_id"` // without the slug
}

func mappingListing(ssoSlug string, keys []string) upstream.Listing {
	return upstream.Listing{
		Request: upstream.Request{
			Operation: "account links", Class: "links",
			// No slash at the end.
			Path:  "/api/third_party_auth/v0/providers/saml-" + url.PathEscape(ssoSlug) + "/users",
			Query: url.Values{"remote_id": keys},
		},
		SizeParam: "page_size", Size: 2 * keysPerCall, Floor: 2 * keysPerCall, // numbered pages, at most 100 rows
	}
}

// noProvider says what a 404 of this endpoint means: unknown keys are just absent.
func noProvider(err error) error {
	if _, ok := notFound(err); ok {
		return missing("sso_provider_not_in_lms", "The LMS has no sign-on provider of that name.", err)
	}
	return err
}

// batches yields keys in runs that fit one URL.
func batches(keys []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for len(keys) > 0 {
			n, size := 0, 0
			for n < min(len(keys), keysPerCall) {
				size += len("&remote_id=") + len(url.QueryEscape(keys[n]))
				if n > 0 && size > bytesPerCall {
					break
				}
				n++
			}
			if !yield(slices.Clip(keys[:n])) {
				return
			}
			keys = keys[n:]
		}
	}
}
