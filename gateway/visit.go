package gateway

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// visit is what the gateway notes of one request on its way.
type visit struct {
	id      string
	start   time.Time
	place   *place // nil until a route matched
	failure error  // what was rendered instead of an answer
}

type visitKey struct{}

// visitOf returns the visit that identify began.
func visitOf(c *fiber.Ctx) *visit {
	if v, ok := c.Locals(visitKey{}).(*visit); ok {
		return v
	}
	// Only a request that the server refused before the first middleware has none.
	return &visit{}
}
