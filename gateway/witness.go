package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// Witnessed is one request of a known caller, for records of what was done and for
// events of use. Unlike an [Observation] it holds the caller's words, so it must not
// become a label or a line of the log as it is.
type Witnessed struct {
	// Activity is what the handler noted; never nil. It is the witness's from now on.
	Activity *registrar.Activity
	Caller   registrar.Principal
	Status   int // of the answer; of a streamed one, as it begins
	// Handled says that the handler of a route was asked. It was not for an OPTIONS,
	// a method that the path does not have, and a caller over the limit.
	Handled   bool
	RequestID string
	Method    string
	Route     string // the template that matched
	Path      string // as it was asked for, still encoded
	// URL is the whole address as the caller sees it. Parameters that look like
	// credentials are left out of the query; others may name learners.
	URL       string
	Referrer  string // as the caller sent it; so is UserAgent
	UserAgent string
	At        time.Time // when the request came
}

// testify tells the witness of a request whose caller is known.
func (g *Gateway) testify(c *fiber.Ctx) {
	v := visitOf(c)
	if g.witness == nil || v.activity == nil {
		return
	}
	// The request's own context is over by now.
	ctx := context.WithoutCancel(c.UserContext())
	err := rescued(func() error {
		g.witness(ctx, witnessed(c, v))
		return nil
	})
	if p, ok := errors.AsType[*panicError](err); ok {
		g.log.LogAttrs(ctx, slog.LevelError, "witness panicked", slog.String("request_id", v.id),
			slog.String("error", p.text), slog.String("stack", p.stack))
	}
}

// witnessed copies: what it is made of lies in buffers that the next request
// overwrites.
func witnessed(c *fiber.Ctx, v *visit) Witnessed {
	uri := c.Request().URI()
	path := string(uri.PathOriginal())
	address := ownOrigin(c) + path
	if query := withoutCredentials(string(uri.QueryString())); query != "" {
		address += "?" + query
	}
	return Witnessed{
		Activity: v.activity, Caller: v.caller, Status: c.Response().StatusCode(), Handled: v.handled,
		RequestID: v.id, Method: knownMethod(c.Method()), Route: v.route(), Path: path, URL: address,
		Referrer: utils.CopyString(c.Get(fiber.HeaderReferer)), UserAgent: utils.CopyString(c.Get(fiber.HeaderUserAgent)),
		At: v.start,
	}
}

// withoutCredentials drops what a mistaken client wrote into its address: no route
// reads a credential there.
func withoutCredentials(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if pair != "" && !namesCredential(strings.ToLower(name)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func namesCredential(name string) bool {
	for _, word := range []string{"token", "jwt", "secret", "password", "authorization", "api_key", "apikey", "signature"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
