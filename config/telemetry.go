package config

// Telemetry is what the gateway tells of itself to those who run it.
type Telemetry struct {
	// Whether Prometheus finds metrics at /metrics.
	Metrics bool `yaml:"metrics"`
	// Base address of the collector that takes traces by OTLP over HTTP, such as http://collector:4318. Empty: no traces.
	TracesEndpoint string `yaml:"traces_endpoint" validate:"omitempty,base_url"`
	// Share of the requests that are traced, 0.01 being one in a hundred. A caller's traceparent can keep its request out, not put it in.
	TraceRatio float64 `yaml:"trace_ratio" validate:"min=0,max=1"`
	// Name of this service in traces.
	ServiceName string `yaml:"service_name" validate:"required"`
}
