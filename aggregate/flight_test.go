package aggregate_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

func TestManyMissesAreOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{takes: time.Second}
		c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Minute}))
		var g sync.WaitGroup
		for range 50 {
			g.Go(func() {
				if _, err := c.Learners(t.Context(), masters()); err != nil {
					t.Error(err)
				}
			})
		}
		g.Wait()
		if n := l.walks.Load(); n != 1 {
			t.Errorf("walks for 50 callers = %d, want 1", n)
		}
		if s := c.Stats(); s.Misses != 50 || s.Loads != 1 || s.Hits != 0 || s.Entries != 1 || s.Bytes == 0 {
			t.Errorf("stats = %+v, want 50 misses, 1 load, 1 entry", s)
		}
	})
}

func TestImpatientCallerLeavesTheFlightGoing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leave func(context.Context) (context.Context, context.CancelFunc)
		check func(error) bool
	}{
		"deadline": {
			leave: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			check: func(err error) bool { return registrar.KindOf(err) == registrar.Timeout },
		},
		"cancel": {
			leave: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
			check: func(err error) bool { return errors.Is(err, context.Canceled) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lms{takes: 10 * time.Second}
				c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Minute}))
				ctx, cancel := test.leave(t.Context())
				defer cancel()
				start := time.Now()
				if _, err := c.Learners(ctx, masters()); !test.check(err) {
					t.Errorf("err = %v", err)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("left after %v, want a second at most", took)
				}
				time.Sleep(10 * time.Second)
				if s := want(t.Context(), t, c, "a", registrar.SourceOK); !s.Hit {
					t.Error("the flight ended with its caller")
				}
			})
		})
	}
}

func TestLateCallerStartsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{}
		c := compose(t, l.world(), aggregate.Config{})
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		if _, err := c.Learners(ctx, masters()); registrar.KindOf(err) != registrar.Timeout {
			t.Errorf("err = %v, want a timeout", err)
		}
		synctest.Wait()
		if n := l.walks.Load(); n != 0 {
			t.Errorf("walks = %d, want none", n)
		}
	})
}

func TestFlightHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{takes: time.Hour}
		c := compose(t, l.world(), aggregate.Config{LoadTimeout: 30 * time.Second})
		start := time.Now()
		_, err := c.Learners(t.Context(), masters())
		if registrar.KindOf(err) != registrar.Timeout || time.Since(start) != 30*time.Second {
			t.Errorf("err = %v after %v, want a timeout after 30 s", err, time.Since(start))
		}
	})
}

func TestPanicInAFlightIsContained(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := &world{enrollments: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
		panic("student S-20417")
	}}
	c := compose(t, w, aggregate.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	_, err := c.Learners(t.Context(), masters())
	if registrar.KindOf(err) != registrar.Internal {
		t.Errorf("err = %v, want internal", err)
	}
	if n := strings.Count(log.String(), `"stack"`); n != 1 {
		t.Errorf("stacks logged = %d, want 1: %s", n, log.String())
	}
	if strings.Contains(log.String()+err.Error(), "S-20417") {
		t.Error("the panic's text, which may name a person, is told")
	}
}

func TestDropOvertakesFetches(t *testing.T) {
	t.Parallel()
	tests := map[string]aggregate.Tag{
		"program":     aggregate.ProgramTag(masters()),
		"enrollments": aggregate.EnrollmentsTag(masters()),
	}
	for name, tag := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lms{takes: 10 * time.Second}
				c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Hour, StaleIfError: time.Hour}))
				go func() { want(t.Context(), t, c, "a", registrar.SourceOK) }()
				time.Sleep(time.Second)
				if err := c.Drop(t.Context(), tag); err != nil { // a write
					t.Fatal(err)
				}
				want(t.Context(), t, c, "b", registrar.SourceOK) // reads itself: a new walk
				time.Sleep(time.Minute)
				if s := want(t.Context(), t, c, "b", registrar.SourceOK); !s.Hit {
					t.Error("the walk after the drop was not kept")
				}
				if err := c.Drop(t.Context(), tag); err != nil {
					t.Fatal(err)
				}
				l.down.Store(true)
				if _, err := c.Learners(t.Context(), masters()); err == nil {
					t.Error("a dropped listing stood in for a failed walk")
				}
			})
		})
	}
}

// TestOvertakenFetchDoesNotReplaceANewerOne lets the walk from before a drop land
// after the walk from behind it.
func TestOvertakenFetchDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{takes: time.Minute}
		c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Hour}))
		go func() { want(t.Context(), t, c, "a", registrar.SourceOK) }()
		synctest.Wait()
		if err := c.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		l.takes = time.Second
		want(t.Context(), t, c, "b", registrar.SourceOK)
		time.Sleep(2 * time.Minute)
		if s := want(t.Context(), t, c, "b", registrar.SourceOK); !s.Hit {
			t.Error("the overtaken walk took the newer one's place")
		}
	})
}

// TestLateLookIsNotASecondFetch holds one reader between its look into the cache
// and its flight, while another reader's flight lands.
func TestLateLookIsNotASecondFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hold atomic.Bool
		release := make(chan struct{})
		l := &lms{}
		c := compose(t, l.world(), aggregate.Config{Policy: func(aggregate.View) aggregate.Policy {
			if hold.CompareAndSwap(true, false) {
				<-release
			}
			return aggregate.Policy{Fresh: time.Minute}
		}})
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(time.Hour)
		held := make(chan struct{})
		hold.Store(true)
		go func() {
			defer close(held)
			// Its policy is of the moment before: the kept walk is too old.
			want(t.Context(), t, c, "b", registrar.SourceOK)
		}()
		synctest.Wait()
		want(t.Context(), t, c, "b", registrar.SourceOK)
		close(release)
		<-held
		if n := l.walks.Load(); n != 2 {
			t.Errorf("walks = %d, want 2", n)
		}
	})
}

func TestDropOfOthersLeavesAPart(t *testing.T) {
	t.Parallel()
	l := &lms{}
	c := compose(t, l.world(), aggregate.Config{})
	want(t.Context(), t, c, "a", registrar.SourceOK)
	tags := []aggregate.Tag{
		aggregate.RunTag(key(t, "course-v1:NorthU+A+1")),
		aggregate.LearnerTag("NorthU", "S-1"),
		aggregate.ProgramTag(registrar.Program{UUID: "another"}),
	}
	// Slots are shared by hash: one unlucky seed in thousands may drop it.
	for range 5 {
		if err := c.Drop(t.Context(), tags...); err != nil {
			t.Fatal(err)
		}
		r, err := c.Learners(t.Context(), masters())
		if err == nil && r.Hit() {
			return
		}
		c = compose(t, l.world(), aggregate.Config{})
		if _, err := c.Learners(t.Context(), masters()); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("drops of other tags dropped the listing")
}

func TestLearnerTagReachesALearnersParts(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	w := &world{
		enrollments: listed(linked("S-1", "mira")), courseEnrollments: inRun(active("S-1")),
		learnerGrade: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
			asked.Add(1)
			return registrar.Grade{Percent: "0.5"}, nil
		},
	}
	c := compose(t, w, aggregate.Config{})
	read := func() {
		if _, err := c.Record(t.Context(), masters(), "S-1", registrar.Parts{Grades: true}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	read()
	if n := asked.Load(); n != 3 {
		t.Fatalf("grades asked = %d, want one for each of 3 runs", n)
	}
	if err := c.Drop(t.Context(), aggregate.LearnerTag("NorthU", " s-1")); err != nil {
		t.Fatal(err)
	}
	read()
	if n := asked.Load(); n != 6 {
		t.Errorf("grades asked after the drop = %d, want 6", n)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{takes: time.Second}
		c := compose(t, l.world(), keep(aggregate.Policy{Fresh: time.Minute, StaleWhileRevalidate: time.Hour}))
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		l.takes = time.Hour
		want(t.Context(), t, c, "a", registrar.SourceStale) // starts a refresh
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v, want nil at once", err, time.Since(start))
		}
		want(t.Context(), t, c, "a", registrar.SourceStale)
		_, err := c.Details(t.Context(), masters())
		if registrar.KindOf(err) != registrar.Unavailable {
			t.Errorf("a read after Close = %v, want unavailable", err)
		}
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{enrollments: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			time.Sleep(time.Minute) // deaf to its context
			return nil, nil
		}}
		c, err := aggregate.New(aggregate.Config{}, w.sources())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Learners(ctx, masters()); err == nil {
			t.Error("no error")
		}
		start := time.Now()
		if err := c.Close(); err == nil || time.Since(start) > 10*time.Second {
			t.Errorf("Close = %v after %v, want an error within seconds", err, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	w := &world{enrollments: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
		return []registrar.ProgramEnrollment{linked(registrar.StudentKey(strings.Repeat("x", 1000)), "u")}, nil
	}}
	const limit = 64 << 10
	c := compose(t, w, aggregate.Config{MaxBytes: limit})
	for i := range 500 {
		p := masters()
		p.UUID = registrar.ProgramUUID(strings.Repeat("a", i+1))
		if _, err := c.Learners(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	// Eviction runs beside the writes; the bound holds once it caught up.
	for deadline := time.Now().Add(5 * time.Second); c.Stats().Bytes > limit; {
		if time.Now().After(deadline) {
			t.Fatalf("holds %d bytes, want %d at most", c.Stats().Bytes, limit)
		}
	}
	if s := c.Stats(); s.Entries < 10 {
		t.Errorf("holds %d entries, want it to be in use", s.Entries)
	}
}
