package jobs

import (
	"context"
	"sync"
	"time"
)

// patience is how long all batches of an attempt wait for an LMS that is given a
// rest, from the first rest on. It ends, for a job whose time runs out fails as a
// whole, and what became of the rows that were sent would be lost with it.
type patience struct {
	once sync.Once
	end  time.Time
}

func (p *patience) wait(ctx context.Context, rest, most time.Duration) bool {
	p.once.Do(func() { p.end = time.Now().Add(most) })
	rest = max(rest, 100*time.Millisecond) // never in a circle
	if time.Until(p.end) < rest {
		return false
	}
	over := time.NewTimer(rest)
	defer over.Stop()
	select {
	case <-over.C:
		return true
	case <-ctx.Done():
		return false
	}
}
