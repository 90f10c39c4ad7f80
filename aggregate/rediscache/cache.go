package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/aggregate"
	"registrar/internal/resting"
)

var _ aggregate.Tier = (*Cache)(nil)

// Cache is the shared cache as one process sees it. It is safe for concurrent
// use. Until [Cache.Follow] it holds nothing and grants nothing.
type Cache struct {
	cfg     Config
	client  *redis.Client
	keys    keys
	scripts scripts
	me      string // names this process in messages
	packer  *packer
	use     *usage
	full    *condition // Redis refuses to store
	garbage *condition // entries that cannot be unpacked
	place   place
	pending pending
	held    held
	counts  counters

	follow sync.Once
	nudge  chan struct{} // asks the follower for an early beat
	end    context.CancelFunc
	ended  sync.WaitGroup
}

// New returns a Cache over client, which stays the caller's. The client must
// honour deadlines (redis.Options.ContextTimeoutEnabled), or a slow Redis would
// hold up reads for its own, long timeouts.
func New(client *redis.Client, cfg Config) (*Cache, error) {
	cfg = cfg.withDefaults()
	if !client.Options().ContextTimeoutEnabled {
		return nil, errors.New("rediscache: the client ignores deadlines: set ContextTimeoutEnabled")
	}
	if cfg.Timeout < 0 || cfg.Lease < 0 || cfg.MaxEntry < 0 || cfg.Beat < 0 {
		return nil, errors.New("rediscache: a negative bound")
	}
	packer, err := newPacker()
	if err != nil {
		return nil, fmt.Errorf("rediscache: %w", err)
	}
	c := &Cache{
		cfg: cfg, client: client, keys: newKeys(cfg.Prefix, client.Options().DB), me: rand.Text(), packer: packer,
		scripts: newScripts(),
		use:     &usage{log: cfg.Log},
		full:    &condition{log: cfg.Log, begins: "shared cache takes no parts: they are not shared", ends: "shared cache takes parts again"},
		garbage: &condition{log: cfg.Log, begins: "shared cache holds garbage", ends: "shared cache is readable again"},
		nudge:   make(chan struct{}, 1), end: func() {},
	}
	c.place.counts = &c.counts
	return c, nil
}

// away reports whether commands are not even tried.
func (c *Cache) away() bool { return !c.use.on() || c.cfg.Rest.Resting() }

// ask runs one command within its limit, unless Redis rests.
func (c *Cache) ask(ctx context.Context, command func(context.Context) error) error {
	return c.judge(ctx, c.cfg.Rest.Use(ctx, func(ctx context.Context) error {
		return within(ctx, c.cfg.Timeout, command)
	}))
}

// within runs a command that may take as long as limit.
func within(ctx context.Context, limit time.Duration, command func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	return command(ctx)
}

// ErrAway is why nothing was asked of Redis: it did not answer a moment ago, or
// nobody follows it yet.
var ErrAway = errors.New("rediscache: redis is left alone for a while")

var errSlow = errors.New("rediscache: redis did not answer in time")

// judge learns from how a command ended, and returns its error. That a caller
// left says nothing about Redis; that Redis refuses a command does not hinder
// others, and is told by the follower if it is refused as well.
func (c *Cache) judge(caller context.Context, err error) error {
	switch {
	case err == nil, caller.Err() != nil:
	case takesNoWrites(err):
		c.full.begin(caller, err)
	case errors.Is(err, resting.ErrResting):
		c.use.lost(caller, err)
		return ErrAway
	default:
		c.counts.errors.Add(1)
		if c.cfg.Rest.Resting() {
			c.use.lost(caller, err)
		}
	}
	return err
}

// takesNoWrites reports whether Redis only reads at the moment: its memory is full,
// it has become the replica of another, or it cannot save what it is given.
func takesNoWrites(err error) bool {
	for _, prefix := range []string{"OOM", "READONLY", "MISCONF", "NOREPLICAS"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// wake has the follower beat at once.
func (c *Cache) wake() {
	select {
	case c.nudge <- struct{}{}:
	default: // it is about to
	}
}
