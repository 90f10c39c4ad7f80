package upstream_test

import (
	"io"
	"net/http"
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
