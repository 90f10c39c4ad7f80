package upstream_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// counter hands out "token-1", then "token-2" after a Drop, and so on.
type counter struct {
	mu      sync.Mutex
	serial  int
	dropped []string
}

func (c *counter) name() string { return "token-" + strconv.Itoa(c.serial+1) }

func (c *counter) Token(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name(), nil
}

func (c *counter) Drop(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = append(c.dropped, token)
	if token == c.name() {
		c.serial++
	}
}

// roundTrip is a transport without sockets, for tests that own their time.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(status int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// serve starts an LMS that answers with h and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func client(tb testing.TB, cfg upstream.Config, tokens upstream.TokenSource) *upstream.Client {
	tb.Helper()
	if tokens == nil {
		tokens = &counter{}
	}
	c, err := upstream.New(cfg, tokens, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func faked(tb testing.TB, cfg upstream.Config, f roundTrip) *upstream.Client {
	tb.Helper()
	cfg.BaseURL, cfg.Transport = "http://lms.test", f
	return client(tb, cfg, nil)
}

func read(path string) upstream.Request {
	return upstream.Request{Operation: "thing", Path: path}
}

func wantFailure(t *testing.T, err error, kind registrar.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s %q", kind, code)
	}
	if got := registrar.KindOf(err); got != kind {
		t.Errorf("kind = %s, want %s: %v", got, kind, err)
	}
	if got := registrar.CodeOf(err); got != code {
		t.Errorf("code = %q, want %q: %v", got, code, err)
	}
}
