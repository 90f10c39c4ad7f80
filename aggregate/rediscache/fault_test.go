package rediscache_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
)

// cold returns a program that nobody has read yet.
func cold(n int) registrar.Program {
	p := masters()
	p.UUID = registrar.ProgramUUID(strings.Repeat("a", n+1))
	return p
}

// coldReads has r read programs that nobody has read, and returns how long each
// read took, in ascending order. No read may fail.
func coldReads(tb testing.TB, r *replica, from, count int) []time.Duration {
	tb.Helper()
	var took []time.Duration
	for n := range count {
		start := time.Now()
		if _, err := r.Learners(tb.Context(), cold(from+n)); err != nil {
			tb.Errorf("read: %v", err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took
}

// TestReadsGoOnWithoutRedis makes every trouble while cold reads go on, and ends
// it again.
func TestReadsGoOnWithoutRedis(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ begin, end func(*proxy) }{
		"dead":          {begin: func(p *proxy) { p.down = true }, end: func(p *proxy) { p.down = false }},
		"slow":          {begin: func(p *proxy) { p.delay = 200 * time.Millisecond }, end: func(p *proxy) { p.delay = 0 }},
		"hanging":       {begin: func(p *proxy) { p.delay = 3 * time.Second }, end: func(p *proxy) { p.delay = 0 }},
		"half answers":  {begin: func(p *proxy) { p.half = true }, end: func(p *proxy) { p.half = false }},
		"dead and slow": {begin: func(p *proxy) { p.reset(); p.delay = 200 * time.Millisecond }, end: func(p *proxy) { p.delay = 0 }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt, s := where(t), &site{}
			p := newProxy(t, opt.Addr)
			const limit = 50 * time.Millisecond
			r := join(t, s, p.addr(), opt.DB, rediscache.Config{Timeout: limit, Rest: restOf(100 * time.Millisecond)}).ready(t)
			coldReads(t, r, 0, 5)
			p.set(test.begin)
			took := coldReads(t, r, 10, 200)
			// The first one finds out, within the limit of one command.
			if median, worst := took[len(took)/2], took[len(took)-1]; median > 5*time.Millisecond || worst > limit+slack/10 {
				t.Errorf("reads took %v, %v at worst", median, worst)
			}
			eventually(t, slack, "Redis is left alone", func() bool { return r.tier.Stats().Away })
			start := time.Now()
			if got := r.read(t); got != "0" || time.Since(start) > slack/10 {
				t.Errorf("read %q after %v", got, time.Since(start))
			}
			p.set(test.end)
			r.ready(t)
			n, before := 300, r.Stats().TierMisses
			eventually(t, slack, "Redis is used again", func() bool {
				coldReads(t, r, n, 1)
				n++
				return r.Stats().TierMisses > before
			})
			checkLog(t, r.log.String())
		})
	}
}

// checkLog wants the two lines in turn: one a change, however many commands
// failed. A busy machine may change more than once.
func checkLog(t *testing.T, log string) {
	t.Helper()
	var states []bool
	for line := range strings.Lines(log) {
		if used := strings.Contains(line, "shared cache in use"); used || strings.Contains(line, "shared cache away") {
			states = append(states, used)
		}
	}
	if len(states) < 3 || len(states) > 20 || len(slices.Compact(slices.Clone(states))) != len(states) {
		t.Errorf("%d changes told:\n%s", len(states), log)
	}
	if n := strings.Count(log, "\n"); n != len(states) {
		t.Errorf("%d other lines:\n%s", n-len(states), log)
	}
}

// TestReadersFindOut has nobody but the readers notice that Redis became slow:
// one of them pays for it with one command, the others do not.
func TestReadersFindOut(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	p := newProxy(t, opt.Addr)
	r := join(t, s, p.addr(), opt.DB, rediscache.Config{Timeout: 250 * time.Millisecond, Beat: time.Hour}).ready(t)
	p.set(func(p *proxy) { p.delay = time.Second })
	coldReads(t, r, 0, 50)
	// The follower, which has just begun, may be asking at the same moment.
	if n := r.tier.Stats(); !n.Away || n.Errors > 2 {
		t.Errorf("%+v, want Redis left alone after one command of a reader's", n)
	}
	if n := r.Stats().TierErrors; n != 50 {
		t.Errorf("%d of 50 reads say that the tier did not answer", n)
	}
}

// TestReadersHeedOthers has another room find out that Redis does not answer: no
// reader asks it any more, and the follower's answer ends the rest for both.
func TestReadersHeedOthers(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	rest := restOf(200 * time.Millisecond)
	r := join(t, s, opt.Addr, opt.DB, rediscache.Config{Rest: rest, Beat: 50 * time.Millisecond}).ready(t)
	_ = rest.Use(t.Context(), func(context.Context) error { return errors.New("no answer") })
	if !r.tier.Stats().Away {
		t.Error("the cache asks on")
	}
	if _, _, err := r.tier.Get(t.Context(), "k", []string{"a:1"}); !errors.Is(err, rediscache.ErrAway) {
		t.Errorf("Get: %v, want that Redis was not asked", err)
	}
	eventually(t, slack, "both use it again", func() bool { return !rest.Resting() && !r.tier.Stats().Away })
	if n := r.tier.Stats().Errors; n != 0 {
		t.Errorf("%d errors, but all commands were answered", n)
	}
}

// TestRestartedRedis has Redis lose its memory again and again under reads.
func TestRestartedRedis(t *testing.T) {
	t.Parallel()
	opt, s := where(t), &site{}
	p := newProxy(t, opt.Addr)
	r := join(t, s, p.addr(), opt.DB, rediscache.Config{Rest: restOf(10 * time.Millisecond)}).ready(t)
	for round := range 5 {
		coldReads(t, r, 100*round, 20)
		restart(t, p, opt.Addr, opt.DB)
		if worst := coldReads(t, r, 100*round, 20)[19]; worst > slack/10 {
			t.Errorf("a kept read took %v", worst)
		}
		coldReads(t, r, 100*round+20, 20)
		r.ready(t)
	}
	stored := r.tier.Stats().Stored
	coldReads(t, r, 1000, 5)
	eventually(t, slack, "parts are stored again", func() bool { return r.tier.Stats().Stored >= stored+5 })
	if n := s.walks.Load(); n != 5*40+5 {
		t.Errorf("walks = %d: what is in memory was walked again", n)
	}
}

// TestFullRedis fills a Redis of its own, which refuses every write that takes
// memory. Stored parts are read on, drops still reach everybody.
func TestFullRedis(t *testing.T) {
	t.Parallel()
	address := provisiontest.OwnRedis(t)
	admin := dial(t, address, 0)
	limit := func(bytes string) {
		if err := admin.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	s := &site{}
	one := join(t, s, address, 0, rediscache.Config{}).ready(t)
	two := join(t, s, address, 0, rediscache.Config{}).ready(t)
	coldReads(t, one, 0, 3)
	one.read(t)
	eventually(t, slack, "it is stored", func() bool { return one.tier.Stats().Stored == 4 })
	limit("1")
	coldReads(t, two, 0, 3)
	if n := two.Stats().TierHits; n != 3 {
		t.Errorf("%d parts read from a full Redis, want 3", n)
	}
	coldReads(t, two, 10, 5)
	if two.tier.Stats().Away || two.log.count("shared cache takes no parts") != 1 {
		t.Errorf("away %t, log:\n%s", two.tier.Stats().Away, two.log)
	}
	two.read(t)
	for _, drop := range []func() error{
		func() error { return one.Drop(t.Context(), aggregate.ProgramTag(masters())) },
		func() error { return one.DropAll(t.Context()) },
	} {
		want := version(s.version.Add(1))
		if err := drop(); err != nil {
			t.Fatalf("a full Redis takes no drop: %v", err)
		}
		eventually(t, slack, "the drop is seen", func() bool { return two.read(t) == want })
		if got := one.read(t); got != want {
			t.Errorf("the dropping replica reads version %s, want %s", got, want)
		}
	}
	limit("0")
	coldReads(t, two, 20, 5)
	eventually(t, slack, "parts are stored again", func() bool { return two.tier.Stats().Stored >= 5 })
	if two.log.count("takes parts again") != 1 || two.tier.Stats().Forgets != 0 {
		t.Errorf("%+v, log:\n%s", two.tier.Stats(), two.log)
	}
}
