package aggregate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

// ledger is a tier that only counts its claims.
type ledger struct {
	claimed, set, released atomic.Int32
}

func (l *ledger) Get(context.Context, string, []string) ([]byte, bool, error) { return nil, false, nil }

func (l *ledger) Drop(context.Context, []string) error { return nil }

func (l *ledger) Claim(context.Context, string, []string) (aggregate.Claim, bool) {
	l.claimed.Add(1)
	return ledgerClaim{l}, false
}

type ledgerClaim struct{ *ledger }

func (c ledgerClaim) Set(context.Context, aggregate.Encoded) error { c.set.Add(1); return nil }

func (c ledgerClaim) Release(context.Context) { c.released.Add(1) }

func TestEveryClaimEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		load func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error)
		sets int32
	}{
		"a listing": {load: listed(linked("S-1", "mira")), sets: 1},
		"not found": {sets: 1, load: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			return nil, notFound("program_deleted")
		}},
		"an error": {load: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			return nil, down()
		}},
		"a panic": {load: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			panic("at the source")
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{}
			c, err := aggregate.New(aggregate.Config{Tier: l}, (&world{enrollments: test.load}).sources())
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Learners(t.Context(), masters())
			if registrar.KindOf(err) == registrar.Timeout {
				t.Error(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if l.set.Load() != test.sets || l.claimed.Load() == 0 || l.released.Load() != l.claimed.Load() {
				t.Errorf("claimed %d, set %d, released %d; want %d set and all released",
					l.claimed.Load(), l.set.Load(), l.released.Load(), test.sets)
			}
		})
	}
}

// TestWaiterTakesWhatAnotherProcessLanded has the claim wait until another
// process put the part there.
func TestWaiterTakesWhatAnotherProcessLanded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tier, l := newShared(), &lms{takes: time.Second}
		one := compose(t, l.world(), tiered(tier, aggregate.Policy{Fresh: time.Hour}))
		two := compose(t, l.world(), tiered(tier, aggregate.Policy{Fresh: time.Hour}))
		go func() { want(t.Context(), t, one, "a", registrar.SourceOK) }()
		synctest.Wait()
		tier.wait = func() { time.Sleep(2 * time.Second) }
		s := want(t.Context(), t, two, "a", registrar.SourceOK)
		if !s.Hit || l.walks.Load() != 1 || two.Stats().Loads != 0 {
			t.Errorf("%d walks, source %+v; want the other's walk", l.walks.Load(), s)
		}
	})
}

func TestNotFoundIsSharedWithItsReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		w := &world{program: func(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error) {
			asked++
			return registrar.ProgramDetails{}, notFound("program_deleted")
		}}
		tier, policy := newShared(), aggregate.Policy{Fresh: time.Hour, Negative: time.Minute}
		one, two := compose(t, w, tiered(tier, policy)), compose(t, w, tiered(tier, policy))
		_, first := one.Details(t.Context(), masters())
		synctest.Wait()
		for _, part := range tier.parts {
			if part.Keep != time.Minute {
				t.Errorf("kept for %v, want the negative time", part.Keep)
			}
		}
		_, second := two.Details(t.Context(), masters())
		if asked != 1 || registrar.KindOf(second) != registrar.NotFound || registrar.CodeOf(second) != "program_deleted" || first.Error() != second.Error() {
			t.Errorf("asked %d times: %v, then %v", asked, first, second)
		}
		time.Sleep(time.Minute)
		if _, err := two.Details(t.Context(), masters()); asked != 2 || err == nil {
			t.Errorf("asked %d times after the negative time, %v", asked, err)
		}
	})
}

func TestDropAllAndForget(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		drop func(context.Context, *aggregate.Composer) error
		gone bool
	}{
		"everything":               {gone: true, drop: func(ctx context.Context, c *aggregate.Composer) error { return c.DropAll(ctx) }},
		"everything, said by name": {gone: true, drop: forgetting(aggregate.AllTag())},
		"the program":              {gone: true, drop: forgetting(aggregate.ProgramTag(masters()))},
		"another program":          {drop: forgetting(aggregate.ProgramTag(registrar.Program{UUID: "another"}))},
		"nothing":                  {drop: forgetting()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lms{takes: time.Second}
				c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Hour}))
				want(t.Context(), t, c, "a", registrar.SourceOK)
				p := masters()
				p.UUID = "00000000-0000-0000-0000-00000000000d"
				go func() { _, _ = c.Learners(t.Context(), p) }() // is under way meanwhile
				synctest.Wait()
				if n := c.Stats().Running; n != 1 {
					t.Errorf("running = %d, want 1", n)
				}
				if err := test.drop(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				want(t.Context(), t, c, map[bool]registrar.Username{false: "a", true: "c"}[test.gone], registrar.SourceOK)
				time.Sleep(time.Minute)
				if s := c.Stats(); s.Running != 0 {
					t.Errorf("running = %d, want none", s.Running)
				}
			})
		})
	}
}

func forgetting(tags ...aggregate.Tag) func(context.Context, *aggregate.Composer) error {
	texts := make([]string, 0, len(tags))
	for _, tag := range tags {
		texts = append(texts, tag.Text())
	}
	return func(_ context.Context, c *aggregate.Composer) error { c.Forget(texts); return nil }
}

func TestDropAllReachesTheTier(t *testing.T) {
	t.Parallel()
	var told []string
	tier := &hearer{drop: func(tags []string) { told = append(told, tags...) }}
	c := compose(t, &world{}, aggregate.Config{Tier: tier})
	if err := c.DropAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []string{aggregate.AllTag().Text()}) {
		t.Errorf("the tier was told %q", told)
	}
}

// hearer is a tier that only hears of drops.
type hearer struct {
	ledger
	drop func([]string)
}

func (t *hearer) Drop(_ context.Context, tags []string) error { t.drop(tags); return nil }

func TestFiguresOfAView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tier, l := newShared(), &lms{}
		policy := aggregate.Policy{Fresh: time.Minute, StaleWhileRevalidate: time.Minute}
		one, two := compose(t, l.world(), tiered(tier, policy)), compose(t, l.world(), tiered(tier, policy))
		want(t.Context(), t, one, "a", registrar.SourceOK)
		want(t.Context(), t, one, "a", registrar.SourceOK)
		synctest.Wait()
		want(t.Context(), t, two, "a", registrar.SourceOK)
		time.Sleep(90 * time.Second)
		l.down.Store(true)
		want(t.Context(), t, two, "a", registrar.SourceStale)
		synctest.Wait()
		first := aggregate.ViewStats{Hits: 1, Misses: 1, Loads: 1, TierMisses: 2}
		if got := one.Stats().Views[aggregate.ViewEnrollments]; got != first || one.Stats().ViewStats != first {
			t.Errorf("first = %+v in all %+v, want %+v", got, one.Stats().ViewStats, first)
		}
		second := aggregate.ViewStats{Stale: 1, Misses: 1, Loads: 1, LoadErrors: 1, TierHits: 3}
		if got := two.Stats().Views[aggregate.ViewEnrollments]; got != second {
			t.Errorf("second = %+v, want %+v", got, second)
		}
		if n := len(one.Stats().Views); n != len(aggregate.Views()) {
			t.Errorf("%d views, want all of them, or a figure would appear late", n)
		}
	})
}

// TestEncodedFormsArePinned fails when a part is encoded in another way than in
// the release before. Then raise the encoding's version, and put the new digest
// here: two releases that share a tier must not read each other's parts.
func TestEncodedFormsArePinned(t *testing.T) {
	t.Parallel()
	const version, digest = ":1:", "d095aa544281da9f"
	tier := newShared()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c, err := aggregate.New(aggregate.Config{Tier: tier, Now: func() time.Time { return now }}, pinned(t).sources())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Record(t.Context(), masters(), "S-1", everything()); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func() error{
		func() error { _, err := c.Grades(t.Context(), masters(), nil); return err },
		func() error { _, err := c.Completion(t.Context(), masters(), nil); return err },
	} {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var forms []string
	views := map[string]bool{}
	for key, part := range tier.parts {
		views[key[:strings.Index(key, ":")]] = true
		if !strings.Contains(key, version) {
			t.Errorf("key %q is not of version %s", key, version)
		}
		forms = append(forms, key+" "+string(part.Data))
	}
	slices.Sort(forms)
	sum := sha256.Sum256([]byte(strings.Join(forms, "\n")))
	if got := hex.EncodeToString(sum[:8]); got != digest || len(views) != len(aggregate.Views()) {
		t.Errorf("digest %s, want %s, of %d views:\n%s", got, digest, len(views), strings.Join(forms, "\n"))
	}
}

// pinned is a world with something in every view.
func pinned(t *testing.T) *world {
	t.Helper()
	return &world{
		enrollments: listed(linked("S-1", "mira"), pending("S-2")), courseEnrollments: inRun(active("S-1"), inactive("S-3")),
		learnerGrade: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
			return registrar.Grade{Percent: "0.8300", Letter: "B", Passed: true}, nil
		},
		courseGrades: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
			return []registrar.GradeRow{{StudentKey: "S-1", Grade: registrar.Grade{Percent: "1"}}, {StudentKey: "S-2", Failed: true}}, nil
		},
		learnerCompletion: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
			return done("0.5"), nil
		},
		courseCompletion: told(registrar.CompletionRow{Username: "mira", Completion: done("0.25")}),
		certificates: func(context.Context, registrar.Username) ([]registrar.Certificate, error) {
			return []registrar.Certificate{{Course: key(t, "a/b/c"), Status: "downloadable", DownloadURL: "https://example.org/c"}}, nil
		},
	}
}

// TestProgramsShareNothingInTheTier reads the same learner in programs that
// differ in one thing only.
func TestProgramsShareNothingInTheTier(t *testing.T) {
	t.Parallel()
	tier := newShared()
	var keys []int
	for _, change := range []func(*registrar.Program){
		func(*registrar.Program) {},
		func(p *registrar.Program) { p.Organization = "SouthU" },
		func(p *registrar.Program) { p.Key = "masters-ds" },
	} {
		p := masters()
		change(&p)
		c, err := aggregate.New(aggregate.Config{Tier: tier}, pinned(t).sources())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Record(t.Context(), p, "S-1", everything()); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, len(tier.parts))
	}
	// Discovery's details of the one uuid are public, all else is each program's own.
	each := keys[0] - 1
	if each < 5 || keys[1] != keys[0]+each || keys[2] != keys[1]+each {
		t.Errorf("parts after each program: %d, want %d more each time", keys, each)
	}
}
