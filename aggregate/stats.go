package aggregate

import "sync/atomic"

// Stats is what the cache did since the start, and what it holds.
type Stats struct {
	Hits    uint64 // parts answered fresh from this process
	Stale   uint64 // parts answered by an older entry
	Misses  uint64 // parts that a caller waited for
	Flights uint64 // fetches from a source
	Entries int    // parts held, about
	Bytes   uint64 // what they weigh
}

type counters struct{ hits, stale, misses, flights atomic.Uint64 }

// Stats returns the figures of this moment.
func (c *Composer) Stats() Stats {
	n := &c.cache.counts
	return Stats{
		Hits: n.hits.Load(), Stale: n.stale.Load(), Misses: n.misses.Load(), Flights: n.flights.Load(),
		Entries: c.cache.kept.EstimatedSize(), Bytes: c.cache.kept.WeightedSize(),
	}
}
