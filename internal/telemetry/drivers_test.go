package telemetry_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/telemetry"
)

func TestPostgresSpansTellNoData(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := started(t, telemetry.TraceConfig{Endpoint: c.url, Ratio: 1})
	cfg, err := pgx.ParseConfig(provisiontest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Tracer = tracing.Postgres()
	ctx, request := tracing.Tracer().Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
	db, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }()
	var echo string
	if err := db.QueryRow(ctx, "SELECT $1::text", "S-0001").Scan(&echo); err != nil || echo != "S-0001" {
		t.Fatalf("%q, %v", echo, err)
	}
	// The server's complaint quotes the value.
	if _, err := db.Exec(ctx, "SELECT 'S-0001'::int"); err == nil || !strings.Contains(err.Error(), "S-0001") {
		t.Fatalf("%v, want a complaint that quotes the value", err)
	}
	request.End()
	ended(t, tracing)

	spans := c.all()
	if spans["SELECT"] == nil {
		t.Errorf("no span of the statement in %v", spans)
	}
	if sent := c.sent(); strings.Contains(sent, "S-0001") || strings.Contains(sent, cfg.User+"@") || strings.Contains(sent, "::text") {
		t.Error("data of a statement left the process")
	}
}

func TestRedisSpansTellNoKeys(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := started(t, telemetry.TraceConfig{Endpoint: c.url, Ratio: 1})
	options, err := redis.ParseURL(provisiontest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if err := tracing.Redis(client); err != nil {
		t.Fatal(err)
	}
	ctx, request := tracing.Tracer().Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
	if err := client.Set(ctx, "key-S-0001", "value-S-0001", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Get(ctx, "key-S-0001")
		p.Incr(ctx, "key-S-0001") // fails: not a number
		return nil
	}); err == nil {
		t.Fatal("the increment of a text succeeded")
	}
	request.End()
	if err := client.Get(t.Context(), "key-S-0001").Err(); err != nil { // nobody's request
		t.Fatal(err)
	}
	ended(t, tracing)

	spans := c.all()
	if spans["set"] == nil || spans["redis.pipeline get incr"] == nil || spans["get"] != nil {
		t.Errorf("spans %v, want those of the request's commands and no other", spans)
	}
	if strings.Contains(c.sent(), "S-0001") {
		t.Error("a key or a value left the process")
	}
}

func TestRedisWithoutTraces(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if err := started(t, telemetry.TraceConfig{}).Redis(client); err != nil {
		t.Error(err)
	}
}
