package upstream

import (
	"context"
	"math/rand/v2"
	"time"
)

// patience is how long one call may wait for the budget.
type patience struct {
	ends time.Time // zero for ever
}

// covers reports whether waiting that long leaves time for a call.
func (p patience) covers(wait time.Duration) bool {
	return p.ends.IsZero() || time.Now().Add(wait).Before(p.ends)
}

// wait sleeps that long and a little more, so that those who wait do not come
// back in step.
func (p patience) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d + rand.N(d/8+time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
