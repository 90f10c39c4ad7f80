package upstream

import (
	"maps"
	"slices"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Stats is how a client stands at one moment, for metrics. Counters only grow.
type Stats struct {
	Retries     uint64  // further tries of reads that failed
	RetriesLeft float64 // that could be made right now
	// BudgetSize is the burst of the bucket and BudgetLeft what is in it, as far
	// as this process knows; both 0 without a rate.
	BudgetSize, BudgetLeft float64
	BudgetRefused          uint64 // calls refused, or only counted in observe-only mode
	BudgetWaits            uint64 // times that a call waited for its turn
	// Alone says that the shared ledger is out of reach.
	Alone   bool
	Classes []ClassStats // by name; those that were called at least once
}

// ClassStats is how one class of operations stands.
type ClassStats struct {
	Class          string
	Breaker        BreakerState
	BreakerRefused uint64    // calls refused, or only counted in observe-only mode
	PausedUntil    time.Time // zero when the upstream asked for no pause
}

// BreakerState names what a breaker does with calls.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // calls pass
	BreakerHalfOpen BreakerState = "half_open" // a few calls try whether the upstream is back
	BreakerOpen     BreakerState = "open"      // calls are refused
)

// Stats returns how the client stands now.
func (c *Client) Stats() Stats {
	s := Stats{
		BudgetRefused: c.meter.refusals.Load(), BudgetWaits: c.meter.waits.Load(),
		Alone: c.meter.shared != nil && (c.meter.alone.Load() || c.meter.rest.Resting()),
	}
	s.Retries, s.RetriesLeft = c.budget.standing()
	s.BudgetSize, s.BudgetLeft = c.meter.standing()
	s.Classes = c.breakers.standing()
	now := time.Now()
	for i := range s.Classes {
		if wait := c.meter.local.pausedFor(s.Classes[i].Class); wait > 0 {
			s.Classes[i].PausedUntil = now.Add(wait)
		}
	}
	return s
}

func (b *budget) standing() (spent uint64, left float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent, b.tokens
}

// standing lets what was last read of the bucket fill up since.
func (m *meter) standing() (size, left float64) {
	ask := m.cfg.Load().ask("", false)
	if ask.Interval == 0 {
		return 0, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size = float64(ask.Burst)
	if m.leftAt.IsZero() {
		return size, size
	}
	return size, min(m.left+float64(time.Since(m.leftAt))/float64(ask.Interval), size)
}

func (b *breakers) standing() []ClassStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]ClassStats, 0, len(b.byClass))
	for _, class := range slices.Sorted(maps.Keys(b.byClass)) {
		one := b.byClass[class]
		all = append(all, ClassStats{Class: class, Breaker: stateOf(one.State()), BreakerRefused: one.refusals.Load()})
	}
	return all
}

func stateOf(s circuitbreaker.State) BreakerState {
	switch s {
	case circuitbreaker.OpenState:
		return BreakerOpen
	case circuitbreaker.HalfOpenState:
		return BreakerHalfOpen
	case circuitbreaker.ClosedState:
	}
	return BreakerClosed
}
