package gateway

import (
	"log/slog"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
)

// record renders what went wrong further in and writes one line. Rendering here,
// not in fiber's error handler, is what lets the line tell the true status.
func (g *Gateway) record(c *fiber.Ctx) error {
	err := c.Next()
	if err == nil {
		err = rescued(func() error { return g.settle(c) })
	}
	if err != nil {
		g.render(c, err)
	}
	g.testify(c) // before the line, whose duration is the caller's wait
	g.finish(c)
	return nil
}

// writeLine says what was asked and how it ended. The path, the query and the
// caller stay out: they name learners.
func (g *Gateway) writeLine(c *fiber.Ctx, o Observation) {
	v := visitOf(c)
	level := slog.LevelInfo
	if v.place != nil && v.place.wall == probe {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("method", o.Method),
		slog.String("route", o.Route),
		slog.Int("status", o.Status),
		slog.Float64("duration_ms", float64(o.Duration)/float64(time.Millisecond)),
		slog.Int("bytes", size(c)),
		slog.String("request_id", v.id),
	}
	if o.Code != "" {
		attrs = append(attrs, slog.String("kind", string(o.Kind)), slog.String("code", o.Code))
	}
	if o.Limit != "" && o.Limit != limitKept {
		attrs = append(attrs, slog.String("limit", o.Limit), slog.String("class", o.Class))
	}
	if v.span != nil && v.span.SpanContext().IsSampled() {
		attrs = append(attrs, slog.String("trace_id", v.span.SpanContext().TraceID().String()))
	}
	g.log.LogAttrs(c.UserContext(), level, "request", attrs...)
}

// size is the length of the body in bytes; -1 for a stream, which is sent only
// after the line is written.
func size(c *fiber.Ctx) int {
	switch response := c.Response(); {
	case response.IsBodyStream():
		return -1 // Body() would swallow the stream
	case c.Method() == fiber.MethodHead:
		return 0
	default:
		return len(response.Body())
	}
}

// knownMethod keeps out of the log what a caller can write freely.
func knownMethod(method string) string {
	if i := slices.Index(methods(), method); i >= 0 {
		return methods()[i]
	}
	return "other"
}
