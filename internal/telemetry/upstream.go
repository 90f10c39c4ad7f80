package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Call is one try of one call of an upstream.
type Call struct {
	Upstream string // "lms" or "discovery"
	Class    string // of operations, such as "grades"
	Kind     string // of the failure; empty when the answer was accepted
	Status   int    // 0 when no answer came
	Took     time.Duration
}

type upstreamMetrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newUpstreamMetrics() upstreamMetrics {
	return upstreamMetrics{
		calls: counter("upstream_calls_total", "Tries of calls of an upstream, by class of operations, outcome (ok, or the kind of failure) and status class (none: no answer came).",
			"upstream", "class", "outcome", "status_class"),
		duration: histogram("upstream_call_duration_seconds", "Time of one try, the wait for a free slot, for a token and for the budget included.",
			[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "upstream", "class"),
	}
}

func (u upstreamMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{u.calls, u.duration}
}

// UpstreamCall counts one try.
func (m *Metrics) UpstreamCall(c Call) {
	upstream, class := m.words.upstreams.bound(c.Upstream), m.words.operations.bound(c.Class)
	result := "ok"
	if c.Kind != "" {
		result = m.words.kinds.bound(c.Kind)
	}
	m.upstream.calls.WithLabelValues(upstream, class, result, statusClass(c.Status)).Inc()
	m.upstream.duration.WithLabelValues(upstream, class).Observe(c.Took.Seconds())
}

// Upstream is how the client of one upstream stands. Counters only grow.
type Upstream struct {
	Retries                    uint64  // further tries of reads that failed
	BudgetSize, BudgetLeft     float64 // calls; both 0 without a rate
	BudgetRefused, BudgetWaits uint64
	Alone                      bool // the budget that replicas share is out of reach
	Classes                    []UpstreamClass
}

// UpstreamClass is how one class of operations stands.
type UpstreamClass struct {
	Class          string
	Breaker        string // closed, half_open or open
	BreakerRefused uint64
	Paused         time.Duration // until the upstream wants to be called again; 0: now
}

// WatchUpstream lets the client of the upstream of this name be asked at each scrape.
func (m *Metrics) WatchUpstream(name string, stand func() Upstream) {
	name = m.words.upstreams.bound(name)
	m.watched.add(name, func(s *sheet) {
		u := stand()
		of := []string{"upstream"}
		s.counter(figure{"upstream_retries_total", "Further tries of reads that failed.", of}, float64(u.Retries), name)
		s.gauge(figure{"upstream_budget_size", "Calls that may be made at once after a rest; 0: no budget is set.", of}, u.BudgetSize, name)
		s.gauge(figure{"upstream_budget_left", "Calls that may be made now, as far as this replica knows.", of}, u.BudgetLeft, name)
		s.counter(figure{"upstream_budget_refused_total", "Calls that the budget refused, or only counted in observe-only mode.", of}, float64(u.BudgetRefused), name)
		s.counter(figure{"upstream_budget_waits_total", "Times that a call waited for the budget.", of}, float64(u.BudgetWaits), name)
		s.gauge(figure{"upstream_budget_alone", "1 while the budget that the replicas share is out of reach.", of}, truth(u.Alone), name)
		for _, c := range u.Classes {
			m.writeClass(s, name, c)
		}
	})
}

func (m *Metrics) writeClass(s *sheet, upstream string, c UpstreamClass) {
	class := m.words.operations.bound(c.Class)
	of := []string{"upstream", "class"}
	for _, state := range []string{"closed", "half_open", "open"} {
		s.gauge(figure{"upstream_breaker_state", "1 for the state that the breaker of a class of operations is in.", []string{"upstream", "class", "state"}},
			truth(c.Breaker == state), upstream, class, state)
	}
	s.counter(figure{"upstream_breaker_refused_total", "Calls that the breaker refused, or only counted in observe-only mode.", of}, float64(c.BreakerRefused), upstream, class)
	s.gauge(figure{"upstream_paused_seconds", "Time until the upstream wants to be called again, as it told us.", of}, max(c.Paused, 0).Seconds(), upstream, class)
}
