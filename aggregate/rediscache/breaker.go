package rediscache

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// breaker keeps everybody but the follower away from a Redis that fails. It
// begins open: the follower's first success closes it.
type breaker struct {
	limit int
	rest  time.Duration
	log   *slog.Logger

	mu       sync.Mutex
	failures int // in a row
	closed   bool
	told     bool // that it is open
	stopped  bool
	opened   time.Time
}

func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed
}

func (b *breaker) passed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

func (b *breaker) failed(ctx context.Context, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures++; b.failures >= b.limit {
		b.trip(ctx, err)
	}
}

// lost opens b at once: the follower has found that Redis does not answer.
func (b *breaker) lost(ctx context.Context, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trip(ctx, err)
}

func (b *breaker) trip(ctx context.Context, err error) {
	if b.closed {
		b.opened = time.Now()
	}
	if b.closed || !b.told {
		b.log.WarnContext(ctx, "shared cache away: reads go on without it", slog.Any("error", err))
	}
	b.closed, b.told = false, true
}

// mend closes b, for the follower has been answered, unless it is resting.
func (b *breaker) mend(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.stopped || time.Since(b.opened) < b.rest {
		return
	}
	b.closed, b.failures = true, 0
	b.log.InfoContext(ctx, "shared cache in use")
}

// stop opens b for good.
func (b *breaker) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.stopped = false, true
}

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
