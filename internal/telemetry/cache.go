package telemetry

// Cache is what the cache did since the start, and what it holds.
type Cache struct {
	Views           map[string]CacheView
	Running         int // loads under way
	Entries         int
	Bytes, MaxBytes uint64
}

// CacheView is what the cache did for one kind of part.
type CacheView struct {
	Hits, Stale, Misses                    uint64
	Loads, LoadErrors                      uint64
	SharedHits, SharedMisses, SharedErrors uint64
}

// WatchCache lets the cache be asked at each scrape.
func (m *Metrics) WatchCache(stand func() Cache) {
	m.watched.add("cache", func(s *sheet) {
		c := stand()
		s.gauge(figure{name: "cache_flights", help: "Loads of parts under way."}, float64(c.Running))
		s.gauge(figure{name: "cache_entries", help: "Parts held in this process, about."}, float64(c.Entries))
		s.gauge(figure{name: "cache_bytes", help: "What the parts held in this process weigh."}, float64(c.Bytes))
		s.gauge(figure{name: "cache_max_bytes", help: "What they may weigh."}, float64(c.MaxBytes))
		for view, v := range c.Views {
			v.write(s, m.words.views.bound(view))
		}
	})
}

func (v CacheView) write(s *sheet, view string) {
	lookups := figure{"cache_lookups_total", "Parts asked for: hit (fresh, in this process), stale (an older answer stood in), miss (a caller waited).", []string{"view", "result"}}
	s.counter(lookups, float64(v.Hits), view, "hit")
	s.counter(lookups, float64(v.Stale), view, "stale")
	s.counter(lookups, float64(v.Misses), view, "miss")
	shared := figure{"cache_shared_lookups_total", "Parts asked for in Redis: hit, miss, or error (Redis did not answer, or with something unreadable).", []string{"view", "result"}}
	s.counter(shared, float64(v.SharedHits), view, "hit")
	s.counter(shared, float64(v.SharedMisses), view, "miss")
	s.counter(shared, float64(v.SharedErrors), view, "error")
	of := []string{"view"}
	s.counter(figure{"cache_loads_total", "Parts asked of their source.", of}, float64(v.Loads), view)
	s.counter(figure{"cache_load_errors_total", "Loads that ended in an error other than not found.", of}, float64(v.LoadErrors), view)
}
