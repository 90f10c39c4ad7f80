package aggregate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"registrar/internal/registrar"
)

const (
	// retryWait is how long a failed refresh rests.
	retryWait = time.Second
	// patience is how long a reader waits for a source when an older answer could
	// stand in. The flight goes on for the next reader.
	patience = 3 * time.Second
	// programRefetch is the least age at which details of a program are fetched
	// again for a caller who asks for the source.
	programRefetch = time.Minute
	// closeWait is how long flights that were told to end may take.
	closeWait = 5 * time.Second
)

// flights are the fetches under way: one per key, shared by all who wait for it.
type flights struct {
	mu      sync.Mutex
	byKey   map[Key]*flight
	aloft   map[*flight]struct{} // also those that a drop has overtaken
	closed  bool
	running sync.WaitGroup
}

// flight is one fetch. Its fields below done may be read once done is closed.
type flight struct {
	born   uint64
	tags   []string // of the part, as texts
	slots  []uint16
	cancel context.CancelFunc
	claim  Claim // the flight's own; nil: it loads without one, or does not load

	done   chan struct{}
	landed landing
	err    error
}

// landing is what a flight brought home.
type landing struct {
	entry *entry
	data  []byte    // the entry's value, encoded
	begun time.Time // what the entry says is at least this new
	hit   bool      // another flight or the shared tier had it; no source was asked
}

func newFlights() flights {
	return flights{byKey: make(map[Key]*flight), aloft: make(map[*flight]struct{})}
}

// board joins the flight of req and waits for it, as long as ctx allows.
func (c *cache) board(ctx context.Context, req request, old *entry) (landing, error) {
	if ctx.Err() != nil {
		return landing{}, impatient(ctx)
	}
	f, err := c.join(ctx, req, old)
	if err != nil {
		return landing{}, err
	}
	select {
	case <-f.done:
		return f.landed, f.err
	case <-ctx.Done():
		return landing{}, impatient(ctx)
	}
}

// impatient is the error of a caller who left before the flight landed.
func impatient(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return registrar.Fail(registrar.Timeout, "An answer did not come in time.", cause)
	}
	return fmt.Errorf("caller left: %w", cause)
}

// join returns the flight of req's key, and starts it if there is none. A flight
// that began before a drop is not joined: its readers could miss their own
// write. The flight keeps the values of ctx, not its end.
func (c *cache) join(ctx context.Context, req request, old *entry) (*flight, error) {
	fs := &c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return nil, registrar.Fail(registrar.Unavailable, "The service is shutting down.", nil)
	}
	if f, ok := fs.byKey[req.key]; ok && c.drops.valid(f.born, f.slots) {
		return f, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.LoadTimeout)
	f := &flight{born: c.drops.now(), tags: texts(req.tags), cancel: cancel, done: make(chan struct{})}
	f.slots = c.drops.slotsOf(f.tags)
	fs.byKey[req.key] = f
	fs.aloft[f] = struct{}{}
	fs.running.Go(func() { c.fly(ctx, f, req, old) })
	return f, nil
}

// fly runs f to its end: readers are served first, then the shared tier and the
// listener of req are told. Every step contains its own panics: nobody above
// could.
func (c *cache) fly(ctx context.Context, f *flight, req request, old *entry) {
	defer c.flights.end(f)
	f.landed, f.err = contain(ctx, c.cfg.Log, func() (landing, error) { return c.fetch(ctx, f, req, old) })
	c.flights.leave(req.key, f)
	if f.err != nil {
		guard(ctx, c.cfg.Log, func() { c.rest(ctx, req, f.err) })
	}
	close(f.done)
	guard(ctx, c.cfg.Log, func() { c.settle(ctx, req, f) })
	if f.err != nil || f.landed.hit || f.landed.entry.missing != nil {
		return
	}
	if req.landed != nil {
		guard(ctx, c.cfg.Log, func() { req.landed(ctx, f.landed) })
	}
}

// rest marks what is still kept, so that the next try waits a moment. The error
// is logged here only when an older answer hides it from the callers.
func (c *cache) rest(ctx context.Context, req request, err error) {
	kept, now := c.peek(req.key), c.cfg.Now()
	if kept == nil || c.policy(req.key.view).judge(kept, now) == gone {
		return
	}
	kept.retryAfter(now, retryWait)
	c.cfg.Log.WarnContext(ctx, "aggregate: refresh failed",
		slog.String("view", string(req.key.view)), slog.Any("error", err))
}

// leave takes f out of the way of the next fetch of its key.
func (fs *flights) leave(key Key, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byKey[key] == f {
		delete(fs.byKey, key)
	}
}

func (fs *flights) end(f *flight) {
	f.cancel()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.aloft, f)
}

// count is how many flights are aloft.
func (fs *flights) count() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return len(fs.aloft)
}

// close lets no flight start, cancels those aloft and waits until they ended.
func (fs *flights) close() error {
	fs.mu.Lock()
	fs.closed = true
	for f := range fs.aloft {
		f.cancel()
	}
	fs.mu.Unlock()
	ended := make(chan struct{})
	go func() { fs.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-time.After(closeWait):
		return errors.New("aggregate: fetches still running after they were canceled")
	}
}
