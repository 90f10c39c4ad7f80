package rediscache

import "sync/atomic"

// Stats is what one process did with the shared cache since the start.
type Stats struct {
	Hits, Misses uint64 // answered lookups
	Errors       uint64 // commands that failed or were too slow
	Garbage      uint64 // entries that could not be unpacked
	Stored       uint64 // parts stored
	Refused      uint64 // parts that a drop or a lapsed lease has overtaken
	Unfit        uint64 // parts too big or too old to store
	Drops        uint64 // tags dropped by this process
	Followed     uint64 // drops heard from others
	Forgets      uint64 // times that this process forgot everything, for it may have missed a drop
	Waits        uint64 // loads that another process had begun already
	Pending      int    // tags whose drop Redis was not told yet
	Claims       int    // leases held
	Away         bool   // Redis is left alone
	Listening    bool   // drops of others come in by message, not only by looking
}

type counters struct {
	hits, misses, errors, garbage, stored, refused, unfit, drops, followed, forgets, waits atomic.Uint64
}

// Stats returns the figures of this moment.
func (c *Cache) Stats() Stats {
	n := &c.counts
	return Stats{
		Hits: n.hits.Load(), Misses: n.misses.Load(), Errors: n.errors.Load(), Garbage: n.garbage.Load(),
		Stored: n.stored.Load(), Refused: n.refused.Load(), Unfit: n.unfit.Load(),
		Drops: n.drops.Load(), Followed: n.followed.Load(), Forgets: n.forgets.Load(), Waits: n.waits.Load(),
		Pending: c.pending.count(), Claims: c.held.count(), Away: c.away(), Listening: c.place.hears(),
	}
}
