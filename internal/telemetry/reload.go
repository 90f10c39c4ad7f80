package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

type reloadMetrics struct {
	total   *prometheus.CounterVec
	well    prometheus.Gauge
	last    prometheus.Gauge
	waiting prometheus.Gauge
}

// newReloadMetrics counts the start as a success: it read the configuration too.
func newReloadMetrics() reloadMetrics {
	one := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	}
	r := reloadMetrics{
		total:   counter("config_reloads_total", "Attempts to reload the configuration.", "outcome"),
		well:    one("config_last_reload_ok", "Whether the last reload succeeded: 1, or 0 while a refused file waits to be mended."),
		last:    one("config_last_reload_success_timestamp_seconds", "When the configuration in effect was read, as Unix time."),
		waiting: one("config_restart_pending_keys", "Keys that differ in the file and wait for a restart."),
	}
	r.total.WithLabelValues("ok")
	r.total.WithLabelValues("failed")
	r.well.Set(1)
	r.last.SetToCurrentTime()
	return r
}

func (r reloadMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{r.total, r.well, r.last, r.waiting}
}

// Reloaded counts a reload, which failed with err or left this many keys to wait
// for a restart.
func (m *Metrics) Reloaded(err error, waiting int) {
	m.reloads.total.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		m.reloads.well.Set(0)
		return
	}
	m.reloads.well.Set(1)
	m.reloads.last.SetToCurrentTime()
	m.reloads.waiting.Set(float64(waiting))
}
