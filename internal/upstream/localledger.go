package upstream

import (
	"context"
	"math"
	"sync"
	"time"
)

// LocalLedger is the [Ledger] of one process. It is safe for concurrent use and
// never fails.
//
// Buckets are kept as the generic cell rate algorithm does: as the moment at
// which they will be full again. Times are milliseconds, as in the shared one.
type LocalLedger struct {
	now func() time.Time

	mu   sync.Mutex
	full float64 // when the bucket of the whole upstream is full again
	// classes grows by the classes that the code names, never by data.
	classes map[string]*account
}

// account is what the books say of one class.
type account struct {
	until float64 // end of the pause
	pace  float64 // calls a millisecond right after the pause; 0 means any
	full  float64 // as in LocalLedger, for the pace
	epoch int64
	// The calls of the current minute and of the one before it.
	minute, calls, before float64
}

// NewLocalLedger returns empty books. now may be nil, which means [time.Now].
func NewLocalLedger(now func() time.Time) *LocalLedger {
	if now == nil {
		now = time.Now
	}
	return &LocalLedger{now: now, classes: make(map[string]*account)}
}

// Take is [Ledger.Take]; the error is always nil.
func (l *LocalLedger) Take(_ context.Context, ask Ask) (Verdict, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, a := l.clock(), l.account(ask.Class)
	if now < a.until {
		return Verdict{Paused: true, Wait: span(a.until - now), Left: left(ask, l.full, now), Epoch: a.epoch}, nil
	}
	slow, room := a.slowed(now, ask.Share)
	wait := overdue(a.full, now, slow, room)
	every := millis(ask.Interval)
	if every > 0 {
		// No emptier than empty: a bucket that was slower until now, or a clock that
		// was ahead, must not hold calls back for what is no more.
		l.full = min(l.full, now+every*float64(ask.Burst))
	}
	wait = max(wait, overdue(l.full, now, every, max(1, float64(ask.Burst)*ask.Share)))
	if wait > 0 {
		return Verdict{Wait: span(wait), Left: left(ask, l.full, now), Epoch: a.epoch}, nil
	}
	if slow > 0 {
		a.full = max(a.full, now) + slow
	} else {
		a.pace = 0 // recovered; not before a call has passed, or a later pause would differ
	}
	if every > 0 {
		l.full = max(l.full, now) + every
	}
	a.count(now)
	return Verdict{Granted: true, Left: left(ask, l.full, now), Epoch: a.epoch}, nil
}

// Throttled is [Ledger.Throttled]; the error is always nil.
func (l *LocalLedger) Throttled(_ context.Context, t Throttle) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, a := l.clock(), l.account(t.Class)
	if t.Epoch == a.epoch {
		least := float64(SlowestPace) / millis(time.Minute)
		if every := millis(t.Interval); every > 0 {
			least = min(least, 1/(2*every))
		}
		a.pace = max(a.recent(now)/2, least)
		a.full = 0
		a.epoch++
	}
	a.until = max(a.until, now+millis(t.Wait))
	return nil
}

// pausedFor is how long nothing of class may be sent.
func (l *LocalLedger) pausedFor(class string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, known := l.classes[class]
	if !known {
		return 0
	}
	return span(max(a.until-l.clock(), 0))
}

// pass books a call that another ledger granted, so that this one knows the pace
// when it has to stand in, and returns the epoch here.
func (l *LocalLedger) pass(class string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(class)
	a.count(l.clock())
	return a.epoch
}

func (l *LocalLedger) account(class string) *account {
	a, known := l.classes[class]
	if !known {
		a = &account{}
		l.classes[class] = a
	}
	return a
}

func (l *LocalLedger) clock() float64 {
	now := l.now()
	return float64(now.UnixMicro()) / 1000
}

// slowed is the time between two calls at the present pace, and how many may
// come at once; 0 when the class has recovered.
func (a *account) slowed(now, share float64) (every, room float64) {
	if a.pace == 0 {
		return 0, 0
	}
	grown := 1 + (now-a.until)/millis(Recovery)
	if grown >= Forgotten {
		return 0, 0
	}
	pace := a.pace * grown
	return 1 / pace, max(1, math.Floor(pace*millis(PaceBurst))*share)
}

// count books one call of this minute.
func (a *account) count(now float64) {
	a.turn(now)
	a.calls++
}

// recent is the pace of the last minute, in calls a millisecond: the minute
// before counts as far as it reaches into that.
func (a *account) recent(now float64) float64 {
	a.turn(now)
	gone := now/60000 - a.minute
	return (a.calls + a.before*(1-gone)) / 60000
}

func (a *account) turn(now float64) {
	minute := math.Floor(now / 60000)
	switch minute {
	case a.minute:
		return
	case a.minute + 1:
		a.before = a.calls
	default:
		a.before = 0
	}
	a.minute, a.calls = minute, 0
}

// overdue is how long a bucket that is full again at full and gains a call every
// so often lacks one, when room of its calls may be used; 0 when it has one.
func overdue(full, now, every, room float64) float64 {
	if every == 0 {
		return 0
	}
	return max(max(full, now)+every-every*room-now, 0)
}

func left(ask Ask, full, now float64) float64 {
	every := millis(ask.Interval)
	if every == 0 {
		return 0
	}
	return max(float64(ask.Burst)-max(full-now, 0)/every, 0)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// span rounds up: who comes back a moment early is refused again.
func span(ms float64) time.Duration {
	return time.Duration(math.Ceil(ms*1000)) * time.Microsecond
}
