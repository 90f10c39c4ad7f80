package rediscache_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
)

// put loads a part into the tier.
func put(tb testing.TB, c *rediscache.Cache, key string, data []byte, tags ...string) {
	tb.Helper()
	claim := claimed(tb, c, key, tags...)
	if err := claim.Set(tb.Context(), aggregate.Encoded{Data: data, Keep: time.Minute}); err != nil {
		tb.Fatal(err)
	}
}

func claimed(tb testing.TB, c *rediscache.Cache, key string, tags ...string) aggregate.Claim {
	tb.Helper()
	claim, _ := c.Claim(tb.Context(), key, tags)
	if claim == nil {
		tb.Fatal("no claim")
	}
	return claim
}

// holds reports what the tier has under key; "" is nothing.
func holds(tb testing.TB, c *rediscache.Cache, key string, tags ...string) string {
	tb.Helper()
	data, ok, err := c.Get(tb.Context(), key, tags)
	if err != nil || ok != (data != nil) {
		tb.Fatalf("Get = %q, %t, %v", data, ok, err)
	}
	return string(data)
}

func TestPartsAreSharedAndPacked(t *testing.T) {
	t.Parallel()
	opt := where(t)
	one, two := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil), tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil)
	if got := holds(t, one, "view:1", "a:1"); got != "" {
		t.Errorf("an empty tier holds %q", got)
	}
	listing := strings.Repeat(`{"student_key":"S-20417","status":"enrolled"},`, 1000)
	put(t, one, "view:1", []byte(listing), "a:1")
	if got := holds(t, two, "view:1", "a:1"); got != listing {
		t.Errorf("the other replica reads %d bytes, want %d", len(got), len(listing))
	}
	client := dial(t, opt.Addr, opt.DB)
	name := "registrar:cache:part:1:view:1"
	if n, err := client.StrLen(t.Context(), name).Result(); err != nil || n == 0 || n > int64(len(listing)/10) {
		t.Errorf("the entry has %d bytes for %d, %v", n, len(listing), err)
	}
	if ttl, err := client.PTTL(t.Context(), name).Result(); err != nil || ttl <= 0 || ttl > time.Minute {
		t.Errorf("the entry lives %v, %v; want a minute at most", ttl, err)
	}
	if keys := client.Keys(t.Context(), "*:lease:*").Val(); len(keys) != 0 {
		t.Errorf("leases left: %q", keys)
	}
}

func TestDropReachesWhatIsStoredAndWhatIsBeingLoaded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		drop []string
		gone bool
	}{
		"a tag":       {drop: []string{"a:1"}, gone: true},
		"another tag": {drop: []string{"b:7", "a:2"}, gone: true},
		"a stranger":  {drop: []string{"a:3"}},
		"everything":  {drop: []string{aggregate.AllTag().Text()}, gone: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := where(t)
			var heard []string
			one := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil)
			two := tier(t, opt.Addr, opt.DB, rediscache.Config{}, func(tags []string) { heard = append(heard, tags...) })
			put(t, one, "stored", []byte("old"), "a:1", "a:2")
			underWay := claimed(t, one, "loading", "a:1", "a:2")
			if err := two.Drop(t.Context(), test.drop); err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{false: "old", true: ""}[test.gone]
			eventually(t, slack, "the drop is known to the loader", func() bool { return one.Stats().Followed == 1 })
			if err := underWay.Set(t.Context(), aggregate.Encoded{Data: []byte("old"), Keep: time.Minute}); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*rediscache.Cache{one, two} {
				for _, key := range []string{"stored", "loading"} {
					if got := holds(t, c, key, "a:1", "a:2"); got != want {
						t.Errorf("%s = %q, want %q", key, got, want)
					}
				}
			}
			put(t, two, "stored", []byte("new"), "a:1", "a:2")
			if got := holds(t, one, "stored", "a:1", "a:2"); got != "new" {
				t.Errorf("after the drop = %q, want the new part", got)
			}
			two.Close()
			if len(heard) != 1 || heard[0] != aggregate.AllTag().Text() {
				t.Errorf("the dropping replica was told %q; its own drop it knows, only the start forgets", heard)
			}
		})
	}
}

// TestLostMarkIsADrop evicts what a tier may evict: whatever goes, nothing that
// was dropped comes back.
func TestLostMarkIsADrop(t *testing.T) {
	t.Parallel()
	opt := where(t)
	c, client := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil), dial(t, opt.Addr, opt.DB)
	put(t, c, "k", []byte("old"), "a:1")
	if err := c.Drop(t.Context(), []string{"a:1"}); err != nil {
		t.Fatal(err)
	}
	client.Del(t.Context(), "registrar:cache:mark:a:1")
	if got := holds(t, c, "k", "a:1"); got != "" {
		t.Errorf("without its mark the tier holds %q", got)
	}
	claim := claimed(t, c, "other", "a:1") // makes the mark anew
	if got := holds(t, c, "k", "a:1"); got != "" {
		t.Errorf("with a new mark the tier holds %q", got)
	}
	client.Del(t.Context(), "registrar:cache:mark:a:1")
	if err := claim.Set(t.Context(), aggregate.Encoded{Data: []byte("x"), Keep: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if n := c.Stats().Refused; n != 1 {
		t.Errorf("refused = %d, want the load whose mark was lost", n)
	}
}

func TestWhatIsNotStored(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	for name, part := range map[string]aggregate.Encoded{
		"too big": {Data: noise, Keep: time.Minute},
		"too old": {Data: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := where(t)
			c := tier(t, opt.Addr, opt.DB, rediscache.Config{MaxEntry: 1000}, nil)
			claim := claimed(t, c, "k", "a:1")
			if err := claim.Set(t.Context(), part); err != nil {
				t.Error(err)
			}
			claim.Release(t.Context())
			if got := holds(t, c, "k", "a:1"); got != "" || c.Stats().Unfit != 1 {
				t.Errorf("holds %d bytes; %+v", len(got), c.Stats())
			}
			// The lease is gone with the claim.
			claimed(t, c, "k", "a:1").Release(t.Context())
			if c.Stats().Waits != 0 || c.Stats().Claims != 0 {
				t.Errorf("the lease was left: %+v", c.Stats())
			}
		})
	}
}

// TestGarbageIsAMiss spoils what stands in Redis. Readers get a miss or a counted
// error, and the next load heals it.
func TestGarbageIsAMiss(t *testing.T) {
	t.Parallel()
	const part, mark, position = "registrar:cache:part:1:k", "registrar:cache:mark:a:1", "registrar:cache:position"
	flip := func(ctx context.Context, c *redis.Client, at int) {
		data := []byte(c.Get(ctx, part).Val())
		data[(at+len(data))%len(data)] ^= 1
		c.Set(ctx, part, data, 0)
	}
	tests := map[string]func(context.Context, *redis.Client){
		"another text": func(ctx context.Context, c *redis.Client) {
			c.Set(ctx, part, "<html>garbage, and much of it</html>", 0)
		},
		"nothing":            func(ctx context.Context, c *redis.Client) { c.Set(ctx, part, "", 0) },
		"truncated":          func(ctx context.Context, c *redis.Client) { c.Set(ctx, part, c.GetRange(ctx, part, 0, 40).Val(), 0) },
		"stamp alone":        func(ctx context.Context, c *redis.Client) { c.Set(ctx, part, c.GetRange(ctx, part, 0, 15).Val(), 0) },
		"flipped stamp":      func(ctx context.Context, c *redis.Client) { flip(ctx, c, 3) },
		"flipped header":     func(ctx context.Context, c *redis.Client) { flip(ctx, c, 17) },
		"flipped checksum":   func(ctx context.Context, c *redis.Client) { flip(ctx, c, -1) },
		"part of wrong type": func(ctx context.Context, c *redis.Client) { c.Del(ctx, part); c.HSet(ctx, part, "a", "b") },
		"mark of wrong type": func(ctx context.Context, c *redis.Client) { c.Del(ctx, mark); c.RPush(ctx, mark, "a") },
		"strange mark":       func(ctx context.Context, c *redis.Client) { c.Set(ctx, mark, "a,b c\n", 0) },
		"strange position":   func(ctx context.Context, c *redis.Client) { c.Set(ctx, position, "yes", 0) },
		"position of wrong type": func(ctx context.Context, c *redis.Client) {
			c.Del(ctx, position)
			c.SAdd(ctx, position, "a")
		},
		"lease of wrong type": func(ctx context.Context, c *redis.Client) {
			c.Del(ctx, part)
			c.SAdd(ctx, "registrar:cache:lease:1:k", "a")
		},
		"lease without end": func(ctx context.Context, c *redis.Client) {
			c.Del(ctx, part)
			c.Set(ctx, "registrar:cache:lease:1:k", "someone "+c.Get(ctx, position).Val(), 0)
		},
		"everything": func(ctx context.Context, c *redis.Client) {
			for _, k := range c.Keys(ctx, "*").Val() {
				c.Set(ctx, k, "\x00\xff", 0)
			}
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := where(t)
			c, client := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil), dial(t, opt.Addr, opt.DB)
			put(t, c, "k", bytes.Repeat([]byte("good "), 100), "a:1")
			spoil(t.Context(), client)
			if data, ok, err := c.Get(t.Context(), "k", []string{"a:1"}); ok {
				t.Errorf("Get = %q, %v", data, err)
			}
			eventually(t, slack, "a load is claimed again", func() bool {
				claim, _ := c.Claim(t.Context(), "k", []string{"a:1"})
				return claim != nil && claim.Set(t.Context(), aggregate.Encoded{Data: []byte("good again"), Keep: time.Minute}) == nil
			})
			if got := holds(t, c, "k", "a:1"); got != "good again" {
				t.Errorf("healed = %q", got)
			}
			if c.Stats().Away {
				t.Error("garbage made it leave Redis alone")
			}
		})
	}
}

func TestAnotherReleaseReadsNothing(t *testing.T) {
	t.Parallel()
	opt := where(t)
	c, client := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil), dial(t, opt.Addr, opt.DB)
	put(t, c, "k", []byte("of today"), "a:1")
	// The entry of another packing lies beside ours.
	client.Rename(t.Context(), "registrar:cache:part:1:k", "registrar:cache:part:2:k")
	if got := holds(t, c, "k", "a:1"); got != "" {
		t.Errorf("holds %q", got)
	}
	other := tier(t, opt.Addr, opt.DB, rediscache.Config{Prefix: "another-site"}, nil)
	put(t, c, "k", []byte("ours"), "a:1")
	if got := holds(t, other, "k", "a:1"); got != "" {
		t.Errorf("another site reads %q", got)
	}
	if err := other.Drop(t.Context(), []string{aggregate.AllTag().Text()}); err != nil {
		t.Fatal(err)
	}
	if got := holds(t, c, "k", "a:1"); got != "ours" {
		t.Errorf("another site's drop left %q", got)
	}
}

func TestClientMustHonourDeadlines(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if _, err := rediscache.New(client, rediscache.Config{}); err == nil {
		t.Error("a client that ignores deadlines was taken")
	}
}

func TestUnfollowedTierHoldsNothing(t *testing.T) {
	t.Parallel()
	opt := where(t)
	c := newTier(t, opt.Addr, opt.DB, rediscache.Config{})
	if claim, look := c.Claim(t.Context(), "k", []string{"a:1"}); claim != nil || look {
		t.Error("a claim without a follower")
	}
	if _, ok, err := c.Get(t.Context(), "k", []string{"a:1"}); ok || err == nil {
		t.Errorf("Get = %t, %v", ok, err)
	}
	if err := c.Drop(t.Context(), []string{"a:1"}); err == nil {
		t.Error("a drop that nobody heard went well")
	}
}
