package gateway

import (
	"context"
	"sync"
	"time"
)

// maxCounted bounds a [LocalLimiter]; an entry takes some 100 bytes.
const maxCounted = 16384

// LocalLimiter counts the requests that this process sees, in memory. It counts
// by the generic cell rate algorithm: each key has a time at which all that it
// used is paid back, and may run ahead of the clock by a burst.
type LocalLimiter struct {
	now func() time.Time

	mu   sync.Mutex
	paid map[string]time.Time
}

// NewLocalLimiter returns a limiter that has counted nothing. A nil now is
// time.Now.
func NewLocalLimiter(now func() time.Time) *LocalLimiter {
	if now == nil {
		now = time.Now
	}
	return &LocalLimiter{now: now, paid: make(map[string]time.Time)}
}

// Allow never fails and never waits.
func (l *LocalLimiter) Allow(_ context.Context, key string, limit Limit) (Verdict, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	verdict, paid := judge(now, l.paid[key], limit)
	if verdict.Allowed {
		if _, known := l.paid[key]; !known && len(l.paid) >= maxCounted {
			l.makeRoom(now)
		}
		l.paid[key] = paid
	}
	return verdict, nil
}

// peek is like Allow and counts nothing.
func (l *LocalLimiter) peek(key string, limit Limit) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	verdict, _ := judge(l.now(), l.paid[key], limit)
	return verdict
}

// judge says whether one more request fits, and when all is paid back if it does.
func judge(now, paid time.Time, limit Limit) (Verdict, time.Time) {
	cost := limit.interval()
	if paid.Before(now) {
		paid = now
	}
	used := paid.Sub(now)
	room := cost*time.Duration(limit.Burst) - used
	if room < cost {
		return Verdict{ResetAfter: used, RetryAfter: cost - room}, paid
	}
	left := Verdict{Allowed: true, Remaining: int(room/cost) - 1, ResetAfter: used + cost}
	return left, paid.Add(cost)
}

// makeRoom forgets who has paid everything back, which loses nothing, and a
// quarter of the rest when that is not enough: they may ask a burst more.
func (l *LocalLimiter) makeRoom(now time.Time) {
	for key, paid := range l.paid {
		if !paid.After(now) {
			delete(l.paid, key)
		}
	}
	for key := range l.paid {
		if len(l.paid) <= maxCounted*3/4 {
			return
		}
		delete(l.paid, key)
	}
}
