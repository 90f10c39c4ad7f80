package aggregate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

// lms is an enrollment listing that takes a while, may be down, and tells each
// walk apart by its number.
type lms struct {
	walks atomic.Int32
	down  atomic.Bool
	takes time.Duration
}

func (l *lms) world() *world {
	return &world{enrollments: func(ctx context.Context, _ registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
		n := l.walks.Add(1)
		select {
		case <-time.After(l.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if l.down.Load() {
			return nil, down()
		}
		return []registrar.ProgramEnrollment{linked("S-1", registrar.Username('a'+n-1))}, nil
	}}
}

// want asserts one read: which walk it shows, and the state of its source.
func want(ctx context.Context, t *testing.T, c *aggregate.Composer, user registrar.Username, state registrar.SourceState) registrar.Source {
	t.Helper()
	r, err := c.Learners(ctx, masters())
	if err != nil {
		t.Fatalf("Learners: %v", err)
	}
	if got := r.Value[0].Account.Username; got != user || r.Sources[0].State != state {
		t.Fatalf("Learners = walk %q, %s; want walk %q, %s", got, r.Sources[0].State, user, state)
	}
	return r.Sources[0]
}

// timed returns an LMS whose walks take 2 s, behind a Composer that keeps them
// fresh for a minute, stale for ten more, and as a stand-in for an hour.
func timed(t *testing.T) (*lms, *aggregate.Composer) {
	t.Helper()
	l := &lms{takes: 2 * time.Second}
	return l, compose(t, l.world(), keep(aggregate.Policy{
		Fresh: time.Minute, StaleWhileRevalidate: 10 * time.Minute, StaleIfError: time.Hour, Negative: 10 * time.Second,
	}))
}

func TestFreshPartIsAHit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := timed(t)
		miss := want(t.Context(), t, c, "a", registrar.SourceOK)
		if miss.Hit || miss.Took != 2*time.Second || miss.Digest == "" {
			t.Errorf("miss = %+v, want no hit, 2 s, a digest", miss)
		}
		time.Sleep(30 * time.Second)
		hit := want(t.Context(), t, c, "a", registrar.SourceOK)
		if !hit.Hit || hit.Took != 0 || hit.ExpiresIn != 30*time.Second || hit.Digest != miss.Digest {
			t.Errorf("hit = %+v, want a hit that expires in 30 s with digest %s", hit, miss.Digest)
		}
	})
}

func TestStalePartIsAnsweredAtOnceAndRenewedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(2 * time.Minute)
		for range 10 {
			s := want(t.Context(), t, c, "a", registrar.SourceStale)
			if !s.Hit || s.Took != 0 || s.ExpiresIn != -time.Minute {
				t.Errorf("stale = %+v, want a hit, no waiting, expired for a minute", s)
			}
		}
		time.Sleep(3 * time.Second)
		want(t.Context(), t, c, "b", registrar.SourceOK)
		if n := l.walks.Load(); n != 2 {
			t.Errorf("walks = %d, want 2", n)
		}
	})
}

func TestOldPartIsRenewedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(12 * time.Minute)
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

func TestOldPartStandsInForAFailedRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(12 * time.Minute)
		l.down.Store(true)
		s := want(t.Context(), t, c, "a", registrar.SourceStale)
		if s.Hit || s.Took != 2*time.Second {
			t.Errorf("stand-in = %+v, want no hit after 2 s", s)
		}
	})
}

func TestDeadSourceRestsBehindAStalePart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		l.down.Store(true)
		time.Sleep(2 * time.Minute)
		want(t.Context(), t, c, "a", registrar.SourceStale)
		time.Sleep(2500 * time.Millisecond) // the refresh failed half a second ago
		for range 10 {
			want(t.Context(), t, c, "a", registrar.SourceStale)
			synctest.Wait()
		}
		if n := l.walks.Load(); n != 2 {
			t.Errorf("walks = %d, want 2", n)
		}
		time.Sleep(time.Second)
		want(t.Context(), t, c, "a", registrar.SourceStale)
		synctest.Wait()
		if n := l.walks.Load(); n != 3 {
			t.Errorf("walks after the wait = %d, want 3", n)
		}
	})
}

func TestDeadSourceRestsBehindAnOldPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		l.down.Store(true)
		time.Sleep(12 * time.Minute)
		want(t.Context(), t, c, "a", registrar.SourceStale)
		for range 10 {
			if s := want(t.Context(), t, c, "a", registrar.SourceStale); s.Took != 0 {
				t.Errorf("took %v, want no waiting", s.Took)
			}
		}
		time.Sleep(time.Second)
		want(t.Context(), t, c, "a", registrar.SourceStale)
		if n := l.walks.Load(); n != 3 {
			t.Errorf("walks = %d, want 3", n)
		}
	})
}

func TestTooOldIsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(62 * time.Minute)
		l.down.Store(true)
		_, err := c.Learners(t.Context(), masters())
		if registrar.KindOf(err) != registrar.Unavailable {
			t.Errorf("err = %v, want the source's", err)
		}
	})
}

func TestErrorIsNeverKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		l.down.Store(true)
		if _, err := c.Learners(t.Context(), masters()); registrar.KindOf(err) != registrar.Unavailable {
			t.Errorf("err = %v, want the source's", err)
		}
		l.down.Store(false)
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

func TestRefetchLooksPastWhatIsNotVeryYoung(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		ctx := registrar.WithRefetch(t.Context())
		want(ctx, t, c, "a", registrar.SourceOK)
		time.Sleep(4 * time.Second)
		want(ctx, t, c, "a", registrar.SourceOK)
		time.Sleep(2 * time.Second)
		want(ctx, t, c, "b", registrar.SourceOK)
		time.Sleep(6 * time.Second)
		l.down.Store(true)
		want(ctx, t, c, "b", registrar.SourceStale)
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

func TestReloadedPolicyHoldsForWhatIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fresh atomic.Int64
		fresh.Store(int64(time.Hour))
		l := &lms{takes: time.Second}
		c := compose(t, l.world(), aggregate.Config{Policy: func(aggregate.View) aggregate.Policy {
			return aggregate.Policy{Fresh: time.Duration(fresh.Load())}
		}})
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(time.Minute)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		fresh.Store(int64(time.Second))
		want(t.Context(), t, c, "b", registrar.SourceOK)
		fresh.Store(int64(time.Hour))
		time.Sleep(time.Minute)
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

func TestNotFoundIsKeptForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		var missing bool
		w := &world{program: func(_ context.Context, u registrar.ProgramUUID) (registrar.ProgramDetails, error) {
			asked++
			if missing {
				return registrar.ProgramDetails{}, notFound("program_deleted")
			}
			return details(u), nil
		}}
		c := compose(t, w, keep(aggregate.Policy{Fresh: time.Minute, StaleIfError: time.Hour, Negative: 10 * time.Second}))
		read := func() error {
			_, err := c.Details(t.Context(), masters())
			return err
		}
		missing = true
		for range 3 {
			if err := read(); registrar.CodeOf(err) != "program_deleted" || registrar.KindOf(err) != registrar.NotFound {
				t.Fatalf("err = %v, want the source's", err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times within Negative, want 1", asked)
		}
		time.Sleep(10 * time.Second)
		missing = false
		if err := read(); err != nil {
			t.Errorf("after Negative: %v", err)
		}
		time.Sleep(time.Minute)
		missing = true
		if err := read(); registrar.KindOf(err) != registrar.NotFound {
			t.Errorf("err = %v; an older answer must not stand in for \"not found\"", err)
		}
	})
}

func TestGradesWithFailedRowsAreKeptShortly(t *testing.T) {
	t.Parallel()
	for name, failed := range map[string]bool{"whole": false, "with a failed row": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				walks := 0
				w := &world{courseGrades: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
					walks++
					return []registrar.GradeRow{{StudentKey: "S-1", Failed: failed}}, nil
				}}
				c := compose(t, w, keep(aggregate.Policy{Fresh: time.Minute, Negative: 10 * time.Second}))
				read := func() {
					if _, err := c.Grades(t.Context(), masters(), []registrar.CourseID{"CS.101"}); err != nil {
						t.Fatal(err)
					}
				}
				read()
				time.Sleep(11 * time.Second)
				read()
				if want := map[bool]int{false: 1, true: 2}[failed]; walks != want {
					t.Errorf("walks after 11 s = %d, want %d", walks, want)
				}
			})
		})
	}
}

// A source that hangs holds a reader up for a moment only, while an older answer
// may stand in; what it says in the end is there for the next reader. One who asks
// for the source waits for it.
func TestHangingSourceTriesNobodysPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := timed(t)
		want(t.Context(), t, c, "a", registrar.SourceOK)
		l.takes = 20 * time.Second
		time.Sleep(30 * time.Minute) // within the hour of standing in
		start := time.Now()
		want(t.Context(), t, c, "a", registrar.SourceStale)
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("waited %v, want 3 s", waited)
		}
		want(registrar.WithRefetch(t.Context()), t, c, "b", registrar.SourceOK)
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

// Callers who ask for the source cannot spend Discovery's few calls an hour.
func TestRefetchSparesDiscovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		w := &world{program: func(_ context.Context, u registrar.ProgramUUID) (registrar.ProgramDetails, error) {
			calls.Add(1)
			return details(u), nil
		}}
		c := compose(t, w, keep(aggregate.Policy{Fresh: time.Hour}))
		for range 13 { // over two minutes, every ten seconds
			if _, err := c.Details(registrar.WithRefetch(t.Context()), masters()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if n := calls.Load(); n != 3 {
			t.Errorf("Discovery was asked %d times in two minutes, want 3", n)
		}
	})
}
