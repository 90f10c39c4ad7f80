package telemetry

import (
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// rootSampler decides about spans that begin a trace. A call of a database that
// belongs to nobody's request is housekeeping; traces of one span each would only
// drown the others.
type rootSampler struct{ sdk.Sampler }

// ShouldSample drops roots that are calls and leaves the rest to the ratio.
func (s rootSampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if p.Kind == trace.SpanKindClient {
		return sdk.SamplingResult{Decision: sdk.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	}
	return s.Sampler.ShouldSample(p)
}
