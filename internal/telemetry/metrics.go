package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// namespace is the first word of every metric of ours.
const namespace = "registrar"

// Metrics is everything that the page of metrics shows. Make one with
// [NewMetrics]; it is safe for concurrent use. All methods that count are cheap
// and never block on anything but memory.
type Metrics struct {
	registry *prometheus.Registry
	words    *vocabulary
	watched  *watched

	requests    requestMetrics
	upstream    upstreamMetrics
	tokens      *prometheus.CounterVec
	keyFetches  *prometheus.CounterVec
	limits      *prometheus.CounterVec
	passthrough passthroughMetrics
	reloads     reloadMetrics
	jobs        jobMetrics
	up          *prometheus.GaugeVec
}

// NewMetrics returns metrics in a registry of their own, with the figures of the
// Go runtime and of the process beside them. version is that of the program.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), words: newVocabulary(), watched: newWatched()}
	m.requests = newRequestMetrics()
	m.upstream = newUpstreamMetrics()
	m.tokens = counter("tokens_checked_total", "Callers' tokens, by what became of them: verified, remembered, or the code of the refusal.", "outcome")
	m.keyFetches = counter("key_fetches_total", "Fetches of callers' verification keys from a JWKS URL.", "outcome")
	m.limits = counter("limit_verdicts_total", "Verdicts of the callers' rate limits, by route class.", "class", "verdict")
	m.passthrough = newPassthroughMetrics()
	m.reloads = newReloadMetrics()
	m.jobs = newJobMetrics()
	m.up = gauge("dependency_up", "Whether the last probe of a dependency succeeded: 1, or 0.", "dependency")
	built := gauge("build_info", "Always 1; the labels tell what runs.", "version", "go_version")
	built.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		built, m.tokens, m.keyFetches, m.limits, m.up, m.watched,
	)
	m.registry.MustRegister(m.requests.all()...)
	m.registry.MustRegister(m.upstream.all()...)
	m.registry.MustRegister(m.passthrough.all()...)
	m.registry.MustRegister(m.reloads.all()...)
	m.registry.MustRegister(m.jobs.all()...)
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// outcome is the label value of an action that ends well or not.
func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}
