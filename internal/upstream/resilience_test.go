package upstream_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

func TestPassingFailuresAreRetried(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		after  string
		hits   int32
	}{
		"429 soon":    {429, "1", 3},
		"429 in ages": {429, "60", 1},
		"500":         {500, "", 1},
		"502":         {502, "", 3},
		"503":         {503, "", 3},
		"504":         {504, "", 3},
		"404":         {404, "", 1},
		"403":         {403, "", 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hits atomic.Int32
				c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
					hits.Add(1)
					return reply(tc.status, "text/html", "", "Retry-After", tc.after), nil
				})
				start := time.Now()
				if _, err := c.Get(t.Context(), read("/")); err == nil {
					t.Error("no error")
				}
				if hits.Load() != tc.hits {
					t.Errorf("hits = %d, want %d", hits.Load(), tc.hits)
				}
				if tc.after == "1" && time.Since(start) < 2*time.Second {
					t.Errorf("took %v: Retry-After was not honoured", time.Since(start))
				}
			})
		})
	}
}

func TestRetryAnswersInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
			if hits.Add(1) < 3 {
				return reply(503, "text/html", ""), nil
			}
			return reply(200, "application/json", `{}`), nil
		})
		if _, err := c.Get(t.Context(), read("/")); err != nil {
			t.Error(err)
		}
	})
}

func TestNoRetryPastTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return reply(503, "text/html", "", "Retry-After", "3"), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Get(ctx, read("/"))
		wantFailure(t, err, registrar.Upstream, "upstream_error")
		if hits.Load() != 1 || time.Since(start) != 0 {
			t.Errorf("hits = %d after %v, want 1 at once", hits.Load(), time.Since(start))
		}
	})
}

func TestRetriesKeepToTheirBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		c := faked(t, upstream.Config{RetryBudget: 0.1, Concurrency: 1000, Breaker: upstream.BreakerConfig{FailureRate: 1, MinCalls: 100_000, Window: time.Hour}},
			func(*http.Request) (*http.Response, error) {
				hits.Add(1)
				return reply(503, "text/html", ""), nil
			})
		const reads = 400
		for range reads {
			_, _ = c.Get(t.Context(), read("/"))
		}
		// 10 % of the reads and the burst a quiet client may make.
		if got := hits.Load(); got > reads+reads/10+5 || got < reads+reads/10 {
			t.Errorf("hits = %d for %d reads", got, reads)
		}
	})
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	tokens := &counter{}
	var hits atomic.Int32
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") == "JWT token-1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(`{}`))
	})
	// No retries are left, and the second try is still made: it is no retry.
	c := client(t, upstream.Config{BaseURL: base, Retries: -1}, tokens)
	if _, err := c.Get(t.Context(), read("/")); err != nil {
		t.Fatal(err)
	}
	if hits.Load() != 2 || len(tokens.dropped) != 1 || tokens.dropped[0] != "token-1" {
		t.Errorf("hits = %d, dropped = %v", hits.Load(), tokens.dropped)
	}
}

func TestEndless401DoesNotCostATokenEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &counter{}
		var hits atomic.Int32
		c, err := upstream.New(upstream.Config{BaseURL: "http://lms.test", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return reply(401, "application/json", `{}`), nil
		})}, tokens, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			_, err := c.Get(t.Context(), read("/"))
			wantFailure(t, err, registrar.Upstream, "upstream_denied")
		}
		if hits.Load() != 6 || len(tokens.dropped) != 1 {
			t.Errorf("hits = %d, dropped = %v", hits.Load(), tokens.dropped)
		}
		time.Sleep(11 * time.Second)
		_, _ = c.Get(t.Context(), read("/"))
		if hits.Load() != 8 || len(tokens.dropped) != 2 {
			t.Errorf("later: hits = %d, dropped = %v", hits.Load(), tokens.dropped)
		}
	})
}

func TestAccepted401KeepsTheToken(t *testing.T) {
	t.Parallel()
	tokens := &counter{}
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	r := read("/")
	r.Accept = upstream.Statuses(401)
	if _, err := client(t, upstream.Config{BaseURL: base}, tokens).Get(t.Context(), r); err != nil {
		t.Error(err)
	}
	if len(tokens.dropped) != 0 {
		t.Error("the token was dropped")
	}
}

func TestBreakerRestsOneClass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits, down atomic.Int32
		down.Store(1)
		c := faked(t, upstream.Config{Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 4, OpenFor: 3 * time.Second}},
			func(r *http.Request) (*http.Response, error) {
				hits.Add(1)
				if down.Load() == 1 && r.URL.Path == "/grades" {
					return reply(503, "text/html", ""), nil
				}
				return reply(200, "application/json", `{}`), nil
			})
		grades := upstream.Request{Operation: "grades", Path: "/grades"}
		for range 4 {
			_, err := c.Get(t.Context(), grades)
			wantFailure(t, err, registrar.Upstream, "upstream_error")
		}
		_, err := c.Get(t.Context(), grades)
		wantFailure(t, err, registrar.Unavailable, "breaker_open")
		if hits.Load() != 4 || registrar.RetryAfterOf(err) != 3*time.Second {
			t.Errorf("hits = %d, retry after %v", hits.Load(), registrar.RetryAfterOf(err))
		}
		if _, err := c.Get(t.Context(), read("/enrollments")); err != nil {
			t.Errorf("another class: %v", err)
		}
		down.Store(0)
		time.Sleep(3 * time.Second)
		for range 5 {
			if _, err := c.Get(t.Context(), grades); err != nil {
				t.Errorf("after the rest: %v", err)
			}
		}
	})
}

// An upstream that hangs holds every slot, so that failures come slowly: they must
// be enough however few the slots are.
func TestHangingUpstreamOpensTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := upstream.Config{Concurrency: 4, Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 20, Window: 10 * time.Second}}
		c := faked(t, cfg, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var callers sync.WaitGroup
		var open atomic.Bool
		for range 20 {
			callers.Go(func() {
				for ctx.Err() == nil && !open.Load() {
					if _, err := c.Get(ctx, read("/")); registrar.CodeOf(err) == "breaker_open" {
						open.Store(true)
					}
				}
			})
		}
		callers.Wait()
		if !open.Load() {
			t.Error("after two minutes every caller still waits for the clock")
		}
	})
}

// A 500 is one view's defect: the grades of one broken course run must not take
// those of all the others away, nor those of other schools.
func TestDefectsAndClientErrorsNeverOpenTheBreaker(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 429, 500} {
		var hits atomic.Int32
		// The budget only observes, or it would keep the second call after a 429.
		c := faked(t, upstream.Config{Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 2}, Budget: upstream.BudgetConfig{Observe: true}}, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return reply(status, "application/json", `{}`), nil
		})
		for range 20 {
			_, _ = c.Get(t.Context(), read("/"))
		}
		if hits.Load() != 20 {
			t.Errorf("status %d: hits = %d, want 20", status, hits.Load())
		}
	}
}

func TestLeavingCallersDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		slow.Store(true)
		c := faked(t, upstream.Config{Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 2}}, func(r *http.Request) (*http.Response, error) {
			if slow.Load() {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return reply(200, "application/json", `{}`), nil
		})
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if i%2 == 0 {
				time.AfterFunc(time.Millisecond, cancel)
			}
			_, _ = c.Get(ctx, read("/"))
			cancel()
		}
		slow.Store(false)
		if _, err := c.Get(t.Context(), read("/")); err != nil {
			t.Error(err)
		}
	})
}

func TestProbeWhoseCallerLeftIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := 502
		c := faked(t, upstream.Config{Retries: -1, Breaker: upstream.BreakerConfig{MinCalls: 2, OpenFor: time.Second}}, func(r *http.Request) (*http.Response, error) {
			if status == 0 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return reply(status, "application/json", `{}`), nil
		})
		for range 2 {
			_, _ = c.Get(t.Context(), read("/"))
		}
		status = 0
		for range 5 { // more than a half-open breaker has permits
			time.Sleep(time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			_, _ = c.Get(ctx, read("/"))
		}
		status = 200
		time.Sleep(time.Second)
		if _, err := c.Get(t.Context(), read("/")); err != nil {
			t.Error(err)
		}
	})
}

func TestConcurrencyIsCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		release := make(chan struct{})
		c := faked(t, upstream.Config{Concurrency: 3}, func(*http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return reply(200, "application/json", `{}`), nil
		})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), read("/")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Get(ctx, read("/"))
		wantFailure(t, err, registrar.Unavailable, "upstream_busy")
		if registrar.RetryAfterOf(err) <= 0 {
			t.Error("no Retry-After")
		}
		close(release)
		wg.Wait()
		if most.Load() != 3 {
			t.Errorf("most in flight = %d, want 3", most.Load())
		}
	})
}

func TestObserveHearsOfEveryTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls []upstream.Call
		var hits atomic.Int32
		c := faked(t, upstream.Config{Observe: func(_ context.Context, call upstream.Call) { calls = append(calls, call) }},
			func(*http.Request) (*http.Response, error) {
				if hits.Add(1) == 1 {
					return reply(502, "text/html", ""), nil
				}
				return reply(200, "application/json", `{}`), nil
			})
		if _, err := c.Get(t.Context(), upstream.Request{Operation: "thing", Class: "things", Path: "/"}); err != nil {
			t.Fatal(err)
		}
		want := []upstream.Call{
			{Operation: "thing", Class: "things", Try: 1, Status: 502, Kind: registrar.Upstream, Code: "upstream_error"},
			{Operation: "thing", Class: "things", Try: 2, Status: 200},
		}
		if len(calls) != 2 || calls[0] != want[0] || calls[1] != want[1] {
			t.Errorf("calls = %+v", calls)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("37", `{"detail":"Expected available in 37 seconds."}`)
	f.Add("", `{"developer_message":{"a":["available in 999999999 seconds"]}}`)
	f.Add("-5", `null`)
	f.Add("Mon, 02 Jan 2106 15:04:05 GMT", "")
	f.Fuzz(func(t *testing.T, header, body string) {
		c := faked(t, upstream.Config{Retries: -1}, func(*http.Request) (*http.Response, error) {
			return reply(429, "application/json", body, "Retry-After", header), nil
		})
		_, err := c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
		if d := registrar.RetryAfterOf(err); d < 0 || d > time.Hour {
			t.Errorf("retry after %v", d)
		}
	})
}
