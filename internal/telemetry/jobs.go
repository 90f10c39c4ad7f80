package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type jobMetrics struct {
	ended    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newJobMetrics() jobMetrics {
	return jobMetrics{
		ended: counter("job_attempts_total", "Attempts at jobs that this replica ended, by the state that they left the job in.", "kind", "state"),
		duration: histogram("job_attempt_duration_seconds", "Time that an attempt at a job took.",
			[]float64{.1, .5, 1, 5, 15, 60, 300, 900, 1800}, "kind"),
	}
}

func (j jobMetrics) all() []prometheus.Collector { return []prometheus.Collector{j.ended, j.duration} }

// JobDone counts an attempt at a job of this kind that left it in a state.
func (m *Metrics) JobDone(kind, state string, took time.Duration) {
	name := m.words.jobs.bound(kind)
	m.jobs.ended.WithLabelValues(name, m.words.states.bound(state)).Inc()
	m.jobs.duration.WithLabelValues(name).Observe(took.Seconds())
}

// Jobs is how the queue stands.
type Jobs struct {
	Running map[string]int // on this replica, by kind
	Waiting map[string]int // of all replicas, by state; a state without any may be absent
}

// WatchJobs lets the queue be asked at each scrape. After an error the page says
// that these figures are missing.
func (m *Metrics) WatchJobs(stand func() (Jobs, error)) {
	m.watched.try("jobs", func(s *sheet) error {
		j, err := stand()
		if err != nil {
			return err
		}
		running := figure{"jobs_running", "Jobs that this replica works on.", []string{"kind"}}
		for kind, n := range j.Running {
			s.gauge(running, float64(n), m.words.jobs.bound(kind))
		}
		processing := figure{"jobs_processing", "Jobs that have not ended, of all replicas together.", []string{"state"}}
		for state, n := range j.Waiting {
			s.gauge(processing, float64(n), m.words.states.bound(state))
		}
		return nil
	})
}
