package gateway_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// What an upstream says of our account is no answer to the caller, and what it
// says of the question is told in our words.
func TestPassthroughFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		header     [2]string
		body       string
		want       int
		code       string
		retryAfter string
	}{
		"redirect":        {301, [2]string{"Location", "/elsewhere/"}, "", 502, "upstream_redirect", ""},
		"not modified":    {304, [2]string{}, "", 502, "upstream_redirect", ""},
		"bad request":     {400, [2]string{}, `{"detail":"canary"}`, 400, "upstream_invalid", ""},
		"unauthorized":    {401, [2]string{"WWW-Authenticate", "canary"}, "", 502, "upstream_denied", ""},
		"forbidden":       {403, [2]string{}, "canary", 502, "upstream_denied", ""},
		"not found":       {404, [2]string{}, "<h1>canary</h1>", 404, "upstream_not_found", ""},
		"not allowed":     {405, [2]string{"Allow", "canary"}, "", 502, "upstream_rejected", ""},
		"not acceptable":  {406, [2]string{}, "", 502, "upstream_rejected", ""},
		"conflict":        {409, [2]string{}, "canary", 409, "upstream_conflict", ""},
		"too large":       {413, [2]string{}, "canary", 413, "upstream_too_large", ""},
		"media type":      {415, [2]string{}, "canary", 415, "upstream_unsupported_media_type", ""},
		"unprocessable":   {422, [2]string{}, "canary", 422, "upstream_unprocessable", ""},
		"throttled":       {429, [2]string{"Retry-After", "37"}, "", 503, "upstream_throttled", "37"},
		"throttled, text": {429, [2]string{}, `{"developer_message":"Request was throttled. Expected available in 12 seconds."}`, 503, "upstream_throttled", "12"},
		"throttled, long": {429, [2]string{"Retry-After", "99999999"}, "", 503, "upstream_throttled", "3600"},
		"throttled, html": {429, [2]string{}, "<html>", 503, "upstream_throttled", "5"},
		"broken":          {500, [2]string{}, "Traceback canary", 502, "upstream_error", ""},
		"away":            {503, [2]string{"Retry-After", "9"}, "canary", 502, "upstream_error", "9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.header[0] != "" {
					w.Header().Set(tc.header[0], tc.header[1])
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			p := startPassing(t, u, testRules(), nil)
			for _, target := range []string{note + csUUID, course + csRun, enrollments + "?username=bo"} { // streamed, kept, filtered
				got := p.ask(t, "GET", target, as(t, "north"))
				if got.status != tc.want || !strings.Contains(got.body, `"code":"`+tc.code+`"`) || got.header.Get("Retry-After") != tc.retryAfter {
					t.Errorf("%s: %d %s, Retry-After %q; want %d %s, %q", target, got.status, got.body, got.header.Get("Retry-After"), tc.want, tc.code, tc.retryAfter)
				}
				if strings.Contains(got.body, "canary") || got.header.Get("WWW-Authenticate") != "" || got.header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s: the upstream's words: %v %s", target, got.header, got.body)
				}
			}
		})
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPassthroughUnreachable(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, nil)
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) {
		c.LMS.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errBroken })
	})
	got := p.ask(t, "GET", note+csUUID, as(t, "north"))
	if got.status != 502 || !strings.Contains(got.body, "upstream_unreachable") || strings.Contains(got.body, "canary") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if strings.Contains(p.log.String(), csUUID) {
		t.Error("the log holds the URL")
	}
}

// tokenQueue hands out tokens one after the other, as they are dropped.
type tokenQueue struct {
	next    atomic.Int64
	dropped atomic.Int64
	err     error
}

func (q *tokenQueue) Token(context.Context) (string, error) {
	return "token-" + string(rune('a'+q.next.Load())), q.err
}

func (q *tokenQueue) Drop(string) {
	q.next.Add(1)
	q.dropped.Add(1)
}

// A read that an old token was refused for is asked once more; a write is not,
// but the next request has a new token.
func TestPassthroughRenewsItsToken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		request string
		good    string // the token that is accepted
		status  int
		tokens  []string
		dropped int64
	}{
		"a good token":              {"GET " + note + csUUID, "token-a", 200, []string{"token-a"}, 0},
		"an old token":              {"GET " + note + csUUID, "token-b", 200, []string{"token-a", "token-b"}, 1},
		"an old token, HEAD":        {"HEAD " + note + csUUID, "token-b", 200, []string{"token-a", "token-b"}, 1},
		"an old token, kept":        {"GET " + course + csRun, "token-b", 200, []string{"token-a", "token-b"}, 1},
		"no token is good":          {"GET " + note + csUUID, "none", 502, []string{"token-a", "token-b"}, 1},
		"a write with a body":       {"POST " + note + csUUID, "token-b", 502, []string{"token-a"}, 1},
		"a write without a body":    {"DELETE " + note + csUUID, "token-b", 502, []string{"token-a"}, 1},
		"a write with a good token": {"POST " + note + csUUID, "token-a", 200, []string{"token-a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "JWT "+tc.good {
					w.WriteHeader(401)
				}
			})
			queue := &tokenQueue{}
			p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.LMS.Tokens = queue })
			method, _, _ := strings.Cut(tc.request, " ")
			request := head(t, "north", tc.request, "Connection: close")
			if method == "POST" {
				request = head(t, "north", tc.request, "Connection: close", "Content-Length: 2") + "{}"
			}
			if got := p.raw(t, method, request); got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
			var sent []string
			for _, r := range p.requests() {
				sent = append(sent, strings.TrimPrefix(r.header.Get("Authorization"), "JWT "))
			}
			if !slices.Equal(sent, tc.tokens) || queue.dropped.Load() != tc.dropped {
				t.Errorf("sent %v, dropped %d; want %v, %d", sent, queue.dropped.Load(), tc.tokens, tc.dropped)
			}
			if tc.good != "none" {
				return
			}
			// A site that refuses every token does not get a new one for each request.
			p.ask(t, "GET", note+csUUID, as(t, "north"))
			if queue.dropped.Load() != tc.dropped {
				t.Error("another token was dropped within the rest")
			}
		})
	}
}

func TestPassthroughWithoutAToken(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, nil)
	refused := &registrar.Error{Kind: registrar.Unavailable, Code: "service_account_refused", Detail: "The LMS does not accept the account."}
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) {
		c.LMS.Tokens = &tokenQueue{err: refused}
	})
	if got := p.ask(t, "GET", note+csUUID, as(t, "north")); got.status != 503 || !strings.Contains(got.body, "service_account_refused") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if asked := u.requests(); len(asked) > 0 {
		t.Errorf("the upstream was asked %v", asked)
	}
}

// An upstream that hangs up before it answers may have done the work: no write is
// ever sent twice, not even on a connection that was idle.
func TestPassthroughSendsWritesOnce(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"with a body": "POST " + note + csUUID, "without a body": "DELETE " + note + csUUID,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var writes atomic.Int64
			u := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					writes.Add(1)
					panic(http.ErrAbortHandler)
				}
			})
			p := startPassing(t, u, testRules(), nil)
			p.ask(t, "GET", note+csUUID, as(t, "north")) // leaves an idle connection
			method, target, _ := strings.Cut(request, " ")
			var headers []string
			body := ""
			if method == "POST" {
				headers, body = []string{"Content-Length: 2"}, "{}"
			}
			got := p.raw(t, method, head(t, "north", method+" "+target, headers...)+body)
			if got.status != 502 || writes.Load() != 1 {
				t.Errorf("%d after %d writes; want 502 after one", got.status, writes.Load())
			}
		})
	}
}
