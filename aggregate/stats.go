package aggregate

import "sync/atomic"

// Stats is what the cache did since the start, and what it holds.
type Stats struct {
	ViewStats // of all views together

	Views   map[View]ViewStats
	Running int    // flights under way
	Entries int    // parts held, about
	Bytes   uint64 // what they weigh
}

// ViewStats is what the cache did for one kind of part.
type ViewStats struct {
	Hits       uint64 // answered fresh from this process
	Stale      uint64 // answered by an older entry
	Misses     uint64 // a caller waited
	Loads      uint64 // asked of a source
	LoadErrors uint64 // of these, answered by an error other than "not found"
	TierHits   uint64 // found in the shared tier
	TierMisses uint64 // not found there
	TierErrors uint64 // the shared tier did not answer, or with something unreadable
}

func (s *ViewStats) add(o ViewStats) {
	s.Hits += o.Hits
	s.Stale += o.Stale
	s.Misses += o.Misses
	s.Loads += o.Loads
	s.LoadErrors += o.LoadErrors
	s.TierHits += o.TierHits
	s.TierMisses += o.TierMisses
	s.TierErrors += o.TierErrors
}

// viewCounters are the running figures behind a [ViewStats].
type viewCounters struct {
	hits, stale, misses, loads, loadErrors, tierHits, tierMisses, tierErrors atomic.Uint64
}

func (n *viewCounters) read() ViewStats {
	return ViewStats{
		Hits: n.hits.Load(), Stale: n.stale.Load(), Misses: n.misses.Load(),
		Loads: n.loads.Load(), LoadErrors: n.loadErrors.Load(),
		TierHits: n.tierHits.Load(), TierMisses: n.tierMisses.Load(), TierErrors: n.tierErrors.Load(),
	}
}

// counters are written by name and never get another view, so they need no lock.
type counters map[View]*viewCounters

func newCounters() counters {
	c := make(counters)
	for _, v := range Views() {
		c[v] = new(viewCounters)
	}
	return c
}

// of returns the figures of v. A view that [Views] does not list is not counted.
func (c counters) of(v View) *viewCounters {
	if n, ok := c[v]; ok {
		return n
	}
	return new(viewCounters)
}

// Stats returns the figures of this moment.
func (c *Composer) Stats() Stats {
	s := Stats{
		Views:   make(map[View]ViewStats, len(c.cache.counts)),
		Running: c.cache.flights.count(),
		Entries: c.cache.kept.EstimatedSize(), Bytes: c.cache.kept.WeightedSize(),
	}
	for view, n := range c.cache.counts {
		s.Views[view] = n.read()
		s.add(s.Views[view])
	}
	return s
}
