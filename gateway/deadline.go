package gateway

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/registrar"
)

// limit gives each request a context that ends: when its time is up, or when the
// server has stopped waiting for it. Neither fiber's context nor fasthttp's ends
// when the caller hangs up, so this clock is the only brake.
func (g *Gateway) limit(base context.Context) fiber.Handler {
	// The cause says in logs and answers whose clock ran out.
	outOfTime := &registrar.Error{
		Kind: registrar.Timeout, Code: "request_timeout",
		Detail: "The answer could not be composed within the time for one request.",
		Err:    context.DeadlineExceeded,
	}
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeoutCause(base, g.cfg.RequestTimeout, outOfTime)
		defer func() {
			// A streamed answer is written after the handler returned and may
			// still need its context; the timer ends that one.
			if !c.Response().IsBodyStream() {
				cancel()
			}
		}()
		v := visitOf(c)
		if v.span != nil {
			ctx = trace.ContextWithSpan(ctx, v.span)
		}
		c.SetUserContext(registrar.WithRequestID(ctx, v.id))
		return c.Next()
	}
}
