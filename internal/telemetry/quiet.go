package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// quietExporter tells the log when the collector goes and when it is back, and
// nothing in between. Errors end here: the SDK would write each one to the
// process's standard error, past the log.
type quietExporter struct {
	sdk.SpanExporter
	log  *slog.Logger
	away atomic.Bool
}

// ExportSpans never fails.
func (q *quietExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	if away := err != nil; q.away.Swap(away) == away {
		return nil
	}
	if err != nil {
		// Not its text, which holds the collector's address and may hold a password.
		q.log.WarnContext(ctx, "traces cannot be delivered and are dropped", slog.String("reason", reason(ctx, err)))
		return nil
	}
	q.log.InfoContext(ctx, "traces are delivered again")
	return nil
}

// reason tells silence from refusal.
func reason(ctx context.Context, err error) string {
	if ctx.Err() != nil || isTimeout(err) {
		return "timeout"
	}
	return "refused or unreachable"
}
