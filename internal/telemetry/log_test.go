package telemetry_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"registrar/internal/telemetry"
)

func TestLogLinesNameTheirTrace(t *testing.T) {
	t.Parallel()
	kept := trace.SpanContextConfig{TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled}
	dropped := trace.SpanContextConfig{TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{1}}
	const id = "trace_id=ab000000000000000000000000000000"
	for name, test := range map[string]struct {
		span trace.SpanContextConfig
		log  func(*slog.Logger) *slog.Logger
		attr slog.Attr
		want int
	}{
		"within a trace":       {kept, func(l *slog.Logger) *slog.Logger { return l }, slog.Int("n", 1), 1},
		"with attributes":      {kept, func(l *slog.Logger) *slog.Logger { return l.With(slog.Int("m", 2)) }, slog.Int("n", 1), 1},
		"said already":         {kept, func(l *slog.Logger) *slog.Logger { return l }, slog.String("trace_id", "ab000000000000000000000000000000"), 1},
		"a trace nobody keeps": {dropped, func(l *slog.Logger) *slog.Logger { return l }, slog.Int("n", 1), 0},
		"outside":              {trace.SpanContextConfig{}, func(l *slog.Logger) *slog.Logger { return l }, slog.Int("n", 1), 0},
	} {
		var out bytes.Buffer
		log := test.log(slog.New(telemetry.LogHandler(slog.NewTextHandler(&out, nil))))
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(test.span))
		log.LogAttrs(ctx, slog.LevelInfo, "said", test.attr)
		if got := strings.Count(out.String(), id); got != test.want || !strings.Contains(out.String(), "msg=said") {
			t.Errorf("%s: %q names the trace %d times, want %d", name, out.String(), got, test.want)
		}
	}
}
