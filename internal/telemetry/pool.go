package telemetry

import (
	"time"
)

// Pool is how a pool of database connections stands.
type Pool struct {
	InUse, Idle, Max int
	Waits            uint64 // times that a statement waited for a connection
	Waited           time.Duration
}

// WatchPool lets the pool of the link store be asked at each scrape.
func (m *Metrics) WatchPool(stand func() Pool) {
	m.watched.add("store", func(s *sheet) {
		p := stand()
		connections := figure{"store_connections", "Connections to the database.", []string{"state"}}
		s.gauge(connections, float64(p.InUse), "in_use")
		s.gauge(connections, float64(p.Idle), "idle")
		s.gauge(figure{name: "store_connections_max", help: "Most connections to the database."}, float64(p.Max))
		s.counter(figure{name: "store_connection_waits_total", help: "Times that a statement waited for a connection."}, float64(p.Waits))
		s.counter(figure{name: "store_connection_wait_seconds_total", help: "Time that statements waited for a connection."}, p.Waited.Seconds())
	})
}
