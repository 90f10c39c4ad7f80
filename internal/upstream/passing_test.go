package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// passThrough sends one request as somebody does who shares c's account.
func passThrough(t *testing.T, c *upstream.Client, next roundTrip) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://lms.test/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Passing(next).RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

// What passes and what the client reads come out of one bucket, in both directions.
func TestPassingDrawsOnTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := faked(t, upstream.Config{Budget: upstream.BudgetConfig{Rate: 2, Per: time.Hour, Burst: 2, Patience: -1}}, fine)
		if _, err := c.Get(t.Context(), read("/")); err != nil {
			t.Fatal(err)
		}
		if _, err := passThrough(t, c, fine); err != nil {
			t.Fatal(err)
		}
		_, err := passThrough(t, c, func(*http.Request) (*http.Response, error) {
			t.Error("a call over the budget was sent")
			return fine(nil)
		})
		wantFailure(t, err, registrar.Unavailable, "budget_exhausted")
		_, err = c.Get(t.Context(), read("/"))
		wantFailure(t, err, registrar.Unavailable, "budget_exhausted")
	})
}

// A 429 pauses what passes, for as long as its sentence says, and its body is
// still there for whoever reads it.
func TestPassingLearnsFromThrottles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const said = `{"detail":"Request was throttled. Expected available in 40 seconds."}`
		c := faked(t, upstream.Config{}, fine)
		resp, err := passThrough(t, c, func(*http.Request) (*http.Response, error) {
			return reply(http.StatusTooManyRequests, "application/json", said), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != said {
			t.Errorf("body %q, %v", body, err)
		}
		_, err = passThrough(t, c, fine)
		wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
		if after := registrar.RetryAfterOf(err); after < 39*time.Second || after > 41*time.Second {
			t.Errorf("retry after %v, want 40 s", after)
		}
		time.Sleep(41 * time.Second)
		if _, err := passThrough(t, c, fine); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// broken is a body that ends with err after its first bytes.
func broken(err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader("half"), errReader{err}))
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// An upstream that fails what passes is given a rest, by the same rules as for
// what the client reads; other classes go on.
func TestPassingHasABreaker(t *testing.T) {
	t.Parallel()
	status := func(status int) roundTrip {
		return func(*http.Request) (*http.Response, error) { return reply(status, "application/json", "{}"), nil }
	}
	for name, tc := range map[string]struct {
		lms   roundTrip
		opens bool
	}{
		"200":         {status(200), false},
		"400":         {status(400), false},
		"401":         {status(401), false},
		"404":         {status(404), false},
		"500":         {status(500), false},
		"502":         {status(502), true},
		"503":         {status(503), true},
		"unreachable": {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, true},
		"silent": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, true},
		"half an answer": {func(*http.Request) (*http.Response, error) {
			half := reply(200, "application/json", "")
			half.Body = broken(io.ErrUnexpectedEOF)
			return half, nil
		}, true},
		"an answer that hangs": {func(r *http.Request) (*http.Response, error) {
			hung := reply(200, "application/json", "")
			hung.Body = io.NopCloser(readFunc(func([]byte) (int, error) {
				<-r.Context().Done()
				return 0, r.Context().Err()
			}))
			return hung, nil
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := faked(t, upstream.Config{Breaker: upstream.BreakerConfig{MinCalls: 4}}, fine)
				var sent atomic.Int32
				lms := func(r *http.Request) (*http.Response, error) { sent.Add(1); return tc.lms(r) }
				for range 5 {
					_, _ = cross(t, c, lms, nil)
				}
				opened, err := cross(t, c, lms, nil)
				if opened != tc.opens || opened != (sent.Load() == 4) {
					t.Fatalf("open %v after %d calls, want %v: %v", opened, sent.Load(), tc.opens, err)
				}
				if _, err := c.Get(t.Context(), read("/")); err != nil {
					t.Errorf("another class: %v", err)
				}
				if !opened {
					return
				}
				wantFailure(t, err, registrar.Unavailable, "breaker_open")
				if after := registrar.RetryAfterOf(err); after < time.Second || after > 5*time.Second {
					t.Errorf("retry after %v, want up to 5 s", after)
				}
				if got := stateOfPassing(c); got.Breaker != upstream.BreakerOpen || got.BreakerRefused == 0 {
					t.Errorf("stats %+v, want an open breaker and refusals", got)
				}
				time.Sleep(5 * time.Second)
				for range 2 {
					if _, err := cross(t, c, fine, nil); err != nil {
						t.Errorf("a probe: %v", err)
					}
				}
				if got := stateOfPassing(c); got.Breaker != upstream.BreakerClosed {
					t.Errorf("after two good probes: %+v", got)
				}
			})
		})
	}
}

// What a caller spoils, by leaving or by its own body, is not the upstream's doing.
func TestPassingDoesNotBlameTheUpstreamForItsCallers(t *testing.T) {
	t.Parallel()
	upload := func(r *http.Request) (*http.Response, error) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		return fine(r)
	}
	stuck := func(r *http.Request) (*http.Response, error) {
		go func() { _, _ = io.Copy(io.Discard, r.Body) }()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, tc := range map[string]struct {
		lms  roundTrip
		body func(done <-chan struct{}) io.Reader
		// gone makes the caller leave, where its time does not just run out.
		gone bool
	}{
		"a body that breaks off": {upload, func(<-chan struct{}) io.Reader { return broken(errors.New("reset")) }, false},
		"a body that stands still": {stuck, func(done <-chan struct{}) io.Reader {
			return readFunc(func([]byte) (int, error) { <-done; return 0, io.EOF })
		}, false},
		"a caller that leaves": {stuck, func(<-chan struct{}) io.Reader { return strings.NewReader("all of it") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := faked(t, upstream.Config{Breaker: upstream.BreakerConfig{MinCalls: 2}}, fine)
				for range 6 {
					done := make(chan struct{})
					ctx, cancel := context.WithCancel(t.Context())
					if tc.gone {
						time.AfterFunc(3*time.Second, cancel)
					}
					opened, err := crossAs(ctx, t, c, tc.lms, tc.body(done))
					if opened || err == nil {
						t.Errorf("%v, want what the caller did", err)
					}
					close(done)
					cancel()
					synctest.Wait()
				}
				if got := stateOfPassing(c); got.Breaker != upstream.BreakerClosed {
					t.Errorf("stats %+v, want a closed breaker", got)
				}
			})
		})
	}
}

// A probe whose answer is long does not keep the others waiting.
func TestAPassingProbeIsOverWithItsHead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := faked(t, upstream.Config{Breaker: upstream.BreakerConfig{MinCalls: 1}}, fine)
		dead := func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
		_, _ = cross(t, c, dead, nil)
		time.Sleep(5 * time.Second)
		for range 2 {
			if _, err := passThrough(t, c, fine); err != nil { // its body stays open
				t.Fatal(err)
			}
		}
		if got := stateOfPassing(c); got.Breaker != upstream.BreakerClosed {
			t.Errorf("%+v, want it closed", got)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// cross passes one request through and reads its answer to the end. It reports
// whether the breaker refused it.
func cross(t *testing.T, c *upstream.Client, next roundTrip, body io.Reader) (refused bool, failure error) {
	t.Helper()
	return crossAs(t.Context(), t, c, next, body)
}

func crossAs(ctx context.Context, t *testing.T, c *upstream.Client, next roundTrip, body io.Reader) (refused bool, failure error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://lms.test/", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Passing(next).RoundTrip(req)
	if err != nil {
		return registrar.CodeOf(err) == "breaker_open", err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return false, err
}

func stateOfPassing(c *upstream.Client) upstream.ClassStats {
	for _, class := range c.Stats().Classes {
		if class.Class == "passthrough" {
			return class
		}
	}
	return upstream.ClassStats{}
}
