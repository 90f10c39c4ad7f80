package aggregate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// Tier is a cache that several processes share, behind the one in this process.
// It holds encoded parts under the texts of their keys ([Key.Text]) and tags
// ([Tag.Text]). Readers wait for it, so it sets its own, short time limit; it
// logs its own troubles, for here they are only counted.
//
// What other processes drop it must bring to [Composer.Forget].
type Tier interface {
	// Get returns the data kept under key, and whether there are any. What was
	// claimed before one of tags was dropped is not there any more.
	Get(ctx context.Context, key string, tags []string) ([]byte, bool, error)
	// Claim takes the right to load the part under key, for all processes. While
	// another one has it, Claim waits, but leaves half of the caller's time for
	// loading. Without a claim (nil) the caller loads all the same. look says that meanwhile another process may
	// have put the part there: look again before loading.
	Claim(ctx context.Context, key string, tags []string) (claim Claim, look bool)
	// Drop forgets every part that carries one of tags, the ones being loaded too.
	// The tag of [AllTag] is on every part. An error means that other processes
	// may still hold them.
	Drop(ctx context.Context, tags []string) error
}

// Claim is the right of one process to load one part.
type Claim interface {
	// Set keeps the part and ends the claim. It keeps nothing if one of the
	// part's tags was dropped since the claim was taken, or the claim has lapsed.
	Set(ctx context.Context, part Encoded) error
	// Release ends the claim without a part; after Set it does nothing.
	Release(ctx context.Context)
}

// Encoded is a part on its way into a [Tier].
type Encoded struct {
	Data []byte
	Keep time.Duration // how long it is good for anything, by today's policy
}

// envelope is an entry as the tier holds it: a value, or a "not found".
type envelope struct {
	FetchedAt time.Time       `json:"fetched_at"`
	Partial   bool            `json:"partial,omitempty"`
	Missing   *missing        `json:"missing,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
}

// missing is what readers are told of a part that the source does not have.
type missing struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// shared looks into the tier for req and keeps what it finds there, even what
// is only good as a stand-in. It lands when that is as good as new.
func (c *cache) shared(ctx context.Context, f *flight, req request, old *entry) (landing, bool) {
	e := c.fromTier(ctx, f, req)
	if e == nil || old != nil && !e.fetchedAt.After(old.fetchedAt) {
		return landing{}, false
	}
	c.put(req.key, e)
	return landing{entry: e, hit: true}, c.judge(ctx, req.key.view, e) == fresh
}

// fromTier returns the tier's entry for req; nil if there is none that can be read.
func (c *cache) fromTier(ctx context.Context, f *flight, req request) *entry {
	if c.cfg.Tier == nil {
		return nil
	}
	n := c.counts.of(req.key.view)
	data, ok, err := c.cfg.Tier.Get(ctx, req.key.Text(), f.tags)
	if err != nil {
		n.tierErrors.Add(1)
		return nil
	}
	if !ok {
		n.tierMisses.Add(1)
		return nil
	}
	e, err := unseal(data, req)
	if err != nil {
		n.tierErrors.Add(1)
		c.cfg.Log.WarnContext(ctx, "aggregate: shared cache not read",
			slog.String("view", string(req.key.view)), slog.Any("error", err))
		return nil
	}
	n.tierHits.Add(1)
	e.born, e.slots = f.born, f.slots
	return e
}

func unseal(data []byte, req request) (*entry, error) {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("aggregate: envelope: %w", err)
	}
	e := &entry{partial: env.Partial, fetchedAt: env.FetchedAt}
	if env.Missing != nil {
		e.absent(&registrar.Error{Kind: registrar.NotFound, Code: env.Missing.Code, Detail: env.Missing.Detail})
		return e, nil
	}
	value, err := req.decode(env.Value)
	if err != nil {
		return nil, fmt.Errorf("aggregate: %s: %w", req.key.view, err)
	}
	e.value, e.digest, e.size = value, fingerprint(env.Value), len(env.Value)
	return e, nil
}

// claim asks the tier for the right to load req; nil without a tier.
func (c *cache) claim(ctx context.Context, f *flight, req request) (claim Claim, look bool) {
	if c.cfg.Tier == nil {
		return nil, false
	}
	return c.cfg.Tier.Claim(ctx, req.key.Text(), f.tags)
}

// settle ends the claim of a flight: with what it brought home, unless a drop
// has overtaken it.
func (c *cache) settle(ctx context.Context, req request, f *flight) {
	if f.claim == nil {
		return
	}
	defer f.claim.Release(ctx)
	if f.err != nil || f.landed.hit || !c.drops.valid(f.born, f.slots) {
		return
	}
	data, err := seal(f.landed)
	if err == nil {
		err = f.claim.Set(ctx, Encoded{Data: data, Keep: c.policy(req.key.view).keepFor(f.landed.entry)})
	}
	if err != nil {
		c.counts.of(req.key.view).tierErrors.Add(1)
	}
}

func seal(l landing) ([]byte, error) {
	env := envelope{FetchedAt: l.entry.fetchedAt, Partial: l.entry.partial, Value: l.data}
	if err := l.entry.missing; err != nil {
		env.Missing = &missing{Code: registrar.CodeOf(err)}
		if e, ok := errors.AsType[*registrar.Error](err); ok {
			env.Missing.Detail = e.Detail // the cause stays here: it is for the log alone
		}
	}
	return json.Marshal(env)
}

func texts(tags []Tag) []string {
	out := make([]string, len(tags))
	for i, t := range tags {
		out[i] = t.Text()
	}
	return out
}
