package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"registrar/aggregate"
)

const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// errMoved is why nothing was claimed while Redis has another position.
var errMoved = errors.New("rediscache: the position has changed")

// claim is a lease that this process holds.
type claim struct {
	cache *Cache
	key   string
	tags  []string
	token string
	stamp string // epoch and marks when it was taken
	until time.Time
	done  atomic.Bool
}

// Claim takes the lease of key for the cluster. It waits for one other holder
// at most, and for half of the caller's time: whoever follows a holder that
// brought nothing had better load at once.
func (c *Cache) Claim(ctx context.Context, key string, tags []string) (aggregate.Claim, bool) {
	cl := &claim{cache: c, key: key, tags: tags, token: rand.Text(), until: time.Now().Add(markTime)}
	waiting := ctx
	if deadline, ok := ctx.Deadline(); ok {
		cl.until = deadline
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	var first string
	var moved time.Time
	for start := time.Now(); ; {
		holder, left, err := cl.try(ctx)
		switch {
		case errors.Is(err, errMoved) && (moved.IsZero() || time.Since(moved) < 2*transit):
			// Everything was dropped a moment ago; this process is about to hear of it.
			if moved.IsZero() {
				moved = time.Now()
			}
			left = shortestPause
		case err != nil:
			return nil, first != ""
		case holder == "":
			c.held.add(cl)
			return cl, true
		case first == "":
			first = holder
			c.counts.waits.Add(1)
		case holder != first:
			return nil, true
		}
		// A pause in proportion to the wait: short loads are noticed at once, long
		// ones cost few questions.
		pause := min(max(time.Since(start)/8, shortestPause), longestPause, left)
		if !sleep(waiting, pause) {
			return nil, true
		}
	}
}

// try asks for the lease once. holder is who has it instead, and left how long.
func (cl *claim) try(ctx context.Context) (holder string, left time.Duration, err error) {
	c := cl.cache
	at, known := c.place.now()
	if !known || c.away() {
		return "", 0, ErrAway
	}
	names := c.keys.marks([]string{c.keys.position, c.keys.lease(cl.key)}, cl.tags)
	var reply []any
	err = c.ask(ctx, func(ctx context.Context) (err error) {
		reply, err = c.scripts.claim.Run(ctx, c.client, names, at.epoch, at.number, cl.token,
			c.cfg.Lease.Milliseconds(), markTime.Milliseconds()).Slice()
		return err
	})
	if err != nil {
		return "", 0, fmt.Errorf("rediscache: claim: %w", err)
	}
	c.full.end(ctx)
	return cl.read(reply)
}

func (cl *claim) read(reply []any) (holder string, left time.Duration, err error) {
	word := func(i int) string {
		if i >= len(reply) {
			return ""
		}
		s, _ := reply[i].(string)
		return s
	}
	switch word(0) {
	case "mine":
		cl.stamp = word(1)
		return "", 0, nil
	case "busy":
		if ms, ok := reply[len(reply)-1].(int64); ok {
			return word(1), time.Duration(ms) * time.Millisecond, nil
		}
	case "away":
		cl.cache.wake()
		return "", 0, errMoved
	}
	return "", 0, errors.New("rediscache: claim: an answer of another kind")
}

// Set stores the part for every replica and ends the claim. A part that is too
// big, already too old or overtaken by a drop is not stored, which is no error.
func (cl *claim) Set(ctx context.Context, part aggregate.Encoded) error {
	c := cl.cache
	if c.away() {
		return ErrAway
	}
	entry := c.packer.pack(stampOf(cl.stamp), part.Data)
	if len(entry) > c.cfg.MaxEntry || part.Keep < time.Millisecond {
		c.counts.unfit.Add(1)
		return nil
	}
	names := c.keys.marks([]string{c.keys.position, c.keys.lease(cl.key), c.keys.part(cl.key)}, cl.tags)
	var how string
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		how, err = c.scripts.store.Run(ctx, c.client, names, cl.token, cl.stamp, entry, part.Keep.Milliseconds()).Text()
		return err
	})
	if err != nil {
		return fmt.Errorf("rediscache: set: %w", err)
	}
	c.full.end(ctx)
	cl.finish()
	if how == "stored" {
		c.counts.stored.Add(1)
	} else {
		c.counts.refused.Add(1)
	}
	return nil
}

// Release ends the claim. When Redis cannot be told, the lease lapses by itself.
func (cl *claim) Release(ctx context.Context) {
	if cl.finish() && !cl.cache.away() {
		// The load may have been canceled; others need not wait for that.
		ctx = context.WithoutCancel(ctx)
		_ = cl.renew(ctx, 0) // judged and counted there
	}
}

// finish reports whether the claim was still running.
func (cl *claim) finish() bool {
	cl.cache.held.remove(cl)
	return !cl.done.Swap(true)
}

// renew gives the lease that long from now; 0 ends it.
func (cl *claim) renew(ctx context.Context, lease time.Duration) error {
	c := cl.cache
	return c.ask(ctx, func(ctx context.Context) error {
		return c.scripts.renew.Run(ctx, c.client, []string{c.keys.lease(cl.key)},
			cl.token+" "+cl.stamp, lease.Milliseconds()).Err()
	})
}

// held are the claims of this process. The follower renews them.
type held struct {
	mu     sync.Mutex
	claims map[*claim]struct{}
}

func (h *held) add(cl *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claims == nil {
		h.claims = make(map[*claim]struct{})
	}
	h.claims[cl] = struct{}{}
}

func (h *held) remove(cl *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.claims, cl)
}

// running returns the claims whose load may still land.
func (h *held) running(now time.Time) []*claim {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*claim, 0, len(h.claims))
	for cl := range h.claims {
		if now.Before(cl.until) {
			out = append(out, cl)
		}
	}
	return out
}

func (h *held) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.claims)
}

// sleep reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
