package aggregate

import (
	"context"

	"registrar/internal/registrar"
)

// fetch is what a flight does: look once more, ask the shared tier, wait for
// the process that is loading it already, ask the source, keep what came.
func (c *cache) fetch(ctx context.Context, f *flight, req request, old *entry) (landing, error) {
	// An earlier flight may have landed between the caller's look and this one.
	if e := c.peek(req.key); e != old && c.judge(ctx, req.key.view, e) == fresh {
		return landing{entry: e, hit: true}, nil
	}
	if l, ok := c.shared(ctx, f, req, old); ok {
		return l, nil
	}
	var look bool
	f.claim, look = c.claim(ctx, f, req)
	if look {
		if l, ok := c.shared(ctx, f, req, old); ok {
			return l, nil
		}
	}
	return c.load(ctx, f, req)
}

// load asks the source. "Not found" is an answer and is kept like one; any other
// error is nobody's but the waiting callers'.
func (c *cache) load(ctx context.Context, f *flight, req request) (landing, error) {
	n := c.counts.of(req.key.view)
	n.loads.Add(1)
	begun := c.cfg.Now()
	got, err := req.load(ctx)
	e := &entry{born: f.born, slots: f.slots, fetchedAt: c.cfg.Now()}
	switch {
	case isNotFound(err):
		e.absent(err)
	case err != nil:
		n.loadErrors.Add(1)
		return landing{}, err
	default:
		e.value, e.partial = got.value, got.partial
		e.size, e.digest = len(got.data), fingerprint(got.data)
	}
	c.put(req.key, e)
	return landing{entry: e, data: got.data, begun: begun}, nil
}

func isNotFound(err error) bool {
	return err != nil && registrar.KindOf(err) == registrar.NotFound
}
