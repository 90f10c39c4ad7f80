package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type passthroughMetrics struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newPassthroughMetrics() passthroughMetrics {
	return passthroughMetrics{
		total: counter("passthrough_requests_total", "Requests that a passthrough rule answered, by status and cache result (none: the rule keeps nothing).", "rule", "status", "cache"),
		duration: histogram("passthrough_duration_seconds", "Time until the answer of a passthrough rule began.",
			[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "rule"),
	}
}

func (p passthroughMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{p.total, p.duration}
}

// PassthroughDone counts a request that the rule of this name answered; cache is
// hit, miss, collapsed (another request's answer was waited for), or empty.
func (m *Metrics) PassthroughDone(rule string, code int, cache string, took time.Duration) {
	name := m.words.rules.bound(rule)
	m.passthrough.total.WithLabelValues(name, status(code), m.words.caches.bound(cache)).Inc()
	m.passthrough.duration.WithLabelValues(name).Observe(took.Seconds())
}
