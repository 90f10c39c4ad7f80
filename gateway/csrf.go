package gateway

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// A browser sends its user's cookies along with whatever any page makes it send. So
// a request that changes something, and whose credentials are cookies, must come
// from a page that we know, and must repeat in a header what only such a page could
// read from us. The first is the wall: a neighbour on the parent domain can plant a
// cookie of the second's name. The second is what clients of the original send.

const (
	csrfCookie = "registrar_csrftoken"
	csrfHeader = "X-CSRFToken"
	csrfPath   = "/csrf/api/v1/token"
	csrfMaxAge = 365 * 24 * 60 * 60 // seconds
	csrfSize   = 32                 // bytes of chance
)

// checkCSRF passes a request that only reads, and one whose page may do more.
func (g *Gateway) checkCSRF(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	if ofOwnPage(c) {
		return nil
	}
	if !g.fromKnownPage(c) {
		return errors.New("gateway: csrf: the page is not known")
	}
	token, err := onlyCookie(c, csrfCookie)
	if err != nil {
		return err
	}
	if !isCSRFToken(token) || subtle.ConstantTimeCompare([]byte(token), []byte(c.Get(csrfHeader))) != 1 {
		return errors.New("gateway: csrf: cookie and header are not one token")
	}
	return nil
}

// ofOwnPage recognises what a page of this server asks beside the API, such as the
// page of queues, which is not ours to make and repeats no token. What only a browser
// writes, and no page can, says that the page came from here; an old browser that does
// not say it is refused.
func ofOwnPage(c *fiber.Ctx) bool {
	return !below(c.Path(), "/api") && c.Get("Sec-Fetch-Site") == "same-origin" && c.Get(fiber.HeaderOrigin) == ownOrigin(c)
}

// fromKnownPage looks at where the page that sends the request is from. A browser
// always tells with a request that changes something; over https, where nobody
// between can remove it, a request that does not tell is refused.
func (g *Gateway) fromKnownPage(c *fiber.Ctx) bool {
	base := ownOrigin(c)
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		if !isHTTPS(c) {
			return true
		}
		origin = originOf(c.Get(fiber.HeaderReferer))
	}
	return origin != "" && (origin == base || slices.Contains(*g.origins.Load(), origin))
}

// ownOrigin is how a page of this server would name itself.
func ownOrigin(c *fiber.Ctx) string {
	return strings.ToLower(c.Protocol() + "://" + c.Hostname())
}

// originOf is where an address is from, as Origin would say it; empty for what is no
// address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// isHTTPS reports whether the caller speaks TLS, as far as those who may say so tell.
func isHTTPS(c *fiber.Ctx) bool { return strings.EqualFold(c.Protocol(), "https") }

// csrfToken gives a page the token and leaves it in the browser as a cookie. One
// that is there already stays, so that two tabs do not take it from each other.
// That it may be planted gives nobody more than a token of one's own would.
func (g *Gateway) csrfToken(c *fiber.Ctx) error {
	token, err := onlyCookie(c, csrfCookie)
	if err != nil || !isCSRFToken(token) {
		token = newCSRFToken()
	}
	c.Cookie(&fiber.Cookie{
		Name: csrfCookie, Value: token, Path: "/", MaxAge: csrfMaxAge,
		// Not HTTPOnly, as in the original: pages of this host may read it.
		SameSite: fiber.CookieSameSiteLaxMode, Secure: isHTTPS(c),
	})
	c.Set(fiber.HeaderCacheControl, unkept)
	return sendJSON(c, fiber.StatusOK, `{"csrfToken":"`+token+`"}`)
}

func newCSRFToken() string {
	var random [csrfSize]byte
	// crypto/rand never returns an error; it ends the process instead.
	_, _ = rand.Read(random[:])
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// isCSRFToken knows our own. Those of the original are of another length.
func isCSRFToken(text string) bool {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips line ends, which no cookie holds.
	return err == nil && len(decoded) == csrfSize && len(text) == base64.RawURLEncoding.EncodedLen(csrfSize)
}
