package telemetry

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// wall keeps in what must not leave the process. Drivers record error texts,
// statements and addresses as they see fit, and their next release may add more,
// so what passes is listed and the rest does not.
type wall struct{ sdk.SpanExporter }

// ExportSpans hands on the spans without what the wall keeps in.
func (w *wall) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	walled := make([]sdk.ReadOnlySpan, len(spans))
	for i, span := range spans {
		walled[i] = walledSpan{span}
	}
	return w.SpanExporter.ExportSpans(ctx, walled)
}

// walledSpan is a span as the collector may see it.
type walledSpan struct{ sdk.ReadOnlySpan }

// Name cuts the name before anything that no name of ours has: a driver may have
// put a statement there.
func (s walledSpan) Name() string {
	const longest = 100
	name := s.ReadOnlySpan.Name()
	if i := strings.IndexAny(name, "=?'\"$@\n"); i >= 0 {
		name = name[:i]
	}
	return name[:min(len(name), longest)]
}

// Attributes returns those whose keys are listed.
func (s walledSpan) Attributes() []attribute.KeyValue {
	return slices.DeleteFunc(slices.Clone(s.ReadOnlySpan.Attributes()), func(kv attribute.KeyValue) bool { return !mayLeave(kv.Key) })
}

// Events returns none: an event is an exception, and its message is free text.
func (walledSpan) Events() []sdk.Event { return nil }

// Links keeps the links and drops what is said of them.
func (s walledSpan) Links() []sdk.Link {
	links := slices.Clone(s.ReadOnlySpan.Links())
	for i := range links {
		links[i].Attributes = nil
	}
	return links
}

// Status keeps a description that is a code of ours.
func (s walledSpan) Status() sdk.Status {
	status := s.ReadOnlySpan.Status()
	if status.Description != "" && (!isWord(status.Description) || strings.Contains(status.Description, " ")) {
		status.Description = ""
	}
	return status
}

// mayLeave lists the attributes that say nothing about persons and secrets.
func mayLeave(key attribute.Key) bool {
	switch key {
	case "http.request.method", "http.route", "http.response.status_code", "error.type",
		"db.system", "db.system.name", "db.operation", "db.operation.name", "db.namespace", "db.name",
		"db.response.status_code", "pgx.operation.type", "pgx.sql_state", "db.redis.num_cmd",
		"server.address", "server.port":
		return true
	}
	return strings.HasPrefix(string(key), "registrar.")
}
