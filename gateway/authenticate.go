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
	token, ok := headerToken(c)
	if !ok {
		return unauthenticated("token_missing", notProvided, nil)
	}
	ctx := c.UserContext()
	claims, err := g.verify(ctx, c, token)
	if err != nil {
		return err
	}
	principal, err := g.people.Principal(ctx, claims)
	if err != nil {
		return fmt.Errorf("gateway: principal: %w", err)
	}
	c.SetUserContext(registrar.WithPrincipal(ctx, principal))
	return g.throttle(c, principal.Username, class)
}

// headerToken reads "JWT <token>", and "Bearer <token>" where a generic client
// may come. It is the one place that knows where a token can be.
func headerToken(c *fiber.Ctx) (string, bool) {
	scheme, token, found := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !found || token == "" || strings.ContainsAny(token, " \t") {
		return "", false
	}
	known := strings.EqualFold(scheme, "JWT") || strings.EqualFold(scheme, "Bearer") && takesBearer(c.Path())
	// The header lives in a buffer that the next request overwrites.
	return utils.CopyString(token), known
}

// takesBearer excepts v1 and v2, whose clients see the original's refusal.
func takesBearer(path string) bool {
	return below(path, "/api/v3") || below(path, "/lms") || below(path, "/discovery")
}

func unauthenticated(code, detail string, cause error) error {
	return &registrar.Error{Kind: registrar.Unauthenticated, Code: code, Detail: detail, Err: cause}
}
