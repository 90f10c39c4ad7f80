package aggregate

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"registrar/internal/registrar"
)

// cache keeps parts in this process, bounded in bytes, over an optional shared
// tier. It judges an entry's age at every read by the policy of that moment.
type cache struct {
	cfg     Config
	kept    *otter.Cache[Key, *entry]
	drops   generations
	flights flights
	counts  counters
}

// request is one part to be had: from the cache, or else by load.
type request struct {
	key    Key
	tags   []Tag
	load   func(context.Context) (loaded, error)
	decode func([]byte) (any, error)
	// landed is told about a fresh load, after its readers were served.
	landed func(context.Context, landing)
}

// loaded is what a source said: the value and its encoded form.
type loaded struct {
	value   any
	data    []byte
	partial bool
}

// answer is what a reader gets, with the story of how.
type answer struct {
	entry *entry
	state registrar.SourceState
	hit   bool
	took  time.Duration
}

func newCache(cfg Config) (*cache, error) {
	c := &cache{cfg: cfg, flights: newFlights(), counts: newCounters()}
	c.drops.seed = maphash.MakeSeed()
	kept, err := otter.New(&otter.Options[Key, *entry]{
		MaximumWeight: uint64(cfg.MaxBytes),
		Weigher:       weigh,
	})
	if err != nil {
		return nil, fmt.Errorf("aggregate: cache of %d bytes: %w", cfg.MaxBytes, err)
	}
	c.kept = kept
	return c, nil
}

// answer serves req from the cache if the policy lets it, else from a flight. A
// kept "not found" is an answer: its entry has missing set.
func (c *cache) answer(ctx context.Context, req request) (answer, error) {
	old, n := c.peek(req.key), c.counts.of(req.key.view)
	switch c.judge(ctx, req.key.view, old) {
	case fresh:
		n.hits.Add(1)
		return answer{entry: old, state: registrar.SourceOK, hit: true}, nil
	case stale:
		n.stale.Add(1)
		c.refresh(ctx, req, old)
		return answer{entry: old, state: registrar.SourceStale, hit: true}, nil
	case fallback, gone:
	}
	n.misses.Add(1)
	return c.await(ctx, req, old)
}

// await waits for a flight. When it fails, or the caller cannot wait any longer,
// an older answer stands in if the policy still allows it. With such an answer
// at hand nobody waits long: a source that hangs must not make every reader hang.
func (c *cache) await(ctx context.Context, req request, old *entry) (answer, error) {
	start := c.cfg.Now()
	if !registrar.Refetch(ctx) && old != nil && old.missing == nil && c.judge(ctx, req.key.view, old) == fallback {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, patience, errors.New("an older answer is at hand"))
		defer cancel()
	}
	landed, err := c.board(ctx, req, old)
	took := c.cfg.Now().Sub(start)
	if err == nil {
		return answer{entry: landed.entry, state: registrar.SourceOK, hit: landed.hit, took: took}, nil
	}
	// Looked up again: the flight may have found a newer one in the shared tier.
	last := c.peek(req.key)
	if last != nil && c.policy(req.key.view).judge(last, c.cfg.Now()) != gone {
		c.counts.of(req.key.view).stale.Add(1)
		return answer{entry: last, state: registrar.SourceStale, took: took}, nil
	}
	return answer{took: took}, err
}

// peek returns the entry of key, whatever its age; nil if there is none that
// was begun after the last drop.
func (c *cache) peek(key Key) *entry {
	e, ok := c.kept.GetIfPresent(key)
	if !ok || !c.drops.valid(e.born, e.slots) {
		return nil
	}
	return e
}

// put keeps e, unless a drop has overtaken its fetch.
func (c *cache) put(key Key, e *entry) {
	if c.drops.valid(e.born, e.slots) {
		c.kept.Set(key, e)
	}
}

func (c *cache) policy(v View) Policy { return c.cfg.Policy(v) }

// judge says what e is good for to this caller: one who asks for the source is
// not content with a fresh entry, unless it is very young.
func (c *cache) judge(ctx context.Context, v View, e *entry) verdict {
	if e == nil {
		return gone
	}
	now := c.cfg.Now()
	got := c.policy(v).judge(e, now)
	if got > fallback && registrar.Refetch(ctx) && now.Sub(e.fetchedAt) >= c.refetchAfter(v) {
		got = fallback
	}
	if got == fallback && e.missing == nil && !e.retryable(now) {
		return stale // the source failed a moment ago: do not make this caller wait for it too
	}
	return got
}

// refetchAfter is the age from which a caller may ask for the source. Discovery
// allows an account as little as 200 calls an hour, and any reader of metadata
// could spend them.
func (c *cache) refetchAfter(v View) time.Duration {
	if v == ViewProgram {
		return max(c.cfg.RefetchAfter, programRefetch)
	}
	return c.cfg.RefetchAfter
}

// refresh renews old behind the caller's back.
func (c *cache) refresh(ctx context.Context, req request, old *entry) {
	if !old.retryable(c.cfg.Now()) {
		return
	}
	if _, err := c.join(ctx, req, old); err != nil {
		c.cfg.Log.DebugContext(ctx, "aggregate: no refresh", slog.Any("error", err))
	}
}

// forget drops, here alone, every part that carries one of tags, given as texts.
func (c *cache) forget(tags []string) {
	if slices.Contains(tags, AllTag().Text()) {
		c.drops.dropAll()
		c.kept.InvalidateAll() // they are worth nothing; give up their memory too
		return
	}
	c.drops.drop(tags)
}
