package rediscache_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
)

// BenchmarkRead compares, in one run: a part in this process, a part that only
// Redis has, a part that must be loaded, and loading while Redis is down. The
// source answers at once, so what is measured is the cache.
func BenchmarkRead(b *testing.B) {
	opt, s := where(b), &site{}
	p := newProxy(b, opt.Addr)
	up := join(b, s, opt.Addr, opt.DB, rediscache.Config{}).ready(b)
	dead := join(b, s, p.addr(), opt.DB, rediscache.Config{}).ready(b)
	p.set(func(p *proxy) { p.down = true })
	eventually(b, slack, "Redis is left alone", func() bool { return dead.tier.Stats().Away })
	forget := []string{aggregate.ProgramTag(masters()).Text()}
	once := map[string]time.Duration{}
	bench := func(name string, before, read func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				if before != nil {
					b.StopTimer()
					before()
					b.StartTimer()
				}
				start := time.Now()
				read()
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			once[name] = took[len(took)/2]
			if base := once["in process"]; base > 0 {
				b.ReportMetric(float64(once[name])/float64(base), "times-L1")
			}
		})
	}
	up.read(b)
	eventually(b, slack, "it is stored", func() bool { return up.tier.Stats().Stored > 0 })
	bench("in process", nil, func() { up.read(b) })
	bench("in Redis", func() { up.Forget(forget) }, func() { up.read(b) })
	bench("loaded", func() {
		if err := up.Drop(b.Context(), aggregate.ProgramTag(masters())); err != nil {
			b.Fatal(err)
		}
	}, func() { up.read(b) })
	bench("loaded, Redis down", func() { dead.Forget(forget) }, func() { dead.read(b) })
}

func BenchmarkListing(b *testing.B) {
	opt := where(b)
	c := tier(b, opt.Addr, opt.DB, rediscache.Config{}, nil)
	listing := []byte(strings.Repeat(`{"student_key":"S-20417","status":"enrolled","username":"mira_k"},`, 10_000))
	put(b, c, "k", listing, "a:1")
	b.SetBytes(int64(len(listing)))
	b.ReportAllocs()
	for b.Loop() {
		if holds(b, c, "k", "a:1") == "" {
			b.Fatal("nothing")
		}
	}
}
