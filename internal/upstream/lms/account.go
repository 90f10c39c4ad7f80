package lms

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Account reads one account. An unknown one is NotFound with code
// "user_does_not_exist".
func (c *Client) Account(ctx context.Context, name registrar.Username) (registrar.LMSAccount, error) {
	if err := checkUsername(name); err != nil {
		return registrar.LMSAccount{}, err
	}
	resp, err := c.up.Get(ctx, upstream.Request{
		Operation: "account", Class: "accounts",
		// This route has no slash at its end.
		Path:  "/api/user/v1/accounts",
		Query: url.Values{"username": {string(name)}},
	})
	switch {
	case registrar.KindOf(err) == registrar.NotFound:
		return registrar.LMSAccount{}, noAccount(err) // the body is empty
	case err != nil:
		return registrar.LMSAccount{}, fmt.Errorf("lms: account: %w", err)
	}
	var rows []struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
		Email    string `json:"email"`
		Active   bool   `json:"is_active"`
	}
	if err := resp.Decode(&rows); err != nil {
		return registrar.LMSAccount{}, fmt.Errorf("lms: account: %w", err)
	}
	for _, r := range rows {
		if !strings.EqualFold(r.Username, string(name)) {
			continue
		}
		if r.ID == 0 {
			// Others than staff see a name and a picture.
			return registrar.LMSAccount{}, &registrar.Error{
				Kind: registrar.Upstream, Code: "upstream_denied",
				Detail: "The LMS does not show accounts to the gateway's service account.",
			}
		}
		return registrar.LMSAccount{ID: r.ID, Username: registrar.Username(r.Username), Email: r.Email, Active: r.Active}, nil
	}
	return registrar.LMSAccount{}, noAccount(nil)
}
