package telemetry

import (
	"math/rand/v2"

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

// sampling is who decides whether a span is sent: the first span of this process
// for all that follow it. A caller may keep its request out of the traces, and may
// not put it in: whoever sends a sampled traceparent would decide what tracing
// costs us. The trace's id is the caller's all the same.
func sampling(ratio float64) sdk.Sampler {
	return sdk.ParentBased(rootSampler{sdk.TraceIDRatioBased(ratio)}, sdk.WithRemoteParentSampled(diceSampler{ratio}))
}

// diceSampler takes a share of the spans by chance. The library's own sampler
// decides by the trace's id, which the caller has chosen here.
type diceSampler struct{ share float64 }

// ShouldSample throws the dice.
func (s diceSampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	result := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if rand.Float64() < s.share {
		result.Decision = sdk.RecordAndSample
	}
	return result
}

// Description names the sampler for whoever prints the set-up.
func (s diceSampler) Description() string { return "share of the callers' traces" }
