package redisbudget_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/internal/resting"
	"registrar/internal/upstream"
	"registrar/internal/upstream/redisbudget"
)

// proxy stands between a client and Redis and can go silent or away.
type proxy struct {
	net.Listener
	target string

	mu     sync.Mutex
	away   bool
	silent bool
	conns  []net.Conn
}

func newProxy(t *testing.T, url string) *proxy {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: listener, target: options.Addr}
	var wg sync.WaitGroup
	wg.Go(func() { p.accept(&wg) })
	t.Cleanup(func() {
		_ = listener.Close()
		p.set(true, false)
		wg.Wait()
	})
	return p
}

func (p *proxy) accept(wg *sync.WaitGroup) {
	for {
		conn, err := p.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		away := p.away
		p.mu.Unlock()
		back, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
		if err != nil || away {
			_ = conn.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, conn, back)
		p.mu.Unlock()
		wg.Go(func() { p.pipe(back, conn) })
		wg.Go(func() { p.pipe(conn, back) })
	}
}

// pipe copies until either end closes; what comes while the proxy is silent is lost.
func (p *proxy) pipe(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if silent {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) set(away, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away, p.silent = away, silent
	// A connection that lost bytes is of no use afterwards.
	for _, conn := range p.conns {
		if away || !silent {
			_ = conn.Close()
		}
	}
}

// lines is a log that tests read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

type fixedToken struct{}

func (fixedToken) Token(context.Context) (string, error) { return "t", nil }
func (fixedToken) Drop(string)                           {}

type answers func() *http.Response

func (a answers) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

func ok() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{}`))}
}

// With Redis away or silent, calls go on under this process's own bucket, the
// first one late by the timeout at most, and the log says it once; when Redis is
// back it counts again, without help.
func TestRedisAway(t *testing.T) {
	t.Parallel()

	for name, silent := range map[string]bool{"away": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			url := provisiontest.Redis(t)
			door := newProxy(t, url)
			var log lines
			client, err := upstream.New(upstream.Config{
				BaseURL: "http://lms.test", Transport: answers(ok),
				Budget: upstream.BudgetConfig{Rate: 100, Per: 24 * time.Hour, Burst: 30, Patience: -1},
				Ledger: books(t, connect(t, url, door.Addr().String()), redisbudget.Config{}),
			}, fixedToken{}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			get := func() error {
				_, err := client.Get(t.Context(), upstream.Request{Operation: "thing", Path: "/"})
				return err
			}
			for range 10 {
				if err := get(); err != nil {
					t.Fatal(err)
				}
			}
			if left := client.Stats().BudgetLeft; left > 20.1 || left < 19.9 {
				t.Errorf("left = %v after 10 of 30", left)
			}

			door.set(!silent, silent)
			start := time.Now()
			allowed := 0
			for range 50 {
				if get() == nil {
					allowed++
				}
			}
			if allowed != 30 {
				t.Errorf("%d of 50 calls passed, want the 30 of this process's own bucket", allowed)
			}
			// One timeout of 50 ms, and a further one for each second this took.
			if took := time.Since(start); took > 500*time.Millisecond {
				t.Errorf("50 calls took %v", took)
			}
			if !client.Stats().Alone || log.count("out of reach") != 1 {
				t.Errorf("alone %v, told %d times; want once", client.Stats().Alone, log.count("out of reach"))
			}

			door.set(false, false)
			deadline := time.Now().Add(20 * time.Second)
			for client.Stats().Alone && time.Now().Before(deadline) {
				_ = get()
				time.Sleep(20 * time.Millisecond)
			}
			if err := get(); err != nil || log.count("is back") != 1 {
				t.Errorf("after the outage: %v, told %d times that it is back; want the shared bucket and once", err, log.count("is back"))
			}
		})
	}
}

// A Redis that is full books no call: calls go on under this process's own bucket,
// no call fails for it, and the shared bucket counts again as soon as there is
// room. Redis answers all the while, so nobody leaves it alone.
func TestRedisFull(t *testing.T) {
	t.Parallel()

	address := provisiontest.OwnRedis(t)
	redisClient := connect(t, "redis://"+address+"/0", "")
	memory := func(bytes string) {
		if err := redisClient.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var log lines
	rest, status := resting.New(resting.Config{}), http.StatusOK
	client, err := upstream.New(upstream.Config{
		BaseURL: "http://lms.test", Retries: -1,
		Transport: answers(func() *http.Response { r := ok(); r.StatusCode = status; return r }),
		Budget:    upstream.BudgetConfig{Rate: 100, Per: 24 * time.Hour, Burst: 30, Patience: -1},
		Ledger:    books(t, redisClient, redisbudget.Config{Timeout: 10 * time.Second}), LedgerRest: rest,
	}, fixedToken{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	pass := func(calls int) (passed int) {
		for range calls {
			_, err := client.Get(t.Context(), upstream.Request{Operation: "thing", Path: "/"})
			if err == nil {
				passed++
			} else if code := registrar.CodeOf(err); code != "budget_exhausted" {
				t.Errorf("a call failed with %q: %v", code, err)
			}
		}
		return passed
	}
	if n := pass(10); n != 10 {
		t.Fatalf("%d of 10 calls passed", n)
	}
	memory("1")
	if n := pass(40); n != 30 || !client.Stats().Alone || rest.Resting() {
		t.Errorf("%d of 40 calls passed, alone %v, resting %v; want the 30 of this process's own bucket", n, client.Stats().Alone, rest.Resting())
	}
	memory("0")
	if n := pass(30); n != 20 || client.Stats().Alone {
		t.Errorf("%d of 30 calls passed, alone %v; want the 20 left in the shared bucket", n, client.Stats().Alone)
	}
	if away, back := log.count("out of reach"), log.count("is back"); away != 1 || back != 1 {
		t.Errorf("told %d times that it is away and %d times that it is back", away, back)
	}

	// The wish for fewer calls reaches this process's books when Redis takes none.
	memory("1")
	status = http.StatusTooManyRequests
	if err := client.SetBudget(upstream.BudgetConfig{Patience: -1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"upstream_throttled", "upstream_throttled"} {
		if _, err := client.Get(t.Context(), upstream.Request{Operation: "thing", Path: "/"}); registrar.CodeOf(err) != want {
			t.Errorf("throttled: %v, want %s", err, want)
		}
	}
}
