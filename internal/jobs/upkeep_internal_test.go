package jobs

import "context"

// Sweep does now what River orders every hour.
func (q *Queue) Sweep(ctx context.Context) error { return (&sweeper{queue: q}).Work(ctx, nil) }
