package gateway

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// Observation is what became of one request, in words that are few enough to
// label a metric with: nothing in it was chosen by the caller.
type Observation struct {
	Method string // "other" for one that the server does not serve
	// Route is the template that matched, "preflight" or "unmatched".
	Route    string
	Class    string // of [Deps.Class]; empty where none was asked for
	Status   int
	Kind     registrar.Kind // empty for an answer that is no failure
	Code     string         // empty likewise
	Duration time.Duration  // until a streamed answer begins
	// Cache is "hit", "stale" or "miss", and empty for what is not composed.
	Cache string
	// Limit is "allowed", "limited", "observed" (over the limit, let through),
	// "unchecked" (nobody could count), or empty where no limit is set.
	Limit string
}

// observation sums up a request that is answered.
func (g *Gateway) observation(c *fiber.Ctx) Observation {
	v := visitOf(c)
	o := Observation{
		Method: knownMethod(c.Method()), Route: v.route(), Class: v.class,
		Status: c.Response().StatusCode(), Duration: g.now().Sub(v.start),
		Cache: cacheOutcome(c.GetRespHeader("Cache-Status")), Limit: v.limit,
	}
	if v.failure != nil {
		o.Kind, o.Code = registrar.KindOf(v.failure), registrar.CodeOf(v.failure)
	}
	return o
}

// finish tells everybody who watches that a request is answered.
func (g *Gateway) finish(c *fiber.Ctx) {
	o := g.observation(c)
	g.writeLine(c, o)
	if g.observe != nil {
		g.observe(o)
	}
}

// cacheOutcome reduces a Cache-Status (RFC 9211) to one word.
func cacheOutcome(status string) string {
	switch {
	case status == "":
		return ""
	case !strings.Contains(status, "; hit"):
		return "miss"
	case strings.Contains(status, "stale"):
		return "stale"
	}
	return "hit"
}
