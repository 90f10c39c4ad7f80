package gateway

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// trace opens the span of a request, as a part of the caller's trace if it names
// one. The handler finds it in its context, so that calls upstream join it.
func (g *Gateway) trace(c *fiber.Ctx) error {
	if g.tracer == nil || isProbe(c.Path()) {
		return c.Next()
	}
	v := visitOf(c)
	parent := propagation.TraceContext{}.Extract(c.UserContext(), traceHeaders{c})
	method := knownMethod(c.Method())
	ctx, span := g.tracer.Start(parent, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method),
		attribute.String("registrar.request_id", v.id)))
	defer span.End()
	v.span = span
	c.SetUserContext(ctx)
	err := c.Next()
	o := g.observation(c)
	span.SetName(o.Method + " " + o.Route)
	span.SetAttributes(
		attribute.String("http.route", o.Route),
		attribute.Int("http.response.status_code", o.Status))
	if o.Cache != "" {
		span.SetAttributes(attribute.String("registrar.cache", o.Cache))
	}
	if o.Code != "" {
		span.SetAttributes(attribute.String("error.type", o.Code))
	}
	if o.Status >= fiber.StatusInternalServerError {
		span.SetStatus(codes.Error, o.Code)
	}
	return err
}

// isProbe keeps out of the traces what is asked every few seconds. It is decided
// before a route is known, because sampling is.
func isProbe(path string) bool {
	return path == "/livez" || path == "/readyz" || path == "/health"
}

// traceHeaders reads the headers of a request for the propagator.
type traceHeaders struct{ c *fiber.Ctx }

// Get copies: the header lives in a buffer that the next request overwrites.
func (h traceHeaders) Get(key string) string { return utils.CopyString(h.c.Get(key)) }

// Set does nothing: the headers of a request are only read.
func (traceHeaders) Set(string, string) {}

// Keys names none: the propagator asks for those it knows.
func (traceHeaders) Keys() []string { return nil }
