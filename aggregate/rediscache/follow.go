package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"
)

// Follow starts to follow the drops of other processes; forget takes the tags,
// as [aggregate.Composer.Forget] does. A second call does nothing.
func (c *Cache) Follow(forget func(tags []string)) {
	c.follow.Do(func() {
		c.place.forget = forget
		ctx, cancel := context.WithCancel(context.Background())
		c.end = cancel
		c.ended.Go(func() { c.listen(ctx) })
		c.ended.Go(func() { c.beat(ctx) })
	})
}

// Close ends the following and waits for its end. Afterwards the Cache holds
// nothing. The client stays open.
func (c *Cache) Close() {
	c.follow.Do(func() {}) // or a Follow after this would go on for ever
	c.end()
	c.ended.Wait()
	c.use.stop()
}

// listen hears the messages of the others, over one connection after another.
func (c *Cache) listen(ctx context.Context) {
	const shortest, longest = 20 * time.Millisecond, time.Second
	for pause := shortest; ; pause = min(2*pause, longest) {
		c.guard(ctx, func() {
			if c.hear(ctx) {
				pause = shortest
			}
		})
		c.place.listen(false)
		c.wake()
		if !sleep(ctx, pause) {
			return
		}
	}
}

// hear follows one subscription until it breaks, and reports whether it ever
// stood.
func (c *Cache) hear(ctx context.Context) (stood bool) {
	sub := c.client.Subscribe(ctx, c.keys.channel)
	defer sub.Close() //nolint:errcheck // it is closed already when ctx ends
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	for silent := 0; ; {
		m, err := sub.ReceiveTimeout(ctx, listenFor)
		if isTimeout(err) && silent < 2 {
			silent++
			err = sub.Ping(ctx)
		} else {
			silent = 0
		}
		if err != nil {
			return stood
		}
		switch m := m.(type) {
		case *redis.Subscription:
			if !c.stand(ctx) {
				return stood
			}
			stood = true
		case *redis.Message:
			if parsed, ok := parseMessage(m.Payload); ok {
				c.place.hear(parsed, c.me)
			}
		}
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// stand is what begins a subscription: from here on every message is heard, so
// any that is not behind the position now was missed.
func (c *Cache) stand(ctx context.Context) bool {
	seen, err := c.locate(ctx)
	if err != nil {
		return false
	}
	c.place.settle(seen, true)
	c.place.listen(true)
	c.take(ctx)
	return true
}

// beat does what must be done from time to time, and at once after a nudge.
func (c *Cache) beat(ctx context.Context) {
	for {
		c.guard(ctx, func() {
			if seen, err := c.locate(ctx); err == nil {
				c.place.settle(seen, false)
				c.take(ctx)
				c.renew(ctx)
			}
			c.tellPending(ctx)
		})
		pause := c.cfg.Beat
		if !c.away() {
			pause = c.place.pace(pause)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-c.nudge:
			t.Stop()
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// locate asks Redis for the position, and has it made where it is lost.
func (c *Cache) locate(ctx context.Context) (position, error) {
	floor := c.place.floor()
	var at position
	err := c.cfg.Rest.Try(ctx, func(ctx context.Context) error {
		return within(ctx, c.cfg.Timeout, func(ctx context.Context) (err error) {
			at, err = c.where(ctx, floor)
			return err
		})
	})
	if err != nil {
		if ctx.Err() == nil {
			c.counts.errors.Add(1)
			c.use.lost(ctx, err)
		}
		return position{}, fmt.Errorf("rediscache: locate: %w", err)
	}
	return at, nil
}

func (c *Cache) where(ctx context.Context, floor position) (position, error) {
	reply, err := c.scripts.locate.Run(ctx, c.client, []string{c.keys.position},
		floor.epoch, floor.number, rand.Text(), c.me, c.keys.channel).Slice()
	if err != nil {
		return position{}, err
	}
	at, ok := readPosition(reply)
	if !ok {
		return position{}, errors.New("an answer of another kind")
	}
	return at, nil
}

// take uses Redis, now that the follower was answered and has forgotten what it
// had to, unless Redis is still to be left alone.
func (c *Cache) take(ctx context.Context) {
	if !c.cfg.Rest.Resting() {
		c.use.found(ctx)
	}
}

// renew keeps the leases of loads that take longer.
func (c *Cache) renew(ctx context.Context) {
	for _, cl := range c.held.running(time.Now()) {
		if err := cl.renew(ctx, c.cfg.Lease); err != nil {
			return // the next beat tries again, long before they lapse
		}
	}
}

// guard contains a panic of the follower's: it would end the process, and
// without a follower nothing may be read.
func (c *Cache) guard(ctx context.Context, f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.cfg.Log.ErrorContext(ctx, "rediscache: panic",
				slog.String("type", fmt.Sprintf("%T", r)), slog.String("stack", string(debug.Stack())))
		}
	}()
	f()
}
