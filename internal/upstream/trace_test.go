package upstream_test

import (
	"net/http"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Every try is a span of its own within the caller's trace, which the upstream
// hears of; no span tells a learner's name.
func TestTriesAreTraced(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	tracer := provider.Tracer("test")
	var parents, ids []string
	c := faked(t, upstream.Config{Name: "Discovery", Tracer: tracer}, func(r *http.Request) (*http.Response, error) {
		parents, ids = append(parents, r.Header.Get("Traceparent")), append(ids, r.Header.Get("X-Request-Id"))
		if len(parents) == 1 {
			return reply(502, "text/html", ""), nil
		}
		return reply(200, "application/json", `{}`), nil
	})
	ctx, root := tracer.Start(registrar.WithRequestID(t.Context(), "req-1"), "root")
	if _, err := c.Get(ctx, upstream.Request{Operation: "learner grades", Class: "grades", Path: "/users/mira_k/"}); err != nil {
		t.Fatal(err)
	}
	root.End()

	spans := recorder.Ended()
	if len(spans) != 3 || len(parents) != 2 {
		t.Fatalf("%d spans and %d calls, want one for each of two tries and the root", len(spans), len(parents))
	}
	for i, span := range spans[:2] {
		if span.Name() != "learner grades" || span.Parent().SpanID() != root.SpanContext().SpanID() {
			t.Errorf("span %d is %q under %v", i, span.Name(), span.Parent().SpanID())
		}
		want := "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01"
		if parents[i] != want || ids[i] != "req-1" {
			t.Errorf("call %d carried %q and %q, want %q and the request's id", i, parents[i], ids[i], want)
		}
		said := map[string]string{}
		for _, a := range span.Attributes() {
			said[string(a.Key)] = a.Value.String()
			if strings.Contains(a.Value.String(), "mira_k") || strings.Contains(a.Value.String(), "lms.test") {
				t.Errorf("attribute %s tells %q", a.Key, a.Value.String())
			}
		}
		status := []string{"502", "200"}[i]
		if said["registrar.upstream"] != "Discovery" || said["registrar.class"] != "grades" || said["http.response.status_code"] != status {
			t.Errorf("attributes = %v", said)
		}
	}
	if spans[0].Status().Description != "upstream_error" || spans[1].Status().Description != "" {
		t.Errorf("statuses = %v, %v", spans[0].Status(), spans[1].Status())
	}
}

// Without a tracer the caller's trace still goes upstream.
func TestTraceIsPassedOnWithoutATracer(t *testing.T) {
	t.Parallel()
	var parent string
	c := faked(t, upstream.Config{}, func(r *http.Request) (*http.Response, error) {
		parent = r.Header.Get("Traceparent")
		return reply(200, "application/json", `{}`), nil
	})
	provider := sdktrace.NewTracerProvider()
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")
	defer root.End()
	if _, err := c.Get(ctx, read("/")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(parent, root.SpanContext().TraceID().String()) {
		t.Errorf("traceparent = %q, want the trace of the caller", parent)
	}
	parent = "unset"
	if _, err := c.Get(t.Context(), read("/")); err != nil || parent != "" {
		t.Errorf("without a trace: %v, traceparent %q", err, parent)
	}
}

// What passes through is a span of its own too, and the upstream hears of that one.
func TestPassingIsTraced(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	c := faked(t, upstream.Config{Name: "Discovery", Tracer: provider.Tracer("test")}, fine)
	var parent string
	if _, err := passThrough(t, c, func(r *http.Request) (*http.Response, error) {
		parent = r.Header.Get("Traceparent")
		return fine(r)
	}); err != nil {
		t.Fatal(err)
	}
	spans := recorder.Ended()
	if len(spans) != 1 || spans[0].Name() != "passthrough" || !strings.Contains(parent, spans[0].SpanContext().SpanID().String()) {
		t.Fatalf("spans %v, traceparent %q", spans, parent)
	}
	for _, a := range spans[0].Attributes() {
		if strings.Contains(a.Value.String(), "lms.test") {
			t.Errorf("attribute %s tells the address", a.Key)
		}
	}
}
