package rediscache_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
)

// crowd has 500 callers read at the same time, spread over the replicas.
func crowd(t *testing.T, replicas ...*replica) {
	t.Helper()
	var callers sync.WaitGroup
	for i := range 500 {
		callers.Go(func() {
			if _, err := replicas[i%len(replicas)].Learners(t.Context(), masters()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
}

func TestColdCallersOfAClusterAreOneWalk(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"at once": 0, "fast": 3 * time.Millisecond, "slow": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt, s := where(t), &site{}
			s.takes.Store(int64(takes))
			var replicas []*replica
			for range 3 {
				replicas = append(replicas, join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t))
			}
			crowd(t, replicas...)
			if n := s.walks.Load(); n != 1 {
				t.Errorf("walks = %d, want 1", n)
			}
			var loads, hits uint64
			for _, r := range replicas {
				loads += r.Stats().Loads
				hits += r.Stats().TierHits
			}
			if loads != 1 || hits != 2 {
				t.Errorf("loads = %d, tier hits = %d; want 1 and 2", loads, hits)
			}
		})
	}
}

func TestColdCallersWithoutRedisAreOneWalkAReplica(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	s.takes.Store(int64(50 * time.Millisecond))
	p := newProxy(t, opt.Addr)
	p.set(func(p *proxy) { p.down = true })
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, join(t, s, p.addr(), opt.DB, rediscache.Config{}))
	}
	crowd(t, replicas...)
	if n := s.walks.Load(); n != 3 {
		t.Errorf("walks = %d, want one for each replica", n)
	}
}

func TestFailedWalkDoesNotHoldTheClusterUp(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	one := join(t, s, opt.Addr, opt.DB, rediscache.Config{Lease: time.Hour}).ready(t)
	two := join(t, s, opt.Addr, opt.DB, rediscache.Config{Lease: time.Hour}).ready(t)
	s.down.Store(true)
	for _, r := range []*replica{one, two} {
		if _, err := r.Learners(t.Context(), masters()); err == nil {
			t.Error("no error from a dead LMS")
		}
	}
	s.down.Store(false)
	one.read(t)
	two.read(t)
	if n := s.walks.Load(); n != 3 {
		t.Errorf("walks = %d, want two that failed and one", n)
	}
}

// TestMissingIsShared keeps "there is no such thing" for the cluster too.
func TestMissingIsShared(t *testing.T) {
	t.Parallel()
	opt := where(t)
	one := join(t, &site{}, opt.Addr, opt.DB, rediscache.Config{}).ready(t)
	two := join(t, &site{}, opt.Addr, opt.DB, rediscache.Config{}).ready(t)
	_, first := one.Details(t.Context(), masters())
	eventually(t, slack, "it is stored", func() bool { return one.tier.Stats().Stored == 1 })
	_, second := two.Details(t.Context(), masters())
	if first == nil || second == nil || first.Error() != second.Error() || two.Stats().Loads != 0 {
		t.Errorf("%v, then %v after %d loads", first, second, two.Stats().Loads)
	}
}

// TestDropIsSeenByAllWithin100ms measures many drops and judges the median: one
// may meet a machine that is busy with something else.
func TestDropIsSeenByAllWithin100ms(t *testing.T) {
	t.Parallel()
	tests := map[string]func(context.Context, *replica) error{
		"of a program":  func(ctx context.Context, r *replica) error { return r.Drop(ctx, aggregate.ProgramTag(masters())) },
		"of everything": func(ctx context.Context, r *replica) error { return r.DropAll(ctx) },
	}
	for name, drop := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt, s := where(t), &site{}
			one := join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t)
			others := []*replica{join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t), join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t)}
			var took []time.Duration
			for range 15 {
				for _, r := range others {
					r.read(t)
				}
				one.read(t)
				want := version(s.version.Add(1)) // a write
				if err := drop(t.Context(), one); err != nil {
					t.Fatal(err)
				}
				dropped := time.Now()
				if got := one.read(t); got != want {
					t.Fatalf("the dropping replica reads version %s, want its own write %s", got, want)
				}
				for _, r := range others {
					eventually(t, slack, "the drop is seen", func() bool { return r.read(t) == want })
				}
				took = append(took, time.Since(dropped))
			}
			slices.Sort(took)
			t.Logf("seen after %v, %v at worst", took[len(took)/2], took[len(took)-1])
			if took[len(took)/2] > 100*time.Millisecond {
				t.Errorf("seen after %v", took)
			}
			// The drop's own message drops nothing again: what was read after it stays.
			eventually(t, slack, "all messages came", func() bool { return others[0].tier.Stats().Followed == 15 })
			walks := s.walks.Load()
			one.read(t)
			if s.walks.Load() != walks || one.tier.Stats().Followed != 0 || one.tier.Stats().Forgets != 0 {
				t.Errorf("its own drop came back to it: %+v", one.tier.Stats())
			}
		})
	}
}

// TestMissedDrop has a replica lose its connection, in several ways, while
// another one drops. It must not serve what was dropped once it is back.
func TestMissedDrop(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lose, back func(*proxy)
	}{
		"disconnected":      {lose: func(p *proxy) { p.down = true }, back: func(p *proxy) { p.down = false }},
		"hears nothing":     {lose: func(p *proxy) { p.mute = true }, back: func(*proxy) {}},
		"hears nothing now": {lose: func(p *proxy) { p.mute = true }, back: func(p *proxy) { p.mute = false }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt, s := where(t), &site{}
			p := newProxy(t, opt.Addr)
			cfg := func() rediscache.Config { return rediscache.Config{Rest: restOf(50 * time.Millisecond)} }
			one, two := join(t, s, opt.Addr, opt.DB, cfg()).ready(t), join(t, s, p.addr(), opt.DB, cfg()).ready(t)
			one.read(t)
			two.read(t)
			p.set(test.lose)
			eventually(t, slack, "the drop goes well", func() bool {
				s.version.Add(1)
				return one.Drop(t.Context(), aggregate.ProgramTag(masters())) == nil
			})
			want := version(s.version.Load())
			p.set(test.back)
			eventually(t, slack, "the missed drop is noticed", func() bool { return two.read(t) == want })
			eventually(t, slack, "Redis is in use again", func() bool { return !two.tier.Stats().Away })
			if got := two.read(t); got != want {
				t.Errorf("reads version %s again", got)
			}
			if two.tier.Stats().Forgets == 0 && two.tier.Stats().Followed == 0 {
				t.Errorf("nothing was forgotten: %+v", two.tier.Stats())
			}
		})
	}
}

// TestBackInUseMeansCaughtUp: there is no moment in which a replica that was
// away uses Redis and still serves what was dropped meanwhile.
func TestBackInUseMeansCaughtUp(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	p := newProxy(t, opt.Addr)
	cfg := func() rediscache.Config {
		return rediscache.Config{Rest: restOf(time.Millisecond), Beat: 5 * time.Millisecond}
	}
	one, two := join(t, s, opt.Addr, opt.DB, cfg()).ready(t), join(t, s, p.addr(), opt.DB, cfg()).ready(t)
	for range 20 {
		one.read(t)
		two.read(t)
		p.set(func(p *proxy) { p.down = true })
		eventually(t, slack, "it is noticed", func() bool { return two.tier.Stats().Away })
		want := version(s.version.Add(1))
		if err := one.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		p.set(func(p *proxy) { p.down = false })
		two.ready(t)
		if got := two.read(t); got != want {
			t.Fatalf("reads version %s, want %s", got, want)
		}
	}
}

// TestLostMemory has Redis forget everything, as after a restart, or go back to
// an old state, as after a restart from an old file.
func TestLostMemory(t *testing.T) {
	t.Parallel()
	t.Run("and nothing else", func(t *testing.T) {
		t.Parallel()
		opt, s := where(t), &site{}
		p := newProxy(t, opt.Addr)
		cfg := func() rediscache.Config { return rediscache.Config{Rest: restOf(time.Millisecond)} }
		one, two := join(t, s, p.addr(), opt.DB, cfg()).ready(t), join(t, s, p.addr(), opt.DB, cfg()).ready(t)
		one.read(t)
		two.read(t)
		if err := one.Drop(t.Context(), aggregate.RunTag(run(t))); err != nil {
			t.Fatal(err)
		}
		eventually(t, slack, "it is heard", func() bool { return two.tier.Stats().Followed == 1 })
		restart(t, p, opt.Addr, opt.DB)
		one.ready(t)
		two.ready(t)
		walks := s.walks.Load()
		one.read(t)
		two.read(t)
		if n := s.walks.Load() - walks; n != 0 || one.tier.Stats().Forgets+two.tier.Stats().Forgets != 0 {
			t.Errorf("%d walks, %+v, %+v: what is in their memory was forgotten too", n, one.tier.Stats(), two.tier.Stats())
		}
		want := version(s.version.Add(1))
		eventually(t, slack, "drops go on", func() bool { return one.Drop(t.Context(), aggregate.ProgramTag(masters())) == nil })
		eventually(t, slack, "drops are heard", func() bool { return two.read(t) == want })
	})
	t.Run("and a message with it", func(t *testing.T) {
		t.Parallel()
		opt, s := where(t), &site{}
		p := newProxy(t, opt.Addr)
		cfg := func() rediscache.Config { return rediscache.Config{Rest: restOf(time.Millisecond)} }
		one, two := join(t, s, opt.Addr, opt.DB, cfg()).ready(t), join(t, s, p.addr(), opt.DB, cfg()).ready(t)
		one.read(t)
		two.read(t)
		p.set(func(p *proxy) { p.down = true })
		want := version(s.version.Add(1))
		if err := one.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		flush(t, opt.Addr, opt.DB)
		p.set(func(p *proxy) { p.down = false })
		eventually(t, slack, "the lost message is noticed", func() bool { return two.read(t) == want })
	})
	t.Run("and was restored by one who knew less", func(t *testing.T) {
		t.Parallel()
		opt, s := where(t), &site{}
		one := join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t)
		client := dial(t, opt.Addr, opt.DB)
		one.read(t)
		_, text, _ := strings.Cut(client.Get(t.Context(), "registrar:cache:position").Val(), " ")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		// Restored where we are, and then something was dropped, of which we heard
		// nothing.
		want := version(s.version.Add(1))
		flush(t, opt.Addr, opt.DB)
		client.Set(t.Context(), "registrar:cache:position", "r"+version(n)+"xother "+version(n+1), 0)
		eventually(t, slack, "the drop is noticed", func() bool { return one.read(t) == want })
	})
	t.Run("and is back where it was", func(t *testing.T) {
		t.Parallel()
		opt, s := where(t), &site{}
		cfg := func() rediscache.Config { return rediscache.Config{Rest: restOf(time.Millisecond)} }
		one := join(t, s, opt.Addr, opt.DB, cfg()).ready(t)
		client := dial(t, opt.Addr, opt.DB)
		one.read(t)
		eventually(t, slack, "it is stored", func() bool { return one.tier.Stats().Stored == 1 })
		saved := map[string]string{}
		for _, k := range client.Keys(t.Context(), "*").Val() {
			saved[k] = client.Get(t.Context(), k).Val()
		}
		want := version(s.version.Add(1))
		if err := one.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		flush(t, opt.Addr, opt.DB)
		for k, v := range saved {
			client.Set(t.Context(), k, v, 0)
		}
		if got := one.read(t); got != want {
			t.Errorf("reads version %s out of the old state, want %s", got, want)
		}
		two := join(t, s, opt.Addr, opt.DB, cfg())
		eventually(t, slack, "the old state is void", func() bool { return two.read(t) == want })
	})
}

// TestDropWithoutRedisIsToldLater drops while Redis is away.
func TestDropWithoutRedisIsToldLater(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	p := newProxy(t, opt.Addr)
	cfg := func() rediscache.Config { return rediscache.Config{Rest: restOf(time.Millisecond)} }
	one, two := join(t, s, p.addr(), opt.DB, cfg()).ready(t), join(t, s, opt.Addr, opt.DB, cfg()).ready(t)
	one.read(t)
	two.read(t)
	p.set(func(p *proxy) { p.down = true })
	want := version(s.version.Add(1))
	if err := one.Drop(t.Context(), aggregate.ProgramTag(masters())); err == nil {
		t.Error("no error, though the others were not told")
	}
	if got := one.read(t); got != want {
		t.Errorf("reads version %s after its own drop, want %s", got, want)
	}
	p.set(func(p *proxy) { p.down = false })
	eventually(t, slack, "the others are told", func() bool { return two.read(t) == want })
	eventually(t, slack, "nothing is pending", func() bool { return one.tier.Stats().Pending == 0 })
	if got := one.read(t); got != want {
		t.Errorf("reads version %s when Redis is back", got)
	}
}

// TestTooManyOwedDropsAreADropOfEverything keeps the memory of what Redis was
// not told bounded.
func TestTooManyOwedDropsAreADropOfEverything(t *testing.T) {
	t.Parallel()
	opt := where(t)
	p := newProxy(t, opt.Addr)
	one := tier(t, p.addr(), opt.DB, rediscache.Config{Rest: restOf(time.Millisecond)}, nil)
	two := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil)
	put(t, two, "k", []byte("old"), "a:1")
	p.set(func(p *proxy) { p.down = true })
	var tags []string
	for n := range 10_001 {
		tags = append(tags, "b:"+version(int64(n)))
	}
	if err := one.Drop(t.Context(), tags); err == nil || one.Stats().Pending != 1 {
		t.Errorf("Drop = %v, %d pending; want an error and everything", err, one.Stats().Pending)
	}
	p.set(func(p *proxy) { p.down = false })
	eventually(t, slack, "everything is dropped", func() bool { return two.Stats().Followed > 0 && holds(t, two, "k", "a:1") == "" })
	eventually(t, slack, "nothing is pending", func() bool { n := one.Stats(); return n.Pending == 0 && !n.Away })
	put(t, two, "k", []byte("new"), "a:1")
	if err := one.Drop(t.Context(), tags); err != nil {
		t.Error(err)
	}
	if got := holds(t, two, "k", "a:1"); got != "new" || one.Stats().Drops != 10_002 {
		t.Errorf("holds %q after many drops of others: %+v", got, one.Stats())
	}
}

// TestKeysNameNobody looks at everything that Redis is told by name.
func TestKeysNameNobody(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	one := join(t, s, opt.Addr, opt.DB, rediscache.Config{}).ready(t)
	client := dial(t, opt.Addr, opt.DB)
	sub := client.Subscribe(t.Context(), "registrar:cache:drops:"+version(int64(opt.DB)))
	defer func() { _ = sub.Close() }()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.read(t)
	eventually(t, slack, "it is stored", func() bool { return one.tier.Stats().Stored == 1 })
	names := client.Keys(t.Context(), "*").Val()
	if err := one.Drop(t.Context(), aggregate.LearnerTag("NorthU", "S-20417")); err != nil {
		t.Fatal(err)
	}
	m, err := sub.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 4 {
		t.Errorf("keys = %q, want a part, its two marks and a position", names)
	}
	for _, name := range append(names, m.Payload) {
		low := strings.ToLower(name)
		for _, secret := range []string{"s-20417", "mira_k", "northu", "masters-cs"} {
			if strings.Contains(low, secret) {
				t.Errorf("%q names %q", name, secret)
			}
		}
	}
}
