package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"registrar/gateway"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/internal/resting"
)

func TestLocalLimiter(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := gateway.NewLocalLimiter(c.now)
	limit := gateway.Limit{Requests: 60, Per: time.Minute, Burst: 3}
	for i, step := range []struct {
		wait time.Duration
		key  string
		want gateway.Verdict
	}{
		{0, "ada", gateway.Verdict{Allowed: true, Remaining: 2, ResetAfter: time.Second}},
		{0, "ada", gateway.Verdict{Allowed: true, Remaining: 1, ResetAfter: 2 * time.Second}},
		{0, "ada", gateway.Verdict{Allowed: true, Remaining: 0, ResetAfter: 3 * time.Second}},
		{0, "ada", gateway.Verdict{ResetAfter: 3 * time.Second, RetryAfter: time.Second}},
		{0, "bob", gateway.Verdict{Allowed: true, Remaining: 2, ResetAfter: time.Second}},
		{600 * time.Millisecond, "ada", gateway.Verdict{ResetAfter: 2400 * time.Millisecond, RetryAfter: 400 * time.Millisecond}},
		{400 * time.Millisecond, "ada", gateway.Verdict{Allowed: true, Remaining: 0, ResetAfter: 3 * time.Second}},
		{time.Hour, "ada", gateway.Verdict{Allowed: true, Remaining: 2, ResetAfter: time.Second}},
	} {
		c.advance(step.wait)
		got, err := l.Allow(t.Context(), step.key, limit)
		if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
			t.Errorf("step %d: %v (-want +got):\n%s", i, err, diff)
		}
	}
}

// However requests are spaced, nobody gets more than the burst and the rate.
func TestLocalLimiterNeverGivesMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{}
		l := gateway.NewLocalLimiter(c.now)
		limit := gateway.Limit{
			Requests: rapid.IntRange(1, 1000).Draw(t, "requests"), Per: time.Minute, Burst: rapid.IntRange(1, 50).Draw(t, "burst"),
		}
		allowed := 0
		for _, wait := range rapid.SliceOf(rapid.IntRange(0, 5000)).Draw(t, "waits") {
			c.advance(time.Duration(wait) * time.Millisecond)
			verdict, _ := l.Allow(context.Background(), "ada", limit)
			if verdict.Allowed {
				allowed++
			} else if again, _ := func() (gateway.Verdict, error) {
				c.advance(verdict.RetryAfter)
				return l.Allow(context.Background(), "ada", limit)
			}(); again.Allowed {
				allowed++
			} else {
				t.Fatalf("refused again after RetryAfter %s", verdict.RetryAfter)
			}
			most := limit.Burst + int(time.Duration(c.past.Load())/(limit.Per/time.Duration(limit.Requests)))
			if allowed > most {
				t.Fatalf("%d allowed, want at most %d", allowed, most)
			}
		}
	})
}

// As many names as a caller likes must not cost memory for ever, nor let those
// who are over their limit start again.
func TestLocalLimiterIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := gateway.NewLocalLimiter(c.now)
	quick, slow := gateway.Limit{Requests: 1000, Per: time.Second, Burst: 1}, gateway.Limit{Requests: 1, Per: time.Hour, Burst: 1}
	allow := func(key string, limit gateway.Limit) bool {
		verdict, err := l.Allow(t.Context(), key, limit)
		return err == nil && verdict.Allowed
	}
	if !allow("ada", slow) {
		t.Fatal("the first request was refused")
	}
	for i := range 100_000 {
		if c.advance(time.Millisecond); !allow(strconv.Itoa(i), quick) {
			t.Fatalf("caller %d was refused", i)
		}
	}
	if allow("ada", slow) {
		t.Error("ada was forgotten although others had paid back")
	}
}

// line is a TCP line to a server, which can be cut, slowed and mended.
type line struct {
	net.Listener
	target string
	dead   atomic.Bool
	stuck  atomic.Bool
	mu     sync.Mutex
	open   []net.Conn
	heard  atomic.Int64 // pieces that came from callers
	relays sync.WaitGroup
}

func newLine(t *testing.T, target string) *line {
	t.Helper()
	l := &line{Listener: listen(t), target: target}
	l.relays.Go(l.serve)
	t.Cleanup(func() {
		_ = l.Close()
		l.cut()
		l.relays.Wait()
	})
	return l
}

func (l *line) serve() {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.target)
		if err != nil || l.dead.Load() {
			_ = near.Close()
			if err == nil {
				_ = far.Close()
			}
			continue
		}
		l.mu.Lock()
		l.open = append(l.open, near, far)
		l.mu.Unlock()
		l.relays.Go(func() { l.relay(far, near, &l.heard) })
		l.relays.Go(func() { l.relay(near, far, nil) })
	}
}

// relay passes on what comes; while the line is stuck, it swallows it.
func (l *line) relay(to, from net.Conn, heard *atomic.Int64) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if heard != nil {
			heard.Add(1)
		}
		if l.stuck.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
	l.open = nil
}

// redisVia returns a client of a test's own database behind a line.
func redisVia(t *testing.T) (*redis.Client, *line) {
	t.Helper()
	options, err := redis.ParseURL(provisiontest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	l := newLine(t, options.Addr)
	options.Addr = l.Addr().String()
	options.MaxRetries = -1
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client, l
}

func redisLimiter(t *testing.T, client *redis.Client, cfg gateway.RedisLimiterConfig) *gateway.RedisLimiter {
	t.Helper()
	l, err := gateway.NewRedisLimiter(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRedisLimiterCountsForAllReplicas(t *testing.T) {
	t.Parallel()
	client, _ := redisVia(t)
	cfg := gateway.RedisLimiterConfig{Timeout: 10 * time.Second, OnFailure: gateway.Refuse}
	replicas := []*gateway.RedisLimiter{redisLimiter(t, client, cfg), redisLimiter(t, client, cfg)}
	limit := gateway.Limit{Requests: 1, Per: time.Hour, Burst: 20}
	var allowed atomic.Int64
	var callers sync.WaitGroup
	for i := range 60 {
		callers.Go(func() {
			verdict, err := replicas[i%2].Allow(context.Background(), "ada", limit)
			if err != nil {
				t.Error(err)
			}
			if verdict.Allowed {
				allowed.Add(1)
			} else if verdict.RetryAfter < 59*time.Minute || verdict.RetryAfter > time.Hour || verdict.ResetAfter < 19*time.Hour {
				t.Errorf("verdict = %+v, want another one in an hour", verdict)
			}
		})
	}
	callers.Wait()
	if allowed.Load() != 20 {
		t.Errorf("%d of 60 allowed, want the burst of 20", allowed.Load())
	}
	verdict, err := replicas[0].Allow(t.Context(), "bob", limit)
	if err != nil || !verdict.Allowed || verdict.Remaining != 19 {
		t.Errorf("bob: %+v, %v", verdict, err)
	}
}

// A Redis in trouble costs one timeout, then a pause; and it is taken back by
// itself when it is well.
func TestRedisLimiterWithoutRedis(t *testing.T) {
	t.Parallel()
	limit := gateway.Limit{Requests: 1, Per: time.Hour, Burst: 2}
	for name, trouble := range map[string]struct{ begin, end func(*line) }{
		"dead":  {func(l *line) { l.dead.Store(true); l.cut() }, func(l *line) { l.dead.Store(false) }},
		"stuck": {func(l *line) { l.stuck.Store(true) }, func(l *line) { l.stuck.Store(false); l.cut() }},
	} {
		for fallback, want := range map[gateway.Fallback][]string{
			gateway.CountLocally: {"yes", "yes", "no", "no"},
			gateway.LetThrough:   {"unchecked", "unchecked", "unchecked", "unchecked"},
			gateway.Refuse:       {"limiter_unavailable", "limiter_unavailable", "limiter_unavailable", "limiter_unavailable"},
		} {
			t.Run(name+" "+string(fallback), func(t *testing.T) {
				t.Parallel()
				client, l := redisVia(t)
				c, log := &clock{}, &journal{}
				limiter := redisLimiter(t, client, gateway.RedisLimiterConfig{
					Timeout: 500 * time.Millisecond, OnFailure: fallback, Now: c.now, Log: slog.New(slog.NewJSONHandler(log, nil)),
				})
				ask := func() string { return word(limiter.Allow(t.Context(), "ada", limit)) }
				if got := ask(); got != "yes" {
					t.Fatalf("well: %s", got)
				}
				trouble.begin(l)
				began := time.Now()
				var got []string
				for range want {
					got = append(got, ask())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("in trouble (-want +got):\n%s", diff)
				}
				if took := time.Since(began); took > 1900*time.Millisecond {
					t.Errorf("four requests took %s", took)
				}
				heard := l.heard.Load()
				for range 100 {
					ask()
				}
				if n := l.heard.Load() - heard; n != 0 {
					t.Errorf("Redis was asked %d times in its pause", n)
				}
				c.advance(time.Second)
				ask() // one tries, in vain
				trouble.end(l)
				// The client may still hand out a connection that was cut: then the next one tries.
				again := ""
				for tries := 0; tries < 5 && again != "yes"; tries++ {
					c.advance(time.Second)
					again = ask()
				}
				if again != "yes" {
					t.Errorf("well again: %s, want what Redis has counted", again)
				}
				if got := ask(); got != "no" {
					t.Errorf("third request that Redis counts: %s", got)
				}
				if n, m := len(log.lines(t, "rate limits are not counted in Redis")), len(log.lines(t, "rate limits are counted in Redis again")); n != 1 || m != 1 {
					t.Errorf("log tells it %d and %d times: %s", n, m, log)
				}
			})
		}
	}
}

// A Redis that is full answers, if only with a refusal: the fallback holds as long
// as that lasts and no longer, and nobody else leaves Redis alone for it.
func TestRedisLimiterWithAFullRedis(t *testing.T) {
	t.Parallel()
	address := provisiontest.OwnRedis(t)
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	memory := func(bytes string) {
		if err := client.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for fallback, want := range map[gateway.Fallback][]string{
		gateway.CountLocally: {"yes", "yes", "no"},
		gateway.LetThrough:   {"unchecked", "unchecked", "unchecked"},
		gateway.Refuse:       {"limiter_unavailable", "limiter_unavailable", "limiter_unavailable"},
	} {
		rest, log := resting.New(resting.Config{}), &journal{}
		limiter := redisLimiter(t, client, gateway.RedisLimiterConfig{
			Timeout: 10 * time.Second, OnFailure: fallback, Rest: rest, Log: slog.New(slog.NewJSONHandler(log, nil)),
		})
		key := "ada " + string(fallback)
		ask := func() string {
			return word(limiter.Allow(t.Context(), key, gateway.Limit{Requests: 1, Per: time.Hour, Burst: 2}))
		}
		got := []string{ask()}
		memory("1")
		for range want {
			got = append(got, ask())
		}
		if rest.Resting() {
			t.Errorf("%s: Redis is left alone, though it answers", fallback)
		}
		memory("0")
		got = append(got, ask(), ask())
		if diff := cmp.Diff(append(append([]string{"yes"}, want...), "yes", "no"), got); diff != "" {
			t.Errorf("%s: before, full, after (-want +got):\n%s", fallback, diff)
		}
		if n, m := len(log.lines(t, "rate limits are not counted in Redis")), len(log.lines(t, "rate limits are counted in Redis again")); n != 1 || m != 1 {
			t.Errorf("%s: log tells it %d and %d times: %s", fallback, n, m, log)
		}
	}
}

// What another room has found out of Redis saves the limiter the time-out.
func TestRedisLimiterHeedsOthers(t *testing.T) {
	t.Parallel()
	client, l := redisVia(t)
	rest := resting.New(resting.Config{})
	limiter := redisLimiter(t, client, gateway.RedisLimiterConfig{Timeout: 10 * time.Second, OnFailure: gateway.LetThrough, Rest: rest})
	_ = rest.Use(t.Context(), func(context.Context) error { return io.ErrUnexpectedEOF })
	if got := word(limiter.Allow(t.Context(), "ada", gateway.Limit{Requests: 1, Per: time.Hour, Burst: 2})); got != "unchecked" || l.heard.Load() != 0 {
		t.Errorf("%s, Redis heard %d pieces; want it left alone", got, l.heard.Load())
	}
}

func word(verdict gateway.Verdict, err error) string {
	switch {
	case err != nil:
		return registrar.CodeOf(err)
	case verdict.Unchecked && verdict.Allowed:
		return "unchecked"
	case verdict.Allowed:
		return "yes"
	}
	return "no"
}

// scripts counts the scripts that a Redis client runs.
type scripts struct{ atomic.Int64 }

func (*scripts) DialHook(next redis.DialHook) redis.DialHook { return next }
func (*scripts) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (n *scripts) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") { // not the greeting of a new connection
			n.Add(1)
		}
		return next(ctx, cmd)
	}
}

// Of many who come at once after the pause, one tries.
func TestOneRequestTriesRedisAgain(t *testing.T) {
	t.Parallel()
	client, l := redisVia(t)
	c := &clock{}
	limiter := redisLimiter(t, client, gateway.RedisLimiterConfig{Timeout: 100 * time.Millisecond, OnFailure: gateway.LetThrough, Now: c.now})
	limit := gateway.Limit{Requests: 1, Per: time.Hour, Burst: 2}
	var asked scripts
	client.AddHook(&asked)
	l.stuck.Store(true)
	_, _ = limiter.Allow(t.Context(), "ada", limit)
	for range 3 {
		c.advance(time.Second)
		before := asked.Load()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() { _, _ = limiter.Allow(context.Background(), "ada", limit) })
		}
		callers.Wait()
		if n := asked.Load() - before; n != 1 {
			t.Errorf("%d of 50 asked Redis, want 1", n)
		}
	}
}

func TestARequestThatIsOverSaysNothingOfRedis(t *testing.T) {
	t.Parallel()
	client, l := redisVia(t)
	limiter := redisLimiter(t, client, gateway.RedisLimiterConfig{Timeout: 10 * time.Second, OnFailure: gateway.Refuse})
	limit := gateway.Limit{Requests: 1, Per: time.Hour, Burst: 2}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrUnexpectedEOF)
	if _, err := limiter.Allow(ctx, "ada", limit); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error = %v, want why the request is over", err)
	}
	if got := word(limiter.Allow(t.Context(), "ada", limit)); got != "yes" || l.heard.Load() == 0 {
		t.Errorf("the next request: %s, want Redis to be asked", got)
	}
}

func TestAFallbackThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	client, _ := redisVia(t)
	if _, err := gateway.NewRedisLimiter(client, gateway.RedisLimiterConfig{OnFailure: "sometimes"}); err == nil || !strings.Contains(err.Error(), `"sometimes"`) {
		t.Errorf("error = %v", err)
	}
}
