package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// Cookies names the two cookies in which the LMS leaves its user's token in a
// browser, for pages such as the Program Console. Without names no cookie is a
// credential.
type Cookies struct {
	// HeaderPayload holds the token up to its second dot.
	HeaderPayload string
	// Signature holds the rest.
	Signature string
}

func (k Cookies) none() bool { return k == Cookies{} }

// check refuses names that no cookie can have, and one without the other.
func (k Cookies) check() error {
	if k.none() {
		return nil
	}
	const others = "!#$%&'*+-.^_`|~" // of RFC 6265's tokens, besides letters and digits
	for _, name := range []string{k.HeaderPayload, k.Signature} {
		odd := strings.ContainsFunc(name, func(r rune) bool {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
			return !letter && !strings.ContainsRune(others, r)
		})
		if name == "" || odd || name == csrfCookie {
			return fmt.Errorf("gateway: %q cannot be the name of a cookie with half a token; want two names, or none", name)
		}
	}
	if k.HeaderPayload == k.Signature {
		return fmt.Errorf("gateway: both halves of a token cannot be in the cookie %q", k.Signature)
	}
	return nil
}

// takesCookies excepts what is passed through: a rule was opened for programs that
// ask with a token of their own, and a page that a user happens to look at could
// otherwise make the browser use it with the user's grants.
func (g *Gateway) takesCookies(path string) bool {
	return !g.cfg.Cookies.none() && !below(path, "/"+string(LMS)) && !below(path, "/"+string(Discovery))
}

// cookieCaller recognises who asks by the cookies of a browser. Whatever is wrong
// with them, it is to the caller as if there were none: in the original a session is
// tried next, and there is none here. v3's code tells the two apart, and no more.
func (g *Gateway) cookieCaller(c *fiber.Ctx) (registrar.Principal, error) {
	token, err := g.cookieToken(c)
	if err != nil {
		return registrar.Principal{}, err
	}
	// Before anything is done in the name of a user who may know nothing of it.
	if err := g.checkCSRF(c); err != nil {
		return registrar.Principal{}, unauthenticated("csrf_failed", notProvided, err)
	}
	principal, err := g.recognise(c, token)
	if registrar.KindOf(err) == registrar.Unauthenticated {
		err = unauthenticated("cookie_invalid", notProvided, err)
	}
	return principal, err
}

// cookieToken joins the halves.
func (g *Gateway) cookieToken(c *fiber.Ctx) (string, error) {
	names := g.cfg.Cookies
	payload, payloadErr := onlyCookie(c, names.HeaderPayload)
	signature, signatureErr := onlyCookie(c, names.Signature)
	if err := errors.Join(payloadErr, signatureErr); err != nil {
		return "", unauthenticated("cookie_invalid", notProvided, err)
	}
	if payload == "" || signature == "" {
		return "", unauthenticated("token_missing", notProvided, nil)
	}
	return payload + "." + signature, nil
}

// onlyCookie returns the cookie of that name, or "". Two of one name come from two
// places, one of which may be a neighbour of ours on the parent domain who would
// like to choose what we read.
func onlyCookie(c *fiber.Ctx, name string) (string, error) {
	value, found := "", false
	for key, text := range c.Request().Header.Cookies() {
		if string(key) != name {
			continue
		}
		if found {
			return "", errors.New("gateway: two cookies of one name")
		}
		value, found = string(text), true
	}
	return value, nil
}
