package upstream

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/registrar"
)

// traced makes one exchange within a span of its own, named by the operation.
// No attribute holds the URL, for its path may name a learner; that is why the
// transport is not wrapped by a library, which would record it.
func (c *Client) traced(ctx context.Context, r Request, token string) (Response, error) {
	ctx, span := c.cfg.Tracer.Start(ctx, r.Operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("registrar.upstream", c.cfg.Name),
		attribute.String("registrar.class", r.class()),
		attribute.String("http.request.method", r.verb()),
	))
	defer span.End()
	resp, err := c.exchange(ctx, r, token)
	if resp.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", resp.Status))
	}
	if err != nil {
		span.SetAttributes(attribute.String("registrar.kind", string(registrar.KindOf(err))))
		// The code, not the text: the text is for the log.
		span.SetStatus(codes.Error, registrar.CodeOf(err))
	}
	return resp, err
}

// passOn puts the id and the trace of the request that ctx serves into header.
// Baggage stays here: it may hold what a caller wrote.
func passOn(ctx context.Context, header http.Header) {
	if id := registrar.RequestID(ctx); id != "" {
		header.Set("X-Request-ID", id)
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
}
