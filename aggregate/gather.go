package aggregate

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"
)

// fan bounds a fan-out.
type fan struct {
	limit int
	log   *slog.Logger
}

// gather runs branch once per key, at most f.limit at a time and within [most]
// of the caller's time, and returns what came in the order of keys. A branch
// reports its failures in its value; what a branch that panicked is worth says
// broken. No branch ends another.
func gather[K, V any](ctx context.Context, f fan, keys []K,
	branch func(context.Context, K) V, broken func(K, error) V,
) []V {
	ctx, cancel := share(ctx, most)
	defer cancel()
	out := make([]V, len(keys))
	var g errgroup.Group
	g.SetLimit(f.limit)
	for i, k := range keys {
		g.Go(func() error {
			v, err := contain(ctx, f.log, func() (V, error) { return branch(ctx, k), nil })
			if err != nil {
				v = broken(k, err)
			}
			out[i] = v
			return nil
		})
	}
	_ = g.Wait() // no branch returns an error
	return out
}

// both reads two parts at the same time, within the caller's time.
func both[A, B any](ctx context.Context, c *cache, a part[A], b part[B]) (gotA got[A], gotB got[B]) {
	var g errgroup.Group
	g.Go(func() error { gotA = read(ctx, c, a); return nil })
	gotB = read(ctx, c, b)
	_ = g.Wait() // read reports its failures, and contains its panics, itself
	return gotA, gotB
}
