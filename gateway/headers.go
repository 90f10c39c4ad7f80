package gateway

import "github.com/gofiber/fiber/v2"

const (
	// sealed lets a browser do nothing with an answer of the API.
	sealed = "default-src 'none'; frame-ancestors 'none'"
	// selfContained lets a page use what this server serves; Swagger UI has
	// inline scripts and styles.
	selfContained = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
		"script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
	unkept = "private, no-store"
)

// decorate sets the headers that every answer has.
func (g *Gateway) decorate(c *fiber.Ctx) error {
	g.preset(c)
	err := c.Next()
	complete(c)
	return err
}

// preset sets what a handler may replace.
func (g *Gateway) preset(c *fiber.Ctx) {
	if g.draining.Load() {
		// Before the listener goes: a caller who reuses a kept connection at the
		// wrong moment would lose the request.
		c.Context().SetConnectionClose()
	}
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentLanguage, "en")
	g.share(c)
}

// complete adds what a handler left open. It runs after the handler, so a Vary
// that a handler set is kept and extended.
func complete(c *fiber.Ctx) {
	c.Vary(fiber.HeaderAccept, fiber.HeaderAcceptLanguage, fiber.HeaderCookie, fiber.HeaderOrigin)
	policy := sealed
	if p := visitOf(c).place; p != nil && p.wall == page {
		policy = selfContained
	} else if c.GetRespHeader(fiber.HeaderCacheControl) == "" {
		c.Set(fiber.HeaderCacheControl, unkept)
	}
	if c.GetRespHeader(fiber.HeaderContentSecurityPolicy) == "" {
		c.Set(fiber.HeaderContentSecurityPolicy, policy)
	}
}
