package telemetry_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/telemetry"
)

// started returns running tracing that ends with the test.
func started(t *testing.T, cfg telemetry.TraceConfig) *telemetry.Tracing {
	t.Helper()
	tracing, err := telemetry.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracing.Shutdown(context.WithoutCancel(t.Context())) })
	return tracing
}

// ended sends what is left.
func ended(t *testing.T, tracing *telemetry.Tracing) {
	t.Helper()
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSpansArriveWithWhatMayLeave(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := started(t, telemetry.TraceConfig{Endpoint: c.url + "/", Ratio: 1, Version: "1.2.3"})
	ctx, server := tracing.Tracer().Start(t.Context(), "GET /api/v3/programs/:program_key", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.route", "/api/v3/programs/:program_key"), attribute.String("registrar.request_id", "r-1"),
			attribute.String("url.full", "https://x/api/enrollment/ana_s0001")))
	_, call := tracing.Tracer().Start(ctx, "course grades", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.query.text", "select ana_s0001")))
	call.RecordError(errors.New("no such user ana_s0001"))
	call.AddEvent("asked for ana_s0001")
	call.SetStatus(codes.Error, "dial ana_s0001: refused")
	call.End()
	_, named := tracing.Tracer().Start(ctx, "UPDATE links SET username = 'ana_s0001'")
	named.SetStatus(codes.Error, "upstream_timeout")
	named.End()
	server.End()
	ended(t, tracing)

	spans := c.all()
	if len(spans) != 3 {
		t.Fatalf("spans %v, want 3", spans)
	}
	root, child := spans["GET /api/v3/programs/:program_key"], spans["course grades"]
	if root == nil || child == nil || string(child.GetParentSpanId()) != string(root.GetSpanId()) {
		t.Errorf("the call is no child of the request: %v, %v", root, child)
	}
	if len(root.GetAttributes()) != 2 || len(child.GetAttributes()) != 0 || len(child.GetEvents()) != 0 {
		t.Errorf("attributes and events: %v", spans)
	}
	if got := spans["UPDATE links SET username "].GetStatus().GetMessage(); got != "upstream_timeout" {
		t.Errorf("a code as the status' description: %q, want it kept", got)
	}
	sent := c.sent()
	if strings.Contains(sent, "ana_s0001") {
		t.Error("personal data left the process")
	}
	for _, word := range []string{"1.2.3", "r-1", "registrar"} {
		if !strings.Contains(sent, word) {
			t.Errorf("%q is not in what was sent", word)
		}
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := started(t, telemetry.TraceConfig{Endpoint: c.url, Ratio: 0})
	all := started(t, telemetry.TraceConfig{Endpoint: c.url, Ratio: 1})
	nobody := trace.SpanContextConfig{}
	traced := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled}
	untraced := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}
	for name, start := range map[string]struct {
		tracing *telemetry.Tracing
		caller  trace.SpanContextConfig
		kind    trace.SpanKind
		want    bool
	}{
		"nobody decided, ratio 0":           {tracing, nobody, trace.SpanKindServer, false},
		"the caller wants a trace, ratio 0": {tracing, traced, trace.SpanKindServer, false},
		"the caller wants a trace, ratio 1": {all, traced, trace.SpanKindServer, true},
		"the caller wants none":             {all, untraced, trace.SpanKindServer, false},
		"ratio 1":                           {all, nobody, trace.SpanKindServer, true},
		"a call of nobody's request":        {all, nobody, trace.SpanKindClient, false},
		"a call of a request":               {all, traced, trace.SpanKindClient, true},
	} {
		ctx := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(start.caller))
		_, span := start.tracing.Tracer().Start(ctx, name, trace.WithSpanKind(start.kind))
		if got := span.SpanContext().IsSampled(); got != start.want {
			t.Errorf("%s: sampled %t, want %t", name, got, start.want)
		}
		if got := span.SpanContext().TraceID(); start.caller.TraceID.IsValid() && got != start.caller.TraceID {
			t.Errorf("%s: trace %s, want the caller's", name, got)
		}
		span.End()
	}
	ended(t, tracing)
	ended(t, all)
}

// A caller chooses the id of its trace; the choice must not decide.
func TestACallerCannotChooseToBeSampled(t *testing.T) {
	t.Parallel()
	const requests, ratio = 4000, 0.25
	tracing := started(t, telemetry.TraceConfig{Endpoint: newCollector(t).url, Ratio: ratio})
	for name, id := range map[string]trace.TraceID{
		"small": {15: 1},
		"large": {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
	} {
		ctx := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(
			trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled}))
		sampled := 0
		for range requests {
			_, span := tracing.Tracer().Start(ctx, "x", trace.WithSpanKind(trace.SpanKindServer))
			if span.SpanContext().IsSampled() {
				sampled++
				// What follows within the process follows the first span.
				_, call := tracing.Tracer().Start(trace.ContextWithSpan(ctx, span), "y", trace.WithSpanKind(trace.SpanKindClient))
				if !call.SpanContext().IsSampled() {
					t.Errorf("%s: a call of a sampled request is not sampled", name)
				}
			}
		}
		// 27 standard deviations wide.
		if share := float64(sampled) / requests; share < ratio/4 || share > 2*ratio {
			t.Errorf("%s: %.3f of the requests are sampled, want about %.3f", name, share, ratio)
		}
	}
}

func TestNoEndpointMeansNoTraces(t *testing.T) {
	t.Parallel()
	tracing := started(t, telemetry.TraceConfig{Ratio: 1})
	_, span := tracing.Tracer().Start(t.Context(), "x")
	if tracing.Enabled() || span.IsRecording() {
		t.Error("traces without an endpoint")
	}
	ended(t, tracing)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]telemetry.TraceConfig{
		"no scheme": {Endpoint: "collector:4318"},
		"no host":   {Endpoint: "http://"},
		"garbage":   {Endpoint: "http://user:hunter2@%zz"},
		"ratio":     {Ratio: 1.5},
	} {
		_, err := telemetry.Start(t.Context(), cfg)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want one without the password", name, err)
		}
	}
}

// lines is a log whose lines can be waited for.
type lines struct {
	slog.Handler
	said chan string
}

func newLines() *lines { return &lines{Handler: slog.DiscardHandler, said: make(chan string, 1000)} }

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, line slog.Record) error {
	l.said <- line.Message
	return nil
}

func TestADeadCollectorCostsOneLine(t *testing.T) {
	t.Parallel()
	c, log := newCollector(t), newLines()
	c.status.Store(http.StatusBadRequest) // refuses for good: no repetition
	tracing := started(t, telemetry.TraceConfig{Endpoint: c.url, Ratio: 1, BatchTimeout: time.Millisecond, Log: slog.New(log)})
	export := func() {
		_, span := tracing.Tracer().Start(t.Context(), "x")
		span.End()
		<-c.bodies
	}
	export()
	if got := <-log.said; !strings.Contains(got, "dropped") {
		t.Errorf("the log says %q, want that spans are dropped", got)
	}
	export()
	export()
	c.status.Store(http.StatusOK)
	export()
	// The next line being this one proves that the failures between made none.
	if got := <-log.said; got != "traces are delivered again" {
		t.Errorf("the log says %q, want that the collector is back", got)
	}
	ended(t, tracing)
	if len(log.said) != 0 {
		t.Errorf("one more line: %q", <-log.said)
	}
}

func TestASilentCollectorHoldsNobody(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	tracing := started(t, telemetry.TraceConfig{
		Endpoint: "http://" + silent.Addr().String(), Ratio: 1,
		BatchTimeout: time.Millisecond, ExportTimeout: 300 * time.Millisecond, Log: slog.New(newLines()),
	})
	begun := time.Now()
	for range 10_000 { // several times what the queue holds
		_, span := tracing.Tracer().Start(t.Context(), "x")
		span.End()
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("10,000 spans took %v: somebody waited", took)
	}
	begun = time.Now()
	err = tracing.Shutdown(t.Context())
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("shutdown took %v (%v), want about the export's timeout", took, err)
	}
}
