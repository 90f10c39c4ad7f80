package rediscache

import (
	"context"
	"log/slog"
	"sync"
)

// condition is something that begins and ends, and is logged then, not every
// time that it is met.
type condition struct {
	log          *slog.Logger
	begins, ends string

	mu sync.Mutex
	on bool
}

func (c *condition) begin(ctx context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on {
		c.on = true
		c.log.WarnContext(ctx, c.begins, slog.Any("error", err)) //nolint:sloglint // the two lines are constants of New
	}
}

func (c *condition) end(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on {
		c.on = false
		c.log.InfoContext(ctx, c.ends) //nolint:sloglint // see above
	}
}
