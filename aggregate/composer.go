package aggregate

import (
	"context"
	"fmt"

	"registrar/internal/registrar"
)

// Composer answers questions about programs and their learners. It is safe for
// concurrent use. The slices within its reports are shared with other callers and
// must not be changed in place.
type Composer struct {
	cfg      Config
	sources  Sources
	cache    *cache
	fan      fan
	recorder *recorder
}

// New returns a Composer over sources; all of them are required. The caller
// closes it.
func New(cfg Config, sources Sources) (*Composer, error) {
	if err := sources.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if cfg.MaxBytes < 0 || cfg.FanOut < 0 {
		return nil, fmt.Errorf("aggregate: a negative bound: %d bytes, %d branches", cfg.MaxBytes, cfg.FanOut)
	}
	kept, err := newCache(cfg)
	if err != nil {
		return nil, err
	}
	return &Composer{
		cfg: cfg, sources: sources, cache: kept,
		fan:      fan{limit: cfg.FanOut, log: cfg.Log},
		recorder: newRecorder(sources.Index, cfg),
	}, nil
}

// Drop forgets, here and in the shared tier, every part that carries one of
// tags, and every fetch of such a part that has begun. A write calls it after the
// LMS accepted. The error is the tier's: other processes may still hold the parts.
func (c *Composer) Drop(ctx context.Context, tags ...Tag) error {
	if len(tags) == 0 {
		return nil
	}
	names := texts(tags)
	c.cache.forget(names)
	if c.cfg.Tier == nil {
		return nil
	}
	err := c.cfg.Tier.Drop(ctx, names)
	// Once more: a read in between may have taken the old part back from the tier.
	c.cache.forget(names)
	if err != nil {
		return registrar.Fail(registrar.Unavailable,
			"This replica has forgotten it; the others are told when the shared cache is back.",
			fmt.Errorf("aggregate: drop in the shared cache: %w", err))
	}
	return nil
}

// DropAll is [Composer.Drop] of everything.
func (c *Composer) DropAll(ctx context.Context) error { return c.Drop(ctx, AllTag()) }

// Forget drops, in this process alone, every part that carries one of tags,
// given as their texts ([Tag.Text]): what another process has dropped.
func (c *Composer) Forget(tags []string) { c.cache.forget(tags) }

// Close ends the fetches that run behind the callers' backs and waits for them,
// a few seconds at most; the error says that some did not end. Afterwards only
// what is kept is answered.
func (c *Composer) Close() error { return c.cache.flights.close() }

// required reads the two parts that an answer about learners cannot do without.
func (c *Composer) required(ctx context.Context, p registrar.Program) (
	details got[registrar.ProgramDetails], learners got[listing[registrar.ProgramEnrollment]], err error,
) {
	ctx, cancel := share(ctx, most)
	defer cancel()
	details, learners = both(ctx, c.cache, c.details(p), c.enrollments(p))
	if details.err != nil {
		return details, learners, details.err
	}
	return details, learners, learners.err
}
