package rediscache_test

import (
	"context"
	"testing"
	"time"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
)

// verdict is how a claim ended.
type verdict struct {
	claim aggregate.Claim
	look  bool
	took  time.Duration
}

// wait claims key in the background and returns once it is waiting.
func wait(tb testing.TB, c *rediscache.Cache, key string, tags ...string) chan verdict {
	tb.Helper()
	before := c.Stats().Waits
	out := make(chan verdict, 1)
	ctx, start := tb.Context(), time.Now()
	go func() {
		claim, look := c.Claim(ctx, key, tags)
		out <- verdict{claim: claim, look: look, took: time.Since(start)}
	}()
	eventually(tb, slack, "the claim waits", func() bool { return c.Stats().Waits == before+1 })
	return out
}

func TestOthersWaitForTheHolder(t *testing.T) {
	t.Parallel()
	opt := where(t)
	one, two := tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil), tier(t, opt.Addr, opt.DB, rediscache.Config{}, nil)
	holder := claimed(t, one, "k", "a:1")
	waiting := wait(t, two, "k", "a:1")
	select {
	case v := <-waiting:
		t.Fatalf("did not wait: %+v", v)
	default:
	}
	claimed(t, two, "another", "a:1").Release(t.Context()) // is not held up
	if err := holder.Set(t.Context(), aggregate.Encoded{Data: []byte("landed"), Keep: time.Minute}); err != nil {
		t.Fatal(err)
	}
	v := <-waiting
	if v.claim == nil || !v.look {
		t.Fatalf("after the holder: %+v, want a claim and a look", v)
	}
	if got := holds(t, two, "k", "a:1"); got != "landed" {
		t.Errorf("the waiter finds %q", got)
	}
	v.claim.Release(t.Context())
	v.claim.Release(t.Context()) // does nothing
}

func TestReleasedLeaseIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	opt := where(t)
	cfg := rediscache.Config{Lease: time.Hour}
	one, two := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, opt.Addr, opt.DB, cfg, nil)
	holder := claimed(t, one, "k", "a:1")
	waiting := wait(t, two, "k", "a:1")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	holder.Release(canceled) // the holder's load was canceled: others need not wait for that
	if v := <-waiting; v.claim == nil {
		t.Error("the lease was not given up")
	}
}

// TestDeadHolderIsFollowed has the holder's process die: nobody renews the
// lease, and what the dead one still sends is refused.
func TestDeadHolderIsFollowed(t *testing.T) {
	t.Parallel()
	opt := where(t)
	const lease = 400 * time.Millisecond
	p := newProxy(t, opt.Addr)
	one := tier(t, p.addr(), opt.DB, rediscache.Config{Lease: lease}, nil)
	two := tier(t, opt.Addr, opt.DB, rediscache.Config{Lease: lease, Beat: 20 * time.Millisecond}, nil)
	holder := claimed(t, one, "k", "a:1")
	waiting := wait(t, two, "k", "a:1")
	p.set(func(p *proxy) { p.down = true })
	v := <-waiting
	if v.claim == nil {
		t.Fatal("the lease of the dead holder did not lapse")
	}
	p.set(func(p *proxy) { p.down = false })
	eventually(t, slack, "the first is back", func() bool { return !one.Stats().Away })
	if err := holder.Set(t.Context(), aggregate.Encoded{Data: []byte("of the dead"), Keep: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if got := holds(t, two, "k", "a:1"); got != "" || one.Stats().Refused != 1 {
		t.Errorf("the dead holder stored %q: %+v", got, one.Stats())
	}
	if err := v.claim.Set(t.Context(), aggregate.Encoded{Data: []byte("of the living"), Keep: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if got := holds(t, one, "k", "a:1"); got != "of the living" {
		t.Errorf("holds %q", got)
	}
}

// TestLivingHolderKeepsItsLease loads for several leases.
func TestLivingHolderKeepsItsLease(t *testing.T) {
	t.Parallel()
	opt := where(t)
	cfg := rediscache.Config{Lease: 500 * time.Millisecond, Beat: 20 * time.Millisecond}
	one, two := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, opt.Addr, opt.DB, cfg, nil)
	holder := claimed(t, one, "k", "a:1")
	waiting := wait(t, two, "k", "a:1")
	select {
	case v := <-waiting:
		t.Fatalf("the lease of a living holder lapsed after %v", v.took)
	case <-time.After(4 * cfg.Lease):
	}
	holder.Release(t.Context())
	if v := <-waiting; v.claim == nil {
		t.Error("no claim after the holder")
	}
}

func TestDropFreesTheLease(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string]string{"of a tag": "a:1", "of everything": aggregate.AllTag().Text()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := where(t)
			cfg := rediscache.Config{Lease: time.Hour}
			one, two := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, opt.Addr, opt.DB, cfg, nil)
			overtaken := claimed(t, one, "k", "a:1")
			waiting := wait(t, two, "k", "a:1")
			if err := two.Drop(t.Context(), []string{tag}); err != nil {
				t.Fatal(err)
			}
			v := <-waiting
			if v.claim == nil {
				t.Fatal("a load that a drop has overtaken still holds others up")
			}
			overtaken.Release(t.Context())
			if err := v.claim.Set(t.Context(), aggregate.Encoded{Data: []byte("new"), Keep: time.Minute}); err != nil {
				t.Fatal(err)
			}
			eventually(t, slack, "the drop is known", func() bool { return one.Stats().Followed == 1 })
			if got := holds(t, one, "k", "a:1"); got != "new" {
				t.Errorf("holds %q: the overtaken one ended another's lease", got)
			}
		})
	}
}

// TestOnlyOneHolderIsWaitedFor lets two wait for a holder that fails: one takes
// its place, the other does not wait again.
func TestOnlyOneHolderIsWaitedFor(t *testing.T) {
	t.Parallel()
	opt := where(t)
	cfg := rediscache.Config{Lease: time.Hour}
	one := tier(t, opt.Addr, opt.DB, cfg, nil)
	two, three := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, opt.Addr, opt.DB, cfg, nil)
	holder := claimed(t, one, "k", "a:1")
	a, b := wait(t, two, "k", "a:1"), wait(t, three, "k", "a:1")
	holder.Release(t.Context())
	first, second := <-a, <-b
	if (first.claim == nil) == (second.claim == nil) || !first.look || !second.look {
		t.Errorf("%+v and %+v, want one claim and two looks", first, second)
	}
}

func TestWaitingLeavesTimeForLoading(t *testing.T) {
	t.Parallel()
	opt := where(t)
	cfg := rediscache.Config{Lease: time.Hour}
	one, two := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, opt.Addr, opt.DB, cfg, nil)
	claimed(t, one, "k", "a:1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if claim, look := two.Claim(ctx, "k", []string{"a:1"}); claim != nil || !look || ctx.Err() != nil {
		t.Errorf("claim %v, look %t, ctx %v; want none in time", claim, look, ctx.Err())
	}
}

func TestWaiterOfADyingRedisIsFree(t *testing.T) {
	t.Parallel()
	opt := where(t)
	p := newProxy(t, opt.Addr)
	cfg := rediscache.Config{Lease: time.Hour}
	one, two := tier(t, opt.Addr, opt.DB, cfg, nil), tier(t, p.addr(), opt.DB, cfg, nil)
	claimed(t, one, "k", "a:1")
	waiting := wait(t, two, "k", "a:1")
	p.set(func(p *proxy) { p.down = true })
	select {
	case v := <-waiting:
		if v.claim != nil {
			t.Error("a claim from a dead Redis")
		}
	case <-time.After(slack):
		t.Error("waits for a dead Redis")
	}
}
