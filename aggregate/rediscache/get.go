package rediscache

import (
	"context"
	"fmt"
)

// Get returns the part kept under key, if nothing of what it is about was
// dropped since its loading was claimed. An error means that Redis was not asked
// ([ErrAway]) or did not answer properly; the caller goes on as after a miss.
func (c *Cache) Get(ctx context.Context, key string, tags []string) ([]byte, bool, error) {
	at, known := c.place.now()
	if !known || c.away() {
		return nil, false, ErrAway
	}
	if c.pending.touches(tags) {
		c.counts.misses.Add(1)
		return nil, false, nil
	}
	names := c.keys.marks([]string{c.keys.part(key), c.keys.position}, tags)
	var values []any
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		values, err = c.client.MGet(ctx, names...).Result()
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("rediscache: get: %w", err)
	}
	data, ok, err := c.read(values, at)
	switch {
	case err != nil:
		c.counts.garbage.Add(1)
		c.garbage.begin(ctx, err)
		return nil, false, fmt.Errorf("rediscache: get: %w", err)
	case !ok:
		c.counts.misses.Add(1)
		return nil, false, nil
	}
	c.counts.hits.Add(1)
	c.garbage.end(ctx)
	return data, true, nil
}

// read judges what one MGET brought: the entry, the position, the marks. All
// of it is of one moment.
func (c *Cache) read(values []any, at position) ([]byte, bool, error) {
	entry, ok := values[0].(string)
	if !ok {
		return nil, false, nil
	}
	text, _ := values[1].(string) // absent is no position
	here, ok := parsePosition(text)
	if !ok || here.epoch != at.epoch || here.number < at.number {
		c.wake() // Redis has lost its memory, or everything was dropped
		return nil, false, nil
	}
	marks := make([]string, len(values)-2)
	for i, v := range values[2:] {
		if marks[i], ok = v.(string); !ok {
			return nil, false, nil
		}
	}
	return c.packer.unpack(stampOf(join(here.epoch, marks)), []byte(entry))
}
