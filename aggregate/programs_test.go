package aggregate_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

func program(k registrar.ProgramKey) registrar.Program {
	return registrar.Program{Key: k, UUID: registrar.ProgramUUID("uuid-" + k), Organization: "NorthU"}
}

func TestProgramsOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var asked []registrar.ProgramKey
		var walked sync.Map
		w := &world{
			times: func(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
				return map[registrar.ProgramKey]time.Time{
					"seen": now.Add(-time.Hour), "aged": now.Add(-25 * time.Hour), "dead": now.Add(-48 * time.Hour),
				}, nil
			},
			enrollments: func(_ context.Context, u registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
				walked.Store(u, true)
				if u == "uuid-dead" || u == "uuid-never-dead" {
					return nil, down()
				}
				return []registrar.ProgramEnrollment{linked("S-1", "mira")}, nil
			},
			linksOf: func(_ context.Context, k registrar.StudentKey, ps []registrar.ProgramKey) ([]registrar.ProgramLink, error) {
				asked = ps
				return []registrar.ProgramLink{
					{Program: "dead", StudentKey: k, Status: "enrolled", SeenAt: now.Add(-48 * time.Hour)},
					{Program: "foreign", StudentKey: k, Status: "enrolled"},
					{Program: "seen", StudentKey: k, Status: "ended", SeenAt: now.Add(-time.Hour)},
				}, nil
			},
		}
		c := compose(t, w, aggregate.Config{})
		programs := []registrar.Program{program("seen"), program("never"), program("dead"), program("aged"), program("never-dead")}
		r, err := c.ProgramsOf(t.Context(), "s-1", programs)
		if err != nil {
			t.Fatal(err)
		}
		account := registrar.Account{State: registrar.Linked, Username: "mira"}
		if diff := cmp.Diff([]registrar.ProgramLink{
			{Program: "seen", StudentKey: "s-1", Status: "ended", SeenAt: now.Add(-time.Hour)},
			{Program: "never", StudentKey: "S-1", Status: "enrolled", Account: account, SeenAt: now},
			{Program: "dead", StudentKey: "s-1", Status: "enrolled", SeenAt: now.Add(-48 * time.Hour)},
			{Program: "aged", StudentKey: "S-1", Status: "enrolled", Account: account, SeenAt: now},
		}, r.Value); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]line{
			{Name: registrar.FromLinkstore, State: registrar.SourceStale},
			{Name: registrar.FromProgramEnrollments, State: registrar.SourceOK},
			{Name: registrar.FromProgramEnrollments, State: registrar.SourceFailed, Code: "unavailable"},
			{Name: registrar.FromProgramEnrollments, State: registrar.SourceOK},
			{Name: registrar.FromProgramEnrollments, State: registrar.SourceFailed, Code: "unavailable"},
		}, lines(r.Sources)); diff != "" {
			t.Errorf("sources (-want +got):\n%s", diff)
		}
		if r.Age(now) != 48*time.Hour {
			t.Errorf("age = %v, want that of the oldest snapshot used", r.Age(now))
		}
		if diff := cmp.Diff([]registrar.ProgramKey{"seen", "dead", "never-dead"}, asked); diff != "" {
			t.Errorf("index asked for (-want +got):\n%s", diff)
		}
		if _, ok := walked.Load(registrar.ProgramUUID("uuid-seen")); ok {
			t.Error("a program that the index has just seen was walked")
		}
	})
}

func TestProgramsOfNoPrograms(t *testing.T) {
	t.Parallel()
	w := &world{times: func(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
		return nil, errors.New("asked")
	}}
	c := compose(t, w, aggregate.Config{})
	r, err := c.ProgramsOf(t.Context(), "S-1", nil)
	if err != nil || r.Value == nil || len(r.Value) != 0 {
		t.Errorf("ProgramsOf = %#v, %v; want an empty list", r.Value, err)
	}
}

func TestProgramsOfNeedsTheIndex(t *testing.T) {
	t.Parallel()
	away := registrar.Fail(registrar.Unavailable, "The store is away.", nil)
	tests := map[string]world{
		"times": {times: func(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
			return nil, away
		}},
		"links": {
			times: func(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
				return map[registrar.ProgramKey]time.Time{"a": time.Now()}, nil
			},
			linksOf: func(context.Context, registrar.StudentKey, []registrar.ProgramKey) ([]registrar.ProgramLink, error) {
				return nil, away
			},
		},
	}
	for name, w := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compose(t, &w, aggregate.Config{})
			if _, err := c.ProgramsOf(t.Context(), "S-1", []registrar.Program{program("a")}); registrar.KindOf(err) != registrar.Unavailable {
				t.Errorf("err = %v, want the store's", err)
			}
		})
	}
}

func TestSnapshotsFeedTheIndex(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type recorded struct {
			program registrar.ProgramKey
			rows    int
			at      time.Time
		}
		var got []recorded
		fail, rows := true, []registrar.ProgramEnrollment{linked("S-1", "mira"), pending("S-2")}
		w := &world{
			enrollments: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
				time.Sleep(time.Second)
				return slices.Clone(rows), nil
			},
			record: func(_ context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, at time.Time) error {
				time.Sleep(5 * time.Second) // readers do not wait for it
				got = append(got, recorded{p.Key, len(rows), at})
				if fail {
					return errors.New("disk full")
				}
				return nil
			},
		}
		c := compose(t, w, keep(aggregate.Policy{Fresh: 10 * time.Second}))
		read := func() time.Time {
			start := time.Now()
			if _, err := c.Learners(t.Context(), masters()); err != nil || time.Since(start) > time.Second {
				t.Fatalf("Learners = %v after %v", err, time.Since(start))
			}
			time.Sleep(19 * time.Second)
			synctest.Wait()
			return start
		}
		first := read() // recorded, in vain
		fail = false
		second := read() // recorded again, for it failed
		read()           // the same, 20 s later: not worth a write
		rows = rows[:1]  // somebody left
		third := read()  // recorded
		time.Sleep(40 * time.Second)
		fourth := read() // the same, a minute later: it still holds
		want := []recorded{{"masters-cs", 2, first}, {"masters-cs", 2, second}, {"masters-cs", 1, third}, {"masters-cs", 1, fourth}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(recorded{})); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

func TestDetailsOf(t *testing.T) {
	t.Parallel()
	w := &world{program: func(_ context.Context, u registrar.ProgramUUID) (registrar.ProgramDetails, error) {
		switch u {
		case "uuid-gone":
			return registrar.ProgramDetails{}, notFound("program_deleted")
		case "uuid-bug":
			panic("discovery")
		}
		return details(u), nil
	}}
	c := compose(t, w, aggregate.Config{FanOut: 1})
	r := c.DetailsOf(t.Context(), []registrar.Program{program("b"), program("gone"), program("bug"), program("a")})
	if diff := cmp.Diff(map[registrar.ProgramKey]registrar.ProgramDetails{
		"a": details("uuid-a"), "b": details("uuid-b"),
	}, r.Value, cmp.Comparer(sameKey)); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	d := registrar.FromDiscovery
	if diff := cmp.Diff([]line{
		{Name: d, State: registrar.SourceOK},
		{Name: d, State: registrar.SourceOK}, // that there is no such program is an answer
		{Name: d, State: registrar.SourceFailed, Code: "internal"},
		{Name: d, State: registrar.SourceOK},
	}, lines(r.Sources)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	for i, want := range []registrar.ProgramKey{"b", "gone", "bug", "a"} {
		if got := r.Sources[i].Program; got != want {
			t.Errorf("source %d is about %q, want %q", i, got, want)
		}
	}
}

func TestNewNeedsEverySource(t *testing.T) {
	t.Parallel()
	w := &world{}
	tests := map[string]func(*aggregate.Sources){
		"programs":    func(s *aggregate.Sources) { s.Programs = nil },
		"enrollments": func(s *aggregate.Sources) { s.Enrollments = nil },
		"grades":      func(s *aggregate.Sources) { s.Grades = nil },
		"completions": func(s *aggregate.Sources) { s.Completions = nil },
		"accounts":    func(s *aggregate.Sources) { s.Accounts = nil },
		"index":       func(s *aggregate.Sources) { s.Index = nil },
		"directory":   func(s *aggregate.Sources) { s.Directory = nil },
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := w.sources()
			lose(&s)
			if _, err := aggregate.New(aggregate.Config{}, s); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := aggregate.New(aggregate.Config{FanOut: -1}, w.sources()); err == nil {
		t.Error("a negative fan-out is taken")
	}
}
