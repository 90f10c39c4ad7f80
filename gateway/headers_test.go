package gateway_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/a", func(c *fiber.Ctx) error { return c.SendString(registrar.RequestID(c.UserContext())) }),
	}})
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[string]bool{}
	for name, given := range map[string]string{
		"none": "", "short": "1234567", "long": strings.Repeat("a", 65), "space": "12345678 90", "quote": `12345678"`,
		"accent": "écoleécole", "comma": "12345678,12345678", "percent": "1234%0a5678",
	} {
		got := s.ask(t, "GET", "/a", "X-Request-ID: "+given)
		id := got.header.Get("X-Request-ID")
		if !made.MatchString(id) || got.body != id || seen[id] {
			t.Errorf("%s: header %q, context %q; want a new id in both", name, id, got.body)
		}
		seen[id] = true
	}
	for _, given := range []string{"12345678", "aZ09._-x", strings.Repeat("b", 64)} {
		if got := s.ask(t, "GET", "/a", "x-request-id: "+given); got.header.Get("X-Request-ID") != given || got.body != given {
			t.Errorf("%q became %q, context %q", given, got.header.Get("X-Request-ID"), got.body)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	own := func(c *fiber.Ctx) error {
		c.Set("Vary", "Prefer, Accept")
		c.Set("Cache-Control", "private, no-cache")
		c.Set("Content-Security-Policy", "default-src 'self' cdn")
		return nil
	}
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v3/x", greet), on("GET", "/api/v3/own", own)},
		Public:  []gateway.Mounter{on("GET", "/api-docs", greet)},
	})
	const (
		vary   = "Accept, Accept-Language, Cookie, Origin"
		sealed = "default-src 'none'; frame-ancestors 'none'"
	)
	docs := "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
	for path, want := range map[string][3]string{
		"/api/v3/x":   {vary, "private, no-store", sealed},
		"/api/v3/own": {"Prefer, Accept, Accept-Language, Cookie, Origin", "private, no-cache", "default-src 'self' cdn"},
		"/api-docs":   {vary, "", docs},
		"/nowhere":    {vary, "private, no-store", sealed},
		"/livez":      {vary, "private, no-store", sealed},
		"/a/../b":     {vary, "private, no-store", sealed},
	} {
		h := s.ask(t, "GET", path, "Authorization: JWT "+bearer(t, "ada")).header
		got := [3]string{h.Get("Vary"), h.Get("Cache-Control"), h.Get("Content-Security-Policy")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		fixed := [5]string{h.Get("X-Frame-Options"), h.Get("X-Content-Type-Options"), h.Get("Referrer-Policy"), h.Get("Content-Language"), h.Get("Server")}
		if diff := cmp.Diff([5]string{"DENY", "nosniff", "no-referrer", "en", ""}, fixed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}
