package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// watched asks others for figures at each scrape.
type watched struct {
	mu      sync.Mutex
	sources []source
}

func newWatched() *watched { return &watched{} }

// source writes figures about its subject.
type source struct {
	subject string
	write   func(*sheet) error
}

// add lets write be asked at each scrape.
func (w *watched) add(subject string, write func(*sheet)) {
	w.try(subject, func(s *sheet) error {
		write(s)
		return nil
	})
}

// try is add for a write that may fail, whose figures are then missing.
func (w *watched) try(subject string, write func(*sheet) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sources = append(w.sources, source{subject, write})
}

// Describe names nothing: what is watched is known only after the rooms are joined.
func (*watched) Describe(chan<- *prometheus.Desc) {}

// Collect asks every source. One that panics is left out: Prometheus's library
// runs this on a goroutine of its own, where a panic would end the process.
func (w *watched) Collect(metrics chan<- prometheus.Metric) {
	w.mu.Lock()
	sources := w.sources
	w.mu.Unlock()
	for _, source := range sources {
		source.ask(&sheet{metrics: metrics})
	}
}

// ask also says on the page whether figures are missing, for a gap looks like peace.
func (s source) ask(page *sheet) {
	well := false
	defer func() {
		_ = recover()
		page.gauge(figure{"watch_ok", "Whether the source of the figures about a subject answered this scrape: 1, or 0.", []string{"subject"}}, truth(well), s.subject)
	}()
	well = s.write(page) == nil
}

// sheet is where a source writes its figures of one moment.
type sheet struct{ metrics chan<- prometheus.Metric }

// figure is the name of a figure with its labels.
type figure struct {
	name, help string
	labels     []string
}

func (s *sheet) gauge(f figure, value float64, labels ...string) {
	s.write(f, prometheus.GaugeValue, value, labels)
}

func (s *sheet) counter(f figure, value float64, labels ...string) {
	s.write(f, prometheus.CounterValue, value, labels)
}

func (s *sheet) write(f figure, kind prometheus.ValueType, value float64, labels []string) {
	desc := prometheus.NewDesc(prometheus.BuildFQName(namespace, "", f.name), f.help, f.labels, nil)
	s.metrics <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
