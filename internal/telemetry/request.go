package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Request is one request that was answered. Empty members mean that there is
// nothing to tell.
type Request struct {
	Route  string // the template that matched, never the path
	Method string
	Status int
	Kind   string // of the failure
	Code   string // of the failure
	Class  string // of the rate limit
	Limit  string // the verdict of the rate limit
	Cache  string // hit, stale or miss
	Took   time.Duration
}

type requestMetrics struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
	caches   *prometheus.CounterVec
}

func newRequestMetrics() requestMetrics {
	return requestMetrics{
		total: counter("http_requests_total", "Requests answered.", "route", "method", "status"),
		duration: histogram("http_request_duration_seconds", "Time until a request was answered; until its first byte for a streamed table.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "route", "method", "status_class"),
		failures: counter("http_failures_total", "Requests that failed, by kind and code of the failure.", "kind", "code"),
		caches:   counter("http_cache_results_total", "Composed answers, by where the slowest of their parts came from: hit, stale or miss.", "route", "result"),
	}
}

func (r requestMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{r.total, r.duration, r.failures, r.caches}
}

// RequestDone counts one request.
func (m *Metrics) RequestDone(r Request) {
	route, method := m.words.route(r.Route), method(r.Method)
	m.requests.total.WithLabelValues(route, method, status(r.Status)).Inc()
	m.requests.duration.WithLabelValues(route, method, statusClass(r.Status)).Observe(r.Took.Seconds())
	if r.Kind != "" {
		m.requests.failures.WithLabelValues(m.words.kinds.bound(r.Kind), m.words.codes.bound(r.Code)).Inc()
	}
	if r.Cache != "" {
		m.requests.caches.WithLabelValues(route, m.words.caches.bound(r.Cache)).Inc()
	}
	if r.Limit != "" {
		m.limits.WithLabelValues(m.words.classes.bound(r.Class), m.words.verdicts.bound(r.Limit)).Inc()
	}
}

// status is the label of a status code; "none" for what is no status.
func status(code int) string {
	if code < 100 || code > 599 {
		return "none"
	}
	return strconv.Itoa(code)
}

func statusClass(code int) string {
	switch code / 100 {
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return "none"
}

// WatchInFlight lets the number of requests under way be asked at each scrape.
func (m *Metrics) WatchInFlight(running func() int) {
	m.watched.add("requests", func(s *sheet) {
		s.gauge(figure{name: "http_requests_in_flight", help: "Requests under way."}, float64(running()))
	})
}
