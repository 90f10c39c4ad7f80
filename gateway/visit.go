package gateway

import (
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/registrar"
)

// visit is what the gateway notes of one request on its way.
type visit struct {
	id        string
	start     time.Time
	place     *place     // nil until a route matched
	class     string     // of the route, for limits
	preflight bool       // a browser asked whether it may ask
	limit     string     // what became of the limit; see [Observation.Limit]
	span      trace.Span // nil: not traced
	failure   error      // what was rendered instead of an answer
	caller    registrar.Principal
	activity  *registrar.Activity // nil until the caller is known
	handled   bool                // a mounted handler was asked
}

// enter notes who asks, and where what happens is noted.
func (v *visit) enter(caller registrar.Principal, activity *registrar.Activity) {
	v.caller, v.activity = caller, activity
}

// route names what was asked without the words of the caller.
func (v *visit) route() string {
	switch {
	case v.preflight:
		return "preflight"
	case v.place != nil:
		return v.place.path
	}
	return "unmatched"
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
