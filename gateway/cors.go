package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

const (
	// corsMethods are the original's.
	corsMethods = "DELETE, GET, OPTIONS, PATCH, POST, PUT"
	// corsRequestHeaders are the original's, and those that v3 understands besides.
	corsRequestHeaders = "accept, accept-encoding, authorization, content-type, dnt, origin, user-agent, " +
		"x-csrftoken, x-requested-with, use-jwt-cookie, " +
		"cache-control, idempotency-key, if-none-match, prefer, traceparent, x-request-id"
	// corsAnswerHeaders are what a page may read of an answer.
	corsAnswerHeaders = "age, cache-status, content-disposition, etag, location, ratelimit-limit, ratelimit-remaining, " +
		"ratelimit-reset, retry-after, server-timing, x-registrar-complete, x-request-id"
)

// SetOrigins sets from now on which pages in a browser may call the API, with
// the cookies of their user. An origin is a scheme and a host, and a port unless
// it is the scheme's own; "*" is refused, because any page could act for any
// user then. On an error nothing changes.
func (g *Gateway) SetOrigins(origins []string) error {
	for _, origin := range origins {
		if !isOrigin(origin) {
			return fmt.Errorf(`gateway: origin %q: want one as browsers send it, like "https://console.example.org"; "*" cannot be allowed with credentials`, origin)
		}
	}
	origins = slices.Clone(origins)
	g.origins.Store(&origins)
	return nil
}

// SetPreflightAge sets for how long from now on a browser remembers that a page
// may call; not at all when age is less than a second.
func (g *Gateway) SetPreflightAge(age time.Duration) {
	g.preflightAge.Store(int64(max(age, 0).Seconds()))
}

// isOrigin reports whether a browser could send text as Origin, so that an exact
// comparison can ever succeed.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	ownPort := u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
	return u.Hostname() != "" && !ownPort && text == strings.ToLower(u.Scheme+"://"+u.Host) && !strings.Contains(u.Host, "*")
}

// share lets the page that asks read the answer, whatever it will be.
func (g *Gateway) share(c *fiber.Ctx) {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return
	}
	allowed := *g.origins.Load()
	i := slices.Index(allowed, origin)
	if i < 0 {
		return
	}
	c.Set(fiber.HeaderAccessControlAllowOrigin, allowed[i])
	c.Set(fiber.HeaderAccessControlAllowCredentials, "true")
	c.Set(fiber.HeaderAccessControlExposeHeaders, corsAnswerHeaders)
}

// preflight answers a browser that asks before it asks. It sends no credentials
// then, so it is let in whatever the path; an origin that is not allowed learns
// that from the headers that are missing.
func (g *Gateway) preflight(c *fiber.Ctx) error {
	if c.Method() != fiber.MethodOptions || c.Get(fiber.HeaderAccessControlRequestMethod) == "" {
		return c.Next()
	}
	visitOf(c).preflight = true
	if c.GetRespHeader(fiber.HeaderAccessControlAllowOrigin) != "" {
		c.Set(fiber.HeaderAccessControlAllowMethods, corsMethods)
		c.Set(fiber.HeaderAccessControlAllowHeaders, corsRequestHeaders)
		c.Set(fiber.HeaderAccessControlMaxAge, strconv.FormatInt(g.preflightAge.Load(), 10))
	}
	c.Status(fiber.StatusOK)
	return nil
}
