package redisbudget_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/upstream"
	"registrar/internal/upstream/redisbudget"
)

// connect opens the Redis at url as the gateway does, or at addr if that is set.
func connect(t *testing.T, url, addr string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	if addr != "" {
		options.Addr = addr
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func books(t *testing.T, client *redis.Client, cfg redisbudget.Config) *redisbudget.Ledger {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "lms"
	}
	l, err := redisbudget.New(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever happens in whatever order, the books in Redis and those of a process
// alone say the same: one stands in for the other.
func TestBothBooksAgree(t *testing.T) {
	t.Parallel()

	client := connect(t, provisiontest.Redis(t), "")
	rapid.Check(t, func(r *rapid.T) {
		if err := client.FlushDB(t.Context()).Err(); err != nil {
			r.Fatal(err)
		}
		now := time.UnixMilli(1_800_000_000_000)
		clock := func() time.Time { return now }
		shared := books(t, client, redisbudget.Config{Now: clock, Timeout: 10 * time.Second})
		local := upstream.NewLocalLedger(clock)
		every := time.Duration(rapid.SampledFrom([]int{0, 100, 1500, 18_000}).Draw(r, "interval")) * time.Millisecond
		burst := rapid.IntRange(1, 30).Draw(r, "burst")
		epochs := []int64{upstream.UnknownEpoch}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 90, 2000, 30_000, 200_000}).Draw(r, "ms")) * time.Millisecond)
			class := rapid.SampledFrom([]string{"grades", "lists"}).Draw(r, "class")
			if rapid.IntRange(0, 9).Draw(r, "throttled") == 0 {
				wish := upstream.Throttle{
					Class: class, Epoch: rapid.SampledFrom(epochs).Draw(r, "epoch"), Interval: every,
					Wait: time.Duration(rapid.IntRange(0, 90).Draw(r, "pause")) * time.Second,
				}
				if err := shared.Throttled(t.Context(), wish); err != nil {
					r.Fatal(err)
				}
				_ = local.Throttled(t.Context(), wish)
				continue
			}
			ask := upstream.Ask{Class: class, Interval: every, Burst: burst, Share: rapid.SampledFrom([]float64{1, 0.8, 0}).Draw(r, "share")}
			got, err := shared.Take(t.Context(), ask)
			want, _ := local.Take(t.Context(), ask)
			if err != nil || math.Abs(got.Left-want.Left) > 1e-6 {
				r.Fatalf("shared %+v, %v; local %+v", got, err, want)
			}
			got.Left = want.Left
			if got != want {
				r.Fatalf("shared %+v, local %+v", got, want)
			}
			epochs = append(epochs, want.Epoch)
		}
	})
}

// The bucket is one for all replicas, to the call.
func TestReplicasShareOneBucket(t *testing.T) {
	t.Parallel()

	url := provisiontest.Redis(t)
	ask := upstream.Ask{Class: "grades", Interval: time.Hour, Burst: 20, Share: 1}
	var mu sync.Mutex
	granted := 0
	var wg sync.WaitGroup
	for range 3 {
		replica := books(t, connect(t, url, ""), redisbudget.Config{Timeout: 10 * time.Second})
		for range 4 {
			wg.Go(func() {
				for range 10 {
					verdict, err := replica.Take(t.Context(), ask)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if verdict.Granted {
						granted++
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if granted != 20 {
		t.Errorf("%d of 120 calls granted, want the 20 of one bucket", granted)
	}
	other := books(t, connect(t, url, ""), redisbudget.Config{Name: "discovery", Timeout: 10 * time.Second})
	if verdict, err := other.Take(t.Context(), ask); err != nil || !verdict.Granted {
		t.Errorf("another upstream: %+v, %v; want a bucket of its own", verdict, err)
	}
}

// One replica's 429 holds every replica back, from the moment the news is out
// until the told moment, and only that class.
func TestPauseHoldsOnEveryReplica(t *testing.T) {
	t.Parallel()

	url := provisiontest.Redis(t)
	one, two := books(t, connect(t, url, ""), redisbudget.Config{}), books(t, connect(t, url, ""), redisbudget.Config{})
	ask := upstream.Ask{Class: "grades", Share: 1}
	if err := one.Throttled(t.Context(), upstream.Throttle{Class: "grades", Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	verdict, err := two.Take(t.Context(), ask)
	if err != nil || verdict.Granted || !verdict.Paused || verdict.Wait > time.Minute || verdict.Wait < 50*time.Second {
		t.Errorf("the other replica: %+v, %v; want a pause of a minute", verdict, err)
	}
	ask.Class = "lists"
	if verdict, err := two.Take(t.Context(), ask); err != nil || !verdict.Granted {
		t.Errorf("another class: %+v, %v; want it granted", verdict, err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()

	patient := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = patient.Close() })
	fit := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = fit.Close() })
	tests := map[string]struct {
		client redis.Scripter
		cfg    redisbudget.Config
		says   string
	}{
		"no client":        {nil, redisbudget.Config{Name: "lms"}, "client"},
		"no name":          {fit, redisbudget.Config{}, "name"},
		"negative timeout": {fit, redisbudget.Config{Name: "lms", Timeout: -1}, "timeout"},
		"patient client":   {patient, redisbudget.Config{Name: "lms"}, "ContextTimeoutEnabled"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if _, err := redisbudget.New(tc.client, tc.cfg); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error = %v, want it to name %s", err, tc.says)
			}
		})
	}
}

// What somebody else put under the key is an error, not a verdict.
func TestOddBooksAreAnError(t *testing.T) {
	t.Parallel()

	client := connect(t, provisiontest.Redis(t), "")
	l := books(t, client, redisbudget.Config{})
	if _, err := l.Take(t.Context(), upstream.Ask{Class: "grades"}); err != nil {
		t.Fatal(err)
	}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys = %v, %v; want one", keys, err)
	}
	if ttl := client.TTL(t.Context(), keys[0]).Val(); ttl <= 0 {
		t.Errorf("the books stay for ever: ttl %v", ttl)
	}
	if err := client.Set(t.Context(), keys[0], "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Take(context.Background(), upstream.Ask{Class: "grades"}); err == nil {
		t.Error("no error for a key of another type")
	}
}
