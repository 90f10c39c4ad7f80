package upstream_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

func tokens(tb testing.TB, f roundTrip) *upstream.Tokens {
	tb.Helper()
	s, err := upstream.NewTokens(upstream.TokenConfig{
		BaseURL: "http://lms.test/", ClientID: "cid", ClientSecret: "s3cr&t=x", UserAgent: "registrar/1", Transport: f,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func granted(token string, seconds int) *http.Response {
	return reply(200, "application/json", fmt.Sprintf(`{"access_token":%q,"expires_in":%d,"token_type":"JWT"}`, token, seconds))
}

// jwt makes an unsigned token that ends at exp.
func jwt(exp time.Time) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, exp.Unix())) + ".c2ln"
}

func TestTokenRequestOnTheWire(t *testing.T) {
	t.Parallel()
	s := tokens(t, func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		if r.Method != http.MethodPost || r.URL.String() != "http://lms.test/oauth2/access_token" || r.Header.Get("Authorization") != "" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("User-Agent") != "registrar/1" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		want := "client_id=cid&client_secret=s3cr%26t%3Dx&grant_type=client_credentials&token_type=jwt"
		if form.Encode() != want {
			t.Errorf("form = %s", form.Encode())
		}
		return granted("a", 3600), nil
	})
	if got, err := s.Token(t.Context()); got != "a" || err != nil {
		t.Errorf("token = %q, %v", got, err)
	}
}

func TestOneFetchForManyCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		s := tokens(t, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			time.Sleep(time.Second)
			return granted("a", 3600), nil
		})
		// The first caller is impatient, and the fetch that it started goes on.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Token(ctx)
			wantFailure(t, err, registrar.Timeout, "token_endpoint_timeout")
		})
		synctest.Wait()
		for range 50 {
			wg.Go(func() {
				if got, err := s.Token(t.Context()); got != "a" || err != nil {
					t.Errorf("token = %q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if hits.Load() != 1 {
			t.Errorf("fetches = %d, want 1", hits.Load())
		}
	})
}

func TestTokenIsRefreshedInTheBackground(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		life  int
		early time.Duration // the last moment without a fetch
	}{
		"an hour":     {3600, 2879 * time.Second},
		"two minutes": {120, 59 * time.Second},
		"ten seconds": {10, 4900 * time.Millisecond},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hits atomic.Int32
				s := tokens(t, func(*http.Request) (*http.Response, error) {
					return granted(fmt.Sprintf("t%d", hits.Add(1)), tc.life), nil
				})
				steps := []struct {
					wait time.Duration
					want string
				}{{0, "t1"}, {tc.early, "t1"}, {time.Second, "t1"}, {0, "t2"}}
				for i, step := range steps {
					time.Sleep(step.wait)
					got, err := s.Token(t.Context())
					if got != step.want || err != nil {
						t.Errorf("step %d: token = %q, %v, want %q", i, got, err, step.want)
					}
					synctest.Wait()
				}
				if hits.Load() != 2 {
					t.Errorf("fetches = %d, want 2", hits.Load())
				}
			})
		})
	}
}

func TestOldTokenServesUntilItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		s := tokens(t, func(*http.Request) (*http.Response, error) {
			if hits.Add(1) == 1 {
				return granted("a", 1000), nil
			}
			return reply(500, "text/html", "<html>"), nil
		})
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 9 { // refreshes fail from second 800 on
			time.Sleep(111 * time.Second)
			if got, err := s.Token(t.Context()); got != "a" || err != nil {
				t.Fatalf("token = %q, %v", got, err)
			}
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		_, err := s.Token(t.Context())
		wantFailure(t, err, registrar.Upstream, "token_endpoint_error")
		if hits.Load() != 4 { // at seconds 0, 888, 999 and 1001
			t.Errorf("fetches = %d, want 1 and 3 that failed", hits.Load())
		}
	})
}

func TestTokensOwnEndCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int32
		s := tokens(t, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return granted(jwt(time.Now().Add(100*time.Second)), 36_000), nil
		})
		first, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(101 * time.Second)
		second, err := s.Token(t.Context())
		if err != nil || second == first || hits.Load() != 2 {
			t.Errorf("token %q after %q, %v, %d fetches", second, first, err, hits.Load())
		}
	})
}

func TestDropForgetsTheCurrentTokenAlone(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	s := tokens(t, func(*http.Request) (*http.Response, error) {
		return granted(fmt.Sprintf("t%d", hits.Add(1)), 3600), nil
	})
	for i, step := range []struct{ drop, want string }{{"", "t1"}, {"t1", "t2"}, {"t1", "t2"}, {"t2", "t3"}} {
		s.Drop(step.drop)
		if got, err := s.Token(t.Context()); got != step.want || err != nil {
			t.Errorf("step %d: token = %q, %v, want %q", i, got, err, step.want)
		}
	}
}

func TestTokenFailures(t *testing.T) {
	t.Parallel()
	answer := func(status int, contentType, body string, header ...string) roundTrip {
		return func(*http.Request) (*http.Response, error) { return reply(status, contentType, body, header...), nil }
	}
	tests := map[string]struct {
		lms   roundTrip
		kind  registrar.Kind
		code  string
		after time.Duration
	}{
		"wrong secret":   {answer(401, "application/json", `{"error":"invalid_client"}`), registrar.Unavailable, "service_account_refused", 0},
		"bad grant":      {answer(400, "application/json", `{"error":"invalid_grant"}`), registrar.Unavailable, "service_account_refused", 0},
		"200 with error": {answer(200, "application/json", `{"error":"invalid_client"}`), registrar.Unavailable, "service_account_refused", 0},
		"403 html":       {answer(403, "text/html", "<html>canary"), registrar.Unavailable, "service_account_throttled", 10 * time.Second},
		"429 html":       {answer(429, "text/html", "<html>canary"), registrar.Unavailable, "service_account_throttled", 10 * time.Second},
		"429 header":     {answer(429, "text/html", "<html>", "Retry-After", "30"), registrar.Unavailable, "service_account_throttled", 30 * time.Second},
		"404":            {answer(404, "text/html", "<html>canary"), registrar.Upstream, "token_endpoint_rejected", 0},
		"500":            {answer(500, "text/html", "<html>canary"), registrar.Upstream, "token_endpoint_error", 0},
		"redirect":       {answer(301, "text/html", "", "Location", "/oauth2/access_token/"), registrar.Upstream, "token_endpoint_redirect", 0},
		"html":           {answer(200, "text/html", "<html>canary"), registrar.Upstream, "token_endpoint_garbage", 0},
		"truncated":      {answer(200, "application/json", `{"access_token":"canary`), registrar.Upstream, "token_endpoint_garbage", 0},
		"no token":       {answer(200, "application/json", `{}`), registrar.Upstream, "token_endpoint_garbage", 0},
		"ended":          {answer(200, "application/json", `{"access_token":"canary","expires_in":-5}`), registrar.Unavailable, "service_account_expired", 0},
		"refused": {
			func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			registrar.Upstream, "token_endpoint_unreachable", 0,
		},
		"silent": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, registrar.Timeout, "token_endpoint_timeout", 0},
		"panic": {func(*http.Request) (*http.Response, error) { panic("canary") }, registrar.Internal, "internal", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hits atomic.Int32
				s := tokens(t, func(r *http.Request) (*http.Response, error) { hits.Add(1); return tc.lms(r) })
				for range 3 {
					_, err := s.Token(t.Context())
					wantFailure(t, err, tc.kind, tc.code)
					if registrar.RetryAfterOf(err) != tc.after {
						t.Errorf("retry after = %v, want %v", registrar.RetryAfterOf(err), tc.after)
					}
					if said, ok := errors.AsType[*registrar.Error](err); tc.code != "internal" && (!ok || !strings.HasPrefix(said.Detail, "The LMS's token endpoint ")) {
						t.Errorf("%v does not say whose fault it is", err)
					}
					if text := err.Error(); strings.Contains(text, "canary") || strings.Contains(text, "s3cr") {
						t.Errorf("the error tells too much: %s", text)
					}
				}
				if hits.Load() != 1 {
					t.Errorf("fetches = %d, want 1: a failure holds for a moment", hits.Load())
				}
				time.Sleep(max(tc.after, 5*time.Second))
				_, err := s.Token(t.Context())
				wantFailure(t, err, tc.kind, tc.code)
				if hits.Load() != 2 {
					t.Errorf("fetches = %d, want 2", hits.Load())
				}
			})
		})
	}
}

func TestTokenFailureReachesTheReader(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := tokens(t, func(*http.Request) (*http.Response, error) { return reply(401, "application/json", `{}`), nil })
	c := client(t, upstream.Config{BaseURL: "http://lms.test", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		asked.Add(1)
		return reply(200, "application/json", `{}`), nil
	})}, s)
	_, err := c.Get(t.Context(), read("/"))
	wantFailure(t, err, registrar.Unavailable, "service_account_refused")
	if asked.Load() != 0 {
		t.Error("the LMS was asked without a token")
	}
}

func TestNewTokensRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]upstream.TokenConfig{
		"no url":    {ClientID: "a", ClientSecret: "b"},
		"no id":     {BaseURL: "http://lms.test", ClientSecret: "b"},
		"no secret": {BaseURL: "http://lms.test", ClientID: "a"},
	} {
		if _, err := upstream.NewTokens(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
