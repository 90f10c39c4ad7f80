package rediscache

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"registrar/aggregate"
)

const (
	// dropChunk is how many tags one script drops: Redis serves nobody else
	// meanwhile.
	dropChunk = 500
	// maxPending is how many tags may be owed to Redis before everything is dropped
	// instead.
	maxPending = 10_000
)

// Drop forgets, for every replica, the parts that carry one of tags. After an
// error the drop is told to Redis as soon as it answers.
func (c *Cache) Drop(ctx context.Context, tags []string) error {
	// Pending before it is tried: meanwhile nothing about these tags is read here.
	turn := c.pending.add(tags)
	err := ErrAway
	if _, known := c.place.now(); known && !c.away() {
		err = c.tell(ctx, tags, c.ask)
	}
	if err != nil {
		c.pending.owe(tags)
		c.wake()
		return err
	}
	c.pending.done(tags, turn)
	return nil
}

// tell drops tags in Redis; ask runs a command.
func (c *Cache) tell(ctx context.Context, tags []string, ask func(context.Context, func(context.Context) error) error) error {
	what := ""
	if slices.Contains(tags, aggregate.AllTag().Text()) {
		tags, what = []string{aggregate.AllTag().Text()}, "all"
	}
	for chunk := range slices.Chunk(tags, dropChunk) {
		var reply []any
		err := ask(ctx, func(ctx context.Context) (err error) {
			floor := c.place.floor()
			reply, err = c.scripts.drop.Run(ctx, c.client, c.keys.marks([]string{c.keys.position}, chunk),
				floor.epoch, floor.number, rand.Text(), c.me, c.keys.channel, what, strings.Join(chunk, " ")).Slice()
			return err
		})
		if err != nil {
			return fmt.Errorf("rediscache: drop: %w", err)
		}
		if at, ok := readPosition(reply); ok {
			c.place.raise(at)
		}
		c.counts.drops.Add(uint64(len(chunk)))
	}
	return nil
}

// tellPending drops in Redis what it could not be told before.
func (c *Cache) tellPending(ctx context.Context) {
	tags, turn := c.pending.owed()
	if len(tags) == 0 {
		return
	}
	// That Redis answers as late as this ends no rest.
	patiently := func(ctx context.Context, command func(context.Context) error) error {
		return c.judge(ctx, within(ctx, patient*c.cfg.Timeout, command))
	}
	if err := c.tell(ctx, tags, patiently); err == nil {
		c.pending.done(tags, turn)
	}
}

// pending are the tags of drops that Redis has not confirmed: being told, or owed
// to it after a failure. Each remembers the turn of its latest drop: an earlier one
// that is confirmed does not clear it.
type pending struct {
	mu    sync.Mutex
	turns uint64
	tags  map[string]untold
}

type untold struct {
	turn uint64
	owed bool
}

func (p *pending) add(tags []string) (turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tags == nil {
		p.tags = make(map[string]untold)
	}
	p.turns++
	for _, t := range tags {
		p.tags[t] = untold{turn: p.turns, owed: p.tags[t].owed}
	}
	return p.turns
}

// owe leaves tags to the follower.
func (p *pending) owe(tags []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tags {
		if u, ok := p.tags[t]; ok {
			p.tags[t] = untold{turn: u.turn, owed: true}
		}
	}
	if len(p.tags) > maxPending {
		clear(p.tags)
		p.tags[aggregate.AllTag().Text()] = untold{turn: p.turns, owed: true}
	}
}

func (p *pending) done(tags []string, turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tags {
		if p.tags[t].turn <= turn {
			delete(p.tags, t)
		}
	}
}

// touches reports whether a part with these tags may have been dropped.
func (p *pending) touches(tags []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tags) == 0 {
		return false
	}
	_, all := p.tags[aggregate.AllTag().Text()]
	return all || slices.ContainsFunc(tags, func(t string) bool { _, ok := p.tags[t]; return ok })
}

func (p *pending) owed() (tags []string, turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t, u := range p.tags {
		if u.owed {
			tags = append(tags, t)
		}
	}
	return tags, p.turns
}

func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tags)
}
