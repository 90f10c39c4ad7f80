package aggregate

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Tier is a cache that several processes share, behind the one in this process.
// It holds encoded parts. It sets its own, short time limit, for reads wait for
// Get; its errors are logged and cost a fetch, nothing else.
type Tier interface {
	// Get returns the data kept under key ([Key.Text]), and whether there are any.
	Get(ctx context.Context, key string) ([]byte, bool, error)
	// Set keeps a part, unless one of its tags was dropped after it was begun.
	Set(ctx context.Context, key string, part Encoded) error
	// Drop forgets every part that carries one of tags ([Tag.Text]).
	Drop(ctx context.Context, tags []string) error
}

// Encoded is a part on its way into a [Tier].
type Encoded struct {
	Data  []byte
	Tags  []string
	Begun time.Time     // when its fetch began
	Keep  time.Duration // how long it is good for anything, by today's policy
}

// envelope is an entry as the tier holds it.
type envelope struct {
	FetchedAt time.Time       `json:"fetched_at"`
	Partial   bool            `json:"partial,omitempty"`
	Value     json.RawMessage `json:"value"`
}

// shared returns the tier's entry for req; nil if there is none that can be read.
func (c *cache) shared(ctx context.Context, f *flight, req request) *entry {
	if c.cfg.Tier == nil {
		return nil
	}
	data, ok, err := c.cfg.Tier.Get(ctx, req.key.Text())
	if err == nil && !ok {
		return nil
	}
	var e *entry
	if err == nil {
		e, err = unseal(data, req)
	}
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "aggregate: shared cache not read",
			slog.String("view", string(req.key.view)), slog.Any("error", err))
		return nil
	}
	e.born, e.slots = f.born, f.slots
	return e
}

func unseal(data []byte, req request) (*entry, error) {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("aggregate: envelope: %w", err)
	}
	value, err := req.decode(env.Value)
	if err != nil {
		return nil, fmt.Errorf("aggregate: %s: %w", req.key.view, err)
	}
	return &entry{
		value: value, partial: env.Partial, fetchedAt: env.FetchedAt,
		digest: fingerprint(env.Value), size: len(env.Value),
	}, nil
}

// share puts a landed part into the tier, unless a drop has overtaken it.
func (c *cache) share(ctx context.Context, req request, l landing) {
	if c.cfg.Tier == nil || !c.drops.valid(l.entry.born, l.entry.slots) {
		return
	}
	data, err := json.Marshal(envelope{FetchedAt: l.entry.fetchedAt, Partial: l.entry.partial, Value: l.data})
	if err == nil {
		err = c.cfg.Tier.Set(ctx, req.key.Text(), Encoded{
			Data: data, Tags: texts(req.tags), Begun: l.begun,
			Keep: c.policy(req.key.view).keepFor(l.entry),
		})
	}
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "aggregate: shared cache not written",
			slog.String("view", string(req.key.view)), slog.Any("error", err))
	}
}

func texts(tags []Tag) []string {
	out := make([]string, len(tags))
	for i, t := range tags {
		out[i] = t.Text()
	}
	return out
}
