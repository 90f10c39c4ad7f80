package gateway

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// The sentences of the original's 401s; clients compare with them.
const (
	notProvided = "Authentication credentials were not provided."
	invalid     = "Invalid token."
	nameless    = "JWT must include a preferred_username or username claim!"
)

// authenticate finds out who asks, tells the handler through the context, and
// counts the request against the caller's limit for routes of class.
func (g *Gateway) authenticate(c *fiber.Ctx, class string) error {
	principal, err := g.caller(c)
	if err != nil {
		return err
	}
	activity := &registrar.Activity{}
	visitOf(c).enter(principal, activity)
	ctx := registrar.WithPrincipal(c.UserContext(), principal)
	c.SetUserContext(registrar.WithActivity(ctx, activity))
	return g.throttle(c, principal.Username, class)
}

// caller recognises who asks. A token in the header wins, and is final if it is bad;
// cookies stand in for one that is not there or not well-formed.
func (g *Gateway) caller(c *fiber.Ctx) (registrar.Principal, error) {
	token, header := headerToken(c)
	switch {
	case header == headerGood:
		return g.recognise(c, token)
	case header == headerNone && g.takesCookies(c.Path()):
		return g.cookieCaller(c)
	}
	return registrar.Principal{}, unauthenticated("token_missing", notProvided, nil)
}

// recognise returns the bearer of a token.
func (g *Gateway) recognise(c *fiber.Ctx, token string) (registrar.Principal, error) {
	ctx := c.UserContext()
	claims, err := g.verify(ctx, c, token)
	if err != nil {
		return registrar.Principal{}, err
	}
	principal, err := g.people.Principal(ctx, claims)
	if err != nil {
		return registrar.Principal{}, fmt.Errorf("gateway: principal: %w", err)
	}
	return principal, nil
}

// header is what an Authorization header is to us.
type header int

const (
	headerNone  header = iota // there is none, or not one token in it
	headerOther               // of a scheme that is not ours
	headerGood
)

// headerToken reads "JWT <token>", and "Bearer <token>" where a generic client
// may come.
func headerToken(c *fiber.Ctx) (string, header) {
	text := c.Get(fiber.HeaderAuthorization)
	words := strings.Fields(text)
	if len(words) == 0 {
		return "", headerNone
	}
	if !strings.EqualFold(words[0], "JWT") && (!strings.EqualFold(words[0], "Bearer") || !takesBearer(c.Path())) {
		return "", headerOther
	}
	if len(words) != 2 || text != words[0]+" "+words[1] {
		return "", headerNone
	}
	// The header lives in a buffer that the next request overwrites.
	return utils.CopyString(words[1]), headerGood
}

// takesBearer excepts v1 and v2, whose clients see the original's refusal.
func takesBearer(path string) bool {
	return below(path, "/api/v3") || below(path, "/lms") || below(path, "/discovery")
}

func unauthenticated(code, detail string, cause error) error {
	return &registrar.Error{Kind: registrar.Unauthenticated, Code: code, Detail: detail, Err: cause}
}
