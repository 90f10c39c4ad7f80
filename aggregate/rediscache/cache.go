package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"registrar/aggregate"
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
	breaker *breaker
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
	if cfg.Timeout < 0 || cfg.Lease < 0 || cfg.MaxEntry < 0 || cfg.Beat < 0 || cfg.Failures < 0 || cfg.Rest < 0 {
		return nil, errors.New("rediscache: a negative bound")
	}
	packer, err := newPacker()
	if err != nil {
		return nil, fmt.Errorf("rediscache: %w", err)
	}
	c := &Cache{
		cfg: cfg, client: client, keys: newKeys(cfg.Prefix, client.Options().DB), me: rand.Text(), packer: packer,
		scripts: newScripts(),
		breaker: &breaker{limit: cfg.Failures, rest: cfg.Rest, log: cfg.Log},
		full:    &condition{log: cfg.Log, begins: "shared cache full: parts are not shared", ends: "shared cache takes parts again"},
		garbage: &condition{log: cfg.Log, begins: "shared cache holds garbage", ends: "shared cache is readable again"},
		nudge:   make(chan struct{}, 1), end: func() {},
	}
	c.place.counts = &c.counts
	return c, nil
}

// bounded is ctx with the limit of one command.
func (c *Cache) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.cfg.Timeout, errSlow)
}

// ErrAway is why nothing was asked of Redis: it has failed too often, or nobody
// follows it yet.
var ErrAway = errors.New("rediscache: redis is left alone for a while")

var errSlow = errors.New("rediscache: redis did not answer in time")

// judge tells the breaker how a command ended, and returns its error. That a
// caller left says nothing about Redis; that Redis is full does not hinder reads.
func (c *Cache) judge(caller context.Context, err error) error {
	switch {
	case err == nil:
		c.breaker.passed()
	case caller.Err() != nil:
	case isFull(err):
		c.full.begin(caller, err)
	default:
		c.counts.errors.Add(1)
		c.breaker.failed(caller, err)
	}
	return err
}

func isFull(err error) bool { return redis.HasErrorPrefix(err, "OOM") }

// wake has the follower beat at once.
func (c *Cache) wake() {
	select {
	case c.nudge <- struct{}{}:
	default: // it is about to
	}
}
