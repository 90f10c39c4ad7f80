package linkstore

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"registrar/internal/registrar"
)

// patience is how long after the begin of a fetch callers with an expired answer
// wait for the new one.
const patience = 250 * time.Millisecond

// errSlow is why such a caller waits no longer.
var errSlow = errors.New("linkstore: the directory is slow")

// memory keeps answers of the database for a short time. A missing or expired
// one is fetched once, however many ask; while the database is away an expired
// one is used again for a grace.
type memory[K comparable, V any] struct {
	fetch func(ctx context.Context, key K) (V, error)
	now   func() time.Time

	ttl, grace time.Duration
	deadline   time.Duration // bounds one fetch
	pause      time.Duration // after a failed fetch, before the next for the same key
	capacity   int

	mu sync.Mutex
	// Entries are written to young; a full young becomes old, and the old old is
	// dropped. That bounds both without a list of ages.
	young, old map[K]answer[V]
	flights    map[K]*flight[V]
	generation int // counts calls of forget
}

// answer is what the database said, and when it was asked.
type answer[V any] struct {
	value  V
	at     time.Time
	failed time.Time // of the last refresh that failed; zero when none did
}

// flight is one fetch that several may wait for.
type flight[V any] struct {
	began time.Time
	done  chan struct{}
	value V
	err   error
}

// get returns the remembered answer, or a fetched one. A refusal is told as it
// is; only a database that is away is hidden, and only by an answer that is
// expired by the grace at most.
func (m *memory[K, V]) get(ctx context.Context, key K) (V, error) {
	a, f := m.look(ctx, key)
	if f == nil {
		return a.value, nil
	}
	if !m.usable(a) {
		if err := f.wait(ctx); err != nil {
			var none V
			return none, err
		}
		return f.value, nil
	}
	// Enough for any database that is well. One that hangs would cost every caller
	// the whole deadline, though an answer is at hand; the fetch goes on.
	short, cancel := context.WithTimeoutCause(ctx, patience-m.now().Sub(f.began), errSlow)
	defer cancel()
	err := f.wait(short)
	switch {
	case err == nil:
		return f.value, nil
	case ctx.Err() == nil && errors.Is(context.Cause(short), errSlow):
		return a.value, nil
	case away(err) && m.usable(a):
		return a.value, nil
	}
	var none V
	return none, err
}

// wait waits for the end of the flight, or of the caller's patience.
func (f *flight[V]) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("linkstore: waiting for the directory: %w", ctx.Err())
	}
}

// away reports whether err says nothing but that the database did not answer.
func away(err error) bool {
	kind := registrar.KindOf(err)
	return kind == registrar.Unavailable || kind == registrar.Timeout
}

// look returns the remembered answer and no flight if the answer is good enough,
// else the flight to wait for and what there is meanwhile.
func (m *memory[K, V]) look(ctx context.Context, key K) (answer[V], *flight[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	a, known := m.recall(key)
	if known && now.Sub(a.at) < m.ttl || m.usable(a) && now.Sub(a.failed) < m.pause {
		return a, nil
	}
	f := m.flights[key]
	if f == nil {
		f = &flight[V]{began: now, done: make(chan struct{})}
		m.flights[key] = f
		go m.fly(context.WithoutCancel(ctx), key, f, m.generation)
	}
	return a, f
}

// usable reports whether a is young enough to stand in for a lost database.
func (m *memory[K, V]) usable(a answer[V]) bool {
	return !a.at.IsZero() && m.now().Sub(a.at) < m.ttl+m.grace
}

// fly fetches for everybody who waits, so no single caller can end it.
func (m *memory[K, V]) fly(ctx context.Context, key K, f *flight[V], generation int) {
	ctx, cancel := context.WithTimeout(ctx, m.deadline)
	defer cancel()
	defer close(f.done)
	asked := m.now()
	f.value, f.err = m.safely(ctx, key)

	m.mu.Lock()
	defer m.mu.Unlock()
	if generation != m.generation {
		return // what was asked before a forget may be what had to be forgotten
	}
	delete(m.flights, key)
	switch {
	case f.err == nil:
		m.put(key, answer[V]{value: f.value, at: asked})
	case away(f.err):
		if a, ok := m.recall(key); ok {
			a.failed = m.now()
			m.put(key, a)
		}
	default: // refused: the old answer is no longer true
		delete(m.young, key)
		delete(m.old, key)
	}
}

func (m *memory[K, V]) safely(ctx context.Context, key K) (value V, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The value may name a caller, so only its type is told.
			err = fmt.Errorf("linkstore: panic of %T\n%s", r, debug.Stack())
		}
	}()
	value, err = m.fetch(ctx, key)
	if err != nil && ctx.Err() != nil {
		// It is the database that was slow, not the caller that was in a hurry.
		err = registrar.Fail(registrar.Unavailable, "The database cannot be reached.", err)
	}
	return value, err
}

func (m *memory[K, V]) recall(key K) (answer[V], bool) {
	if a, ok := m.young[key]; ok {
		return a, true
	}
	a, ok := m.old[key]
	return a, ok
}

func (m *memory[K, V]) put(key K, a answer[V]) {
	if _, replaces := m.young[key]; !replaces && len(m.young) >= (m.capacity+1)/2 {
		m.young, m.old = make(map[K]answer[V]), m.young
	}
	m.young[key] = a
}

// forget drops every answer, and keeps those under way from being remembered.
func (m *memory[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old = make(map[K]answer[V]), nil
	m.flights = make(map[K]*flight[V])
	m.generation++
}
