package telemetry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/telemetry"
)

// answer is about as large as a page of learners from the cache.
type answer struct {
	Count   int      `json:"count"`
	Results []string `json:"results"`
}

// pipeline is one request for a cached answer, as far as telemetry sees it: a
// span, a body, and one observation; every tenth asks an upstream three times.
func pipeline(b *testing.B, m *telemetry.Metrics, tracer trace.Tracer) {
	b.Helper()
	page := answer{Count: 100, Results: make([]string, 100)}
	for i := range page.Results {
		page.Results[i] = "a row of about as many bytes as a learner has in the listing"
	}
	client, server := http.NewServeMux(), httptest.NewRecorder()
	client.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(page)
	})
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil)
	for i := 0; b.Loop(); i++ {
		ctx, end := begin(b.Context(), tracer)
		server.Body.Reset()
		client.ServeHTTP(server, request)
		if i%10 == 0 {
			upstreams(ctx, m, tracer)
		}
		if m != nil {
			m.TokenChecked("remembered")
			m.RequestDone(telemetry.Request{
				Route: "/api/v3/programs/:program_key/learners", Method: "GET", Status: 200,
				Class: "read", Limit: "allowed", Cache: "hit", Took: time.Millisecond,
			})
		}
		end()
	}
}

func begin(ctx context.Context, tracer trace.Tracer) (context.Context, func()) {
	if tracer == nil {
		return ctx, func() {}
	}
	ctx, span := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", "GET"), attribute.String("registrar.request_id", "0123456789abcdef")))
	return ctx, func() {
		span.SetAttributes(attribute.String("http.route", "/api/v3/programs/:program_key/learners"), attribute.Int("http.response.status_code", 200))
		span.End()
	}
}

func upstreams(ctx context.Context, m *telemetry.Metrics, tracer trace.Tracer) {
	for range 3 {
		if tracer != nil {
			_, span := tracer.Start(ctx, "course grades", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("registrar.upstream", "lms")))
			span.End()
		}
		if m != nil {
			m.UpstreamCall(telemetry.Call{Upstream: "lms", Class: "grades", Status: 200, Took: time.Millisecond})
		}
	}
}

// BenchmarkPipeline compares a request with nothing to one with all metrics and
// 1 % of the traces, within one run.
func BenchmarkPipeline(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		pipeline(b, nil, nil)
	})
	b.Run("metrics and 1% traces", func(b *testing.B) {
		sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer sink.Close()
		tracing, err := telemetry.Start(b.Context(), telemetry.TraceConfig{Endpoint: sink.URL, Ratio: 0.01})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = tracing.Shutdown(context.WithoutCancel(b.Context())) }()
		m := telemetry.NewMetrics("bench")
		m.AllowRoutes("/api/v3/programs/:program_key/learners")
		b.ReportAllocs()
		pipeline(b, m, tracing.Tracer())
	})
}
