package resting

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrResting is why nothing was asked: there was no answer a moment ago.
var ErrResting = errors.New("resting: left alone, it did not answer")

// Config tunes a [Rest]. The zero value of a field is its default.
type Config struct {
	// Length is how long after a failure nobody asks, but one who tries. Default 1 s.
	Length time.Duration
	// Longest bounds the rests that follow upon each other, each twice as long as
	// the one before. A rest begins with Length again once all was well for as
	// long as Longest. Default 8 times Length.
	Longest time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Rest decides who may ask. It is safe for concurrent use, and meant to be shared by
// all who ask the same thing.
type Rest struct {
	cfg Config

	mu      sync.Mutex
	resting bool
	asked   bool          // one caller is finding out
	length  time.Duration // of this rest or the last one
	began   time.Time
	failed  time.Time // the last time
	ended   time.Time
}

// New returns a Rest of something that is well.
func New(cfg Config) *Rest {
	cfg.Length = cmp.Or(cfg.Length, time.Second)
	cfg.Longest = cmp.Or(cfg.Longest, 8*cfg.Length)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Rest{cfg: cfg}
}

// Use runs ask and returns its error, or [ErrResting] without running it. After
// the rest one caller is let in, and all of them again when it was answered. Once
// ctx is over, no error says anything.
func (r *Rest) Use(ctx context.Context, ask func(context.Context) error) error {
	v, ok := r.enter()
	if !ok {
		return ErrResting
	}
	return r.run(ctx, v, ask)
}

// Try runs ask in any case. It is for those whom nobody waits for and who come at
// a pace of their own: as long as one of them finds no answer, no caller of Use has
// to find out. An answer ends the rest from its half on.
func (r *Rest) Try(ctx context.Context, ask func(context.Context) error) error {
	return r.run(ctx, visit{tries: true, begun: r.cfg.Now()}, ask)
}

// Resting reports whether Use turns callers away, but for one at times.
func (r *Rest) Resting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resting
}

// Left is how long callers of Use are turned away yet, if nobody is answered earlier.
func (r *Rest) Left() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.resting {
		return 0
	}
	return max(r.failed.Add(r.length).Sub(r.cfg.Now()), 0)
}

// visit is one command under way.
type visit struct {
	scout bool // let in after the rest, alone
	tries bool // by Try
	begun time.Time
}

func (r *Rest) enter() (visit, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	if !r.resting {
		return visit{begun: now}, true
	}
	if r.asked || now.Before(r.failed.Add(r.length)) {
		return visit{}, false
	}
	r.asked = true
	return visit{scout: true, begun: now}, true
}

// run ends the visit even if ask panics, which counts as a failure.
func (r *Rest) run(ctx context.Context, v visit, ask func(context.Context) error) error {
	how := silent
	defer func() { r.leave(v, how) }()
	err := ask(ctx)
	how = outcomeOf(ctx, err)
	return err
}

// leave ends v. Only who was let in after a failure tells that it is over: an older
// visit may have begun in better times.
func (r *Rest) leave(v visit, how outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.scout {
		r.asked = false
	}
	switch {
	case how == silent:
		r.fail()
	case how == answered && r.resting && (v.scout || v.tries && !v.begun.Before(r.began.Add(r.length/2))):
		r.resting, r.ended = false, r.cfg.Now()
	}
}

// fail begins a rest, or lengthens the one that there is.
func (r *Rest) fail() {
	now := r.cfg.Now()
	r.failed = now
	if r.resting {
		return
	}
	next := r.cfg.Length
	if r.length > 0 && now.Sub(r.ended) < r.cfg.Longest {
		next = min(2*r.length, r.cfg.Longest)
	}
	r.resting, r.began, r.length = true, now, next
}
