package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// TraceConfig says where traces go. The zero value sends none.
type TraceConfig struct {
	// Endpoint is the base address of an OTLP/HTTP collector, such as
	// http://collector:4318; /v1/traces is added. Empty: no traces.
	Endpoint string
	// Ratio is the share of requests that are traced, those with a sampled
	// traceparent of their callers' included. 0: none.
	Ratio       float64
	ServiceName string // default "registrar"
	Version     string
	// ExportTimeout bounds one export, its repetitions included. Default 10 s.
	ExportTimeout time.Duration
	// BatchTimeout is how long spans wait for company. Default 5 s.
	BatchTimeout time.Duration
	Log          *slog.Logger // nil: no log
}

func (c TraceConfig) withDefaults() TraceConfig {
	c.ServiceName = cmp.Or(c.ServiceName, "registrar")
	c.ExportTimeout = cmp.Or(c.ExportTimeout, 10*time.Second)
	c.BatchTimeout = cmp.Or(c.BatchTimeout, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Tracing hands out tracers. Spans leave in the background; when the collector
// does not keep up or is away they are lost, and nobody waits.
type Tracing struct {
	provider trace.TracerProvider
	sdk      *sdk.TracerProvider // nil when no traces are sent
	flush    time.Duration
}

// Start prepares the export and asks nothing of the network. Its error says what
// is wrong with cfg.
func Start(ctx context.Context, cfg TraceConfig) (*Tracing, error) {
	cfg = cfg.withDefaults()
	if cfg.Ratio < 0 || cfg.Ratio > 1 {
		return nil, errors.New("telemetry: the share of traced requests is from 0 to 1")
	}
	if cfg.Endpoint == "" {
		return &Tracing{provider: noop.NewTracerProvider()}, nil
	}
	collector, err := collectorURL(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(collector),
		otlptracehttp.WithTimeout(cfg.ExportTimeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: cfg.ExportTimeout / 2, MaxElapsedTime: cfg.ExportTimeout,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sampling(cfg.Ratio)),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cfg.ServiceName),
			attribute.String("service.version", cfg.Version))),
		sdk.WithBatcher(&quietExporter{SpanExporter: &wall{SpanExporter: exporter}, log: cfg.Log},
			sdk.WithExportTimeout(cfg.ExportTimeout), sdk.WithBatchTimeout(cfg.BatchTimeout)),
	)
	return &Tracing{provider: provider, sdk: provider, flush: cfg.ExportTimeout}, nil
}

// collectorURL completes the base address. Its errors do not repeat it, for it
// may hold a password.
func collectorURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("telemetry: the traces' endpoint wants the form http://host:4318")
	}
	return strings.TrimSuffix(base, "/") + "/v1/traces", nil
}

// Tracer returns the tracer that rooms are given. It is never nil.
func (t *Tracing) Tracer() trace.Tracer { return t.provider.Tracer("registrar") }

// Enabled reports whether spans go anywhere.
func (t *Tracing) Enabled() bool { return t.sdk != nil }

// Shutdown sends what is left and ends the background work, within the export's
// timeout and ctx, whatever the collector does.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t.sdk == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.flush)
	defer cancel()
	if err := t.sdk.Shutdown(ctx); err != nil {
		return fmt.Errorf("telemetry: last traces: %w", err)
	}
	return nil
}
