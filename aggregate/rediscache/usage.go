package rediscache

import (
	"context"
	"log/slog"
	"sync"
)

// usage is whether Redis is in use here. It begins away: only the follower, which
// knows by then what was dropped meanwhile, begins the use and takes it up again.
type usage struct {
	log *slog.Logger

	mu      sync.Mutex
	using   bool
	told    bool // that it is away
	stopped bool
}

func (u *usage) on() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.using
}

// lost ends the use: Redis does not answer, or refuses even the follower.
func (u *usage) lost(ctx context.Context, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.using || !u.told {
		u.log.WarnContext(ctx, "shared cache away: reads go on without it", slog.Any("error", err))
	}
	u.using, u.told = false, true
}

// found begins the use, for the follower was answered.
func (u *usage) found(ctx context.Context) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.using || u.stopped {
		return
	}
	u.using = true
	u.log.InfoContext(ctx, "shared cache in use")
}

// stop ends the use for good.
func (u *usage) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.using, u.stopped = false, true
}
