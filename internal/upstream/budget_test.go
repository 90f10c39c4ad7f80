package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/resting"
	"registrar/internal/upstream"
)

// fine answers every call at once.
func fine(*http.Request) (*http.Response, error) { return reply(200, "application/json", `{}`), nil }

// logged is a client whose log can be read.
func logged(t *testing.T, cfg upstream.Config, f roundTrip) (*upstream.Client, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	cfg.BaseURL, cfg.Transport = "http://lms.test", f
	c, err := upstream.New(cfg, &counter{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &log
}

// throttler is an upstream that answers 429 while it is busy.
type throttler struct {
	busy  atomic.Bool
	after string
	hits  atomic.Int32
}

func (u *throttler) answer(*http.Request) (*http.Response, error) {
	u.hits.Add(1)
	if u.busy.Load() {
		return reply(429, "application/json", `{}`, "Retry-After", u.after), nil
	}
	return reply(200, "application/json", `{}`), nil
}

// After a 429 nothing of that class is sent before the told moment, by this
// client or by another that shares the ledger; other classes go on.
func TestThrottledClassPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lms := &throttler{after: "60"}
		shared := upstream.NewLocalLedger(nil)
		one, other := faked(t, upstream.Config{Ledger: shared}, lms.answer), faked(t, upstream.Config{Ledger: shared}, lms.answer)
		lms.busy.Store(true)
		_, err := one.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
		lms.busy.Store(false)
		for _, c := range []*upstream.Client{one, other} {
			for range 10 {
				_, err := c.Get(t.Context(), read("/"))
				wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
				if after := registrar.RetryAfterOf(err); after > time.Minute || after < 50*time.Second {
					t.Errorf("retry after %v, want what is left of the minute", after)
				}
			}
			if until := c.Stats().Classes[0].PausedUntil; time.Until(until) <= 0 || time.Until(until) > time.Minute+time.Millisecond {
				t.Errorf("paused until %v, want a minute from now", time.Until(until))
			}
		}
		if lms.hits.Load() != 1 {
			t.Errorf("%d calls within the pause", lms.hits.Load()-1)
		}
		if _, err := other.Get(t.Context(), upstream.Request{Operation: "another thing", Path: "/"}); err != nil {
			t.Errorf("another class: %v", err)
		}
		time.Sleep(time.Minute + time.Millisecond)
		for _, c := range []*upstream.Client{one, other} {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Errorf("after the pause: %v", err)
			}
			if until := c.Stats().Classes; !until[len(until)-1].PausedUntil.IsZero() {
				t.Error("the pause is told of after its end")
			}
		}
	})
}

// A class that made 240 calls in the minute before its 429 comes back at half of
// that and gains as much in every minute, until nothing holds it.
func TestThrottledClassResumesSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lms := &throttler{after: "1"}
		c := faked(t, upstream.Config{Retries: -1, Budget: upstream.BudgetConfig{Patience: -1}}, lms.answer)
		perMinute := func() int {
			before := lms.hits.Load()
			for range 60 * 20 { // as many as it may, 20 times a second
				_, _ = c.Get(t.Context(), read("/"))
				time.Sleep(50 * time.Millisecond)
			}
			return int(lms.hits.Load() - before)
		}
		for range 240 {
			_, _ = c.Get(t.Context(), read("/"))
			time.Sleep(250 * time.Millisecond)
		}
		lms.busy.Store(true)
		_, _ = c.Get(t.Context(), read("/"))
		lms.busy.Store(false)
		time.Sleep(time.Second)
		// Each is the mean of its minute, and the first one may spend its burst of 30.
		for minute, want := range [][2]int{{180, 215}, {290, 310}, {410, 430}} {
			if got := perMinute(); got < want[0] || got > want[1] {
				t.Errorf("minute %d: %d calls, want %d to %d", minute+1, got, want[0], want[1])
			}
		}
		if got := perMinute(); got != 1200 {
			t.Errorf("after recovery: %d calls, want all 1200", got)
		}
	})
}

// Calls under way that are answered 429 one after the other cut the pace once.
// Their answers make the pause longer, and do not hand out the burst again.
func TestLateAnswersCutThePaceOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answer atomic.Int64 // how long a 429 takes to come; 0 for a good answer
		c := faked(t, upstream.Config{Retries: -1, Budget: upstream.BudgetConfig{Patience: -1}}, func(*http.Request) (*http.Response, error) {
			if d := answer.Load(); d > 0 {
				time.Sleep(time.Duration(d))
				return reply(429, "application/json", `{}`, "Retry-After", "1"), nil
			}
			return reply(200, "application/json", `{}`), nil
		})
		spend := func() (allowed int) {
			for range 300 {
				if _, err := c.Get(t.Context(), read("/")); err == nil {
					allowed++
				}
			}
			return allowed
		}
		if got := spend() + spend(); got != 600 {
			t.Fatalf("%d calls before any 429, want 600", got)
		}
		var wg sync.WaitGroup
		for _, took := range []time.Duration{2 * time.Second, 2500 * time.Millisecond, 6 * time.Second} {
			answer.Store(int64(took))
			wg.Go(func() { _, _ = c.Get(t.Context(), read("/")) })
			synctest.Wait()
		}
		answer.Store(0)
		time.Sleep(3500*time.Millisecond + time.Millisecond)
		if got := spend(); got < 74 || got > 76 { // a quarter of a minute's worth of half of 600
			t.Errorf("%d calls at once after the pause, want 75", got)
		}
		wg.Wait()
		time.Sleep(time.Second + time.Millisecond)
		if got := spend(); got < 10 || got > 25 { // what 3.5 s bring
			t.Errorf("%d calls after the late answer's pause, want some 18", got)
		}
	})
}

func TestBucketRefusesAndWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// One call in two seconds, five at once.
		c := faked(t, upstream.Config{Budget: upstream.BudgetConfig{Rate: 30, Burst: 5}}, fine)
		for i := range 5 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		start := time.Now()
		_, err := c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "budget_exhausted")
		if registrar.RetryAfterOf(err) != 2*time.Second || time.Since(start) != 0 {
			t.Errorf("retry after %v, told after %v; want 2s at once", registrar.RetryAfterOf(err), time.Since(start))
		}
		time.Sleep(1200 * time.Millisecond)
		start = time.Now()
		if _, err := c.Get(t.Context(), read("/")); err != nil || time.Since(start) < 800*time.Millisecond {
			t.Errorf("%v after %v; want the call after a wait of 0.8 s", err, time.Since(start))
		}
		s := c.Stats()
		if s.BudgetSize != 5 || s.BudgetLeft > 0.2 || s.BudgetRefused != 1 || s.BudgetWaits != 1 {
			t.Errorf("stats = %+v", s)
		}
		time.Sleep(4 * time.Second)
		if left := c.Stats().BudgetLeft; left < 2 || left > 2.2 {
			t.Errorf("left = %v, want 2 after 4 s", left)
		}
		// Too little time is no reason to wait at all.
		ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		defer cancel()
		for range 2 {
			_, _ = c.Get(ctx, read("/"))
		}
		_, err = c.Get(ctx, read("/"))
		wantFailure(t, err, registrar.Unavailable, "budget_exhausted")
		if ctx.Err() != nil {
			t.Error("the caller's time was spent on waiting")
		}
	})
}

// Background work waits where others are refused, and the reserve is always
// there for those.
func TestBulkLeavesTheReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		c := faked(t, upstream.Config{Budget: upstream.BudgetConfig{Rate: 60, Burst: 10, Reserve: 0.3, Patience: -1}}, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return reply(200, "application/json", `{}`), nil
		})
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if _, err := c.Get(registrar.WithBulk(t.Context()), read("/")); err != nil {
					t.Errorf("bulk: %v", err)
				}
			})
		}
		synctest.Wait()
		if hits.Load() != 7 {
			t.Errorf("bulk made %d calls at once, want 7 of 10", hits.Load())
		}
		for range 3 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Errorf("interactive, within the reserve: %v", err)
			}
		}
		_, err := c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "budget_exhausted")
		wg.Wait()
		if hits.Load() != 43 {
			t.Errorf("hits = %d, want all 40 and the 3", hits.Load())
		}
		ctx, cancel := context.WithCancel(registrar.WithBulk(t.Context()))
		time.AfterFunc(time.Millisecond, cancel)
		for range 11 {
			_, err = c.Get(ctx, read("/"))
		}
		wantFailure(t, err, registrar.Unavailable, "request_canceled")
	})
}

// A sync outlasts the pause that it was told to make.
func TestBulkWaitsOutAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lms := &throttler{after: "300"}
		c := faked(t, upstream.Config{}, lms.answer)
		lms.busy.Store(true)
		time.AfterFunc(time.Second, func() { lms.busy.Store(false) })
		start := time.Now()
		if _, err := c.Get(registrar.WithBulk(t.Context()), read("/")); err != nil || time.Since(start) < 5*time.Minute {
			t.Errorf("%v after %v, want an answer after the pause", err, time.Since(start))
		}
		if lms.hits.Load() != 2 {
			t.Errorf("hits = %d, want 2", lms.hits.Load())
		}
	})
}

// Two replicas that share a ledger, before an LMS that allows 120 calls in any
// minute: a thousand background reads never meet a 429, and whoever waits for an
// answer meanwhile gets it at once.
func TestSharedBudgetStaysUnderTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []time.Time
		limited := func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			for len(calls) > 0 && now.Sub(calls[0]) >= time.Minute {
				calls = calls[1:]
			}
			if len(calls) >= 120 {
				t.Error("the limit was passed")
			}
			calls = append(calls, now)
			return reply(200, "application/json", `{}`), nil
		}
		cfg := upstream.Config{Ledger: upstream.NewLocalLedger(nil), Budget: upstream.BudgetConfig{Rate: 100, Burst: 20, Patience: -1}}
		replicas := []*upstream.Client{faked(t, cfg, limited), faked(t, cfg, limited)}
		ended := make(chan struct{})
		var bulk, people sync.WaitGroup
		for i := range 8 {
			bulk.Go(func() {
				for range 125 {
					if _, err := replicas[i%2].Get(registrar.WithBulk(t.Context()), read("/")); err != nil {
						t.Errorf("bulk: %v", err)
					}
				}
			})
		}
		people.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				case <-time.After(3 * time.Second):
				}
				if _, err := replicas[i%2].Get(t.Context(), read("/")); err != nil {
					t.Errorf("interactive: %v", err)
				}
			}
		})
		bulk.Wait()
		close(ended)
		people.Wait()
	})
}

func TestServiceUnavailablePausesToo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		after string
		pause time.Duration
	}{"names no time": {"", 0}, "names a time": {"20", 20 * time.Second}, "names an hour": {"3600", time.Minute}}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := faked(t, upstream.Config{Retries: -1}, func(*http.Request) (*http.Response, error) {
					return reply(503, "text/html", "", "Retry-After", tc.after), nil
				})
				_, _ = c.Get(t.Context(), read("/"))
				until := c.Stats().Classes[0].PausedUntil
				if got := max(time.Until(until), 0).Round(time.Millisecond); got != tc.pause {
					t.Errorf("paused for %v, want %v", got, tc.pause)
				}
			})
		})
	}
}

// In observe-only mode every call passes; what would have been refused is
// counted and told once.
func TestBudgetObserves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lms := &throttler{after: "60"}
		c, log := logged(t, upstream.Config{Retries: -1, Budget: upstream.BudgetConfig{Rate: 1, Per: time.Hour, Burst: 2, Observe: true}}, lms.answer)
		for range 12 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Fatal(err)
			}
		}
		if s := c.Stats(); s.BudgetRefused != 10 {
			t.Errorf("would have refused %d, want 10", s.BudgetRefused)
		}
		if n := strings.Count(log.String(), "state=exhausted"); n != 1 {
			t.Errorf("told %d times, want once:\n%s", n, log)
		}
		lms.busy.Store(true)
		_, _ = c.Get(t.Context(), read("/"))
		lms.busy.Store(false)
		for range 5 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Errorf("within a pause: %v", err)
			}
		}
		if n := strings.Count(log.String(), "state=paused"); n != 1 {
			t.Errorf("told %d times of the pause, want once:\n%s", n, log)
		}
		if err := c.SetBudget(upstream.BudgetConfig{}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
		time.Sleep(5 * time.Minute)
		for range 3 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Errorf("after the pause: %v", err)
			}
		}
		if n := strings.Count(log.String(), "calls go on"); n != 1 {
			t.Errorf("told %d times that calls go on, want once:\n%s", n, log)
		}
	})
}

func TestSetBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := faked(t, upstream.Config{}, fine)
		for range 100 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Fatalf("without a rate: %v", err)
			}
		}
		if s := c.Stats(); s.BudgetSize != 0 || s.BudgetLeft != 0 {
			t.Errorf("a budget without a rate says %+v", s)
		}
		if err := c.SetBudget(upstream.BudgetConfig{Rate: 10}); err != nil {
			t.Fatal(err)
		}
		_, first := c.Get(t.Context(), read("/"))
		_, second := c.Get(t.Context(), read("/"))
		if first != nil || registrar.CodeOf(second) != "budget_exhausted" {
			t.Errorf("with 10 a minute, one at once: %v, %v", first, second)
		}
		for _, bad := range []upstream.BudgetConfig{{Rate: -1}, {Burst: -1}, {Per: -1}, {Reserve: 1.5}} {
			if c.SetBudget(bad) == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
	})
}

// A ledger that fails is asked once a second, and this process's own counts.
func TestLedgerThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ledger := &brokenLedger{err: errors.New("connection refused")}
		c, log := logged(t, upstream.Config{Ledger: ledger, Budget: upstream.BudgetConfig{Rate: 60, Burst: 10, Patience: -1}}, fine)
		allowed := 0
		for range 20 {
			if _, err := c.Get(t.Context(), read("/")); err == nil {
				allowed++
			}
		}
		if allowed != 10 || ledger.asked != 1 {
			t.Errorf("%d calls passed, the ledger was asked %d times; want 10 and once", allowed, ledger.asked)
		}
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			_, _ = c.Get(t.Context(), read("/"))
		}
		if ledger.asked > 6 || ledger.asked < 5 {
			t.Errorf("asked %d times within 5 s, want once a second", ledger.asked)
		}
		if n := strings.Count(log.String(), "out of reach"); n != 1 || !c.Stats().Alone {
			t.Errorf("told %d times, alone %v", n, c.Stats().Alone)
		}
		ledger.err = nil
		time.Sleep(time.Second)
		for range 3 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Errorf("after the outage: %v", err)
			}
		}
		if n := strings.Count(log.String(), "is back"); n != 1 || c.Stats().Alone {
			t.Errorf("told %d times that it is back, alone %v", n, c.Stats().Alone)
		}
	})
}

// What two ledgers are kept in is one thing: when the books of one upstream do not
// answer, the other's are not asked either.
func TestLedgersShareARest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rest := resting.New(resting.Config{})
		broken, whole := &brokenLedger{err: errors.New("i/o timeout")}, &brokenLedger{}
		one := faked(t, upstream.Config{Ledger: broken, LedgerRest: rest}, fine)
		two := faked(t, upstream.Config{Ledger: whole, LedgerRest: rest}, fine)
		for _, c := range []*upstream.Client{one, two} {
			if _, err := c.Get(t.Context(), read("/")); err != nil || !c.Stats().Alone {
				t.Errorf("%v, alone %v; want the call to pass, counted here", err, c.Stats().Alone)
			}
		}
		if broken.asked != 1 || whole.asked != 0 {
			t.Errorf("asked %d and %d times, want one time-out for both", broken.asked, whole.asked)
		}
		time.Sleep(time.Second)
		_, _ = two.Get(t.Context(), read("/"))
		if whole.asked != 1 || rest.Resting() || two.Stats().Alone {
			t.Errorf("asked %d times, resting %v, alone %v; want the answer to end it", whole.asked, rest.Resting(), two.Stats().Alone)
		}
	})
}

type brokenLedger struct {
	err   error
	asked int
}

func (l *brokenLedger) Take(context.Context, upstream.Ask) (upstream.Verdict, error) {
	l.asked++
	return upstream.Verdict{Granted: l.err == nil}, l.err
}

func (l *brokenLedger) Throttled(context.Context, upstream.Throttle) error { return l.err }

func TestBreakerObserves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := atomic.Int32{}
		status.Store(502)
		c, log := logged(t, upstream.Config{Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 2, OpenFor: time.Minute, Observe: true}},
			func(*http.Request) (*http.Response, error) {
				return reply(int(status.Load()), "application/json", `{}`), nil
			})
		for range 10 {
			_, err := c.Get(t.Context(), read("/"))
			wantFailure(t, err, registrar.Upstream, "upstream_error")
		}
		class := c.Stats().Classes[0]
		if class.Breaker != upstream.BreakerOpen || class.BreakerRefused != 8 || strings.Count(log.String(), "state=open") != 1 {
			t.Errorf("class = %+v, log:\n%s", class, log)
		}
		c.SetBreakerObserve(false)
		_, err := c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "breaker_open")
		status.Store(200)
		time.Sleep(time.Minute)
		for range 3 {
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Error(err)
			}
		}
		if got := c.Stats().Classes[0].Breaker; got != upstream.BreakerClosed || strings.Count(log.String(), "state=closed") != 1 {
			t.Errorf("breaker = %s, log:\n%s", got, log)
		}
	})
}

func TestStatsCountRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) { return reply(503, "text/html", ""), nil })
		_, _ = c.Get(t.Context(), read("/"))
		if s := c.Stats(); s.Retries != 2 || s.RetriesLeft != 3 {
			t.Errorf("stats = %+v, want 2 retries and 3 left", s)
		}
	})
}
