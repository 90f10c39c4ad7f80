package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

// shared is a second tier in memory.
type shared struct {
	mu    sync.Mutex
	parts map[string]sharedPart
	err   error
	wait  func() // what Claim does before it grants
}

type sharedPart struct {
	aggregate.Encoded
	tags    []string
	claimed time.Time
}

func newShared() *shared { return &shared{parts: map[string]sharedPart{}} }

func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *shared) Get(_ context.Context, key string, _ []string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	part, ok := s.parts[key]
	return part.Data, ok, s.err
}

func (s *shared) Claim(_ context.Context, key string, tags []string) (aggregate.Claim, bool) {
	s.mu.Lock()
	wait := s.wait
	s.mu.Unlock()
	if wait != nil {
		wait()
	}
	return sharedClaim{tier: s, key: key, part: sharedPart{tags: tags, claimed: time.Now()}}, true
}

type sharedClaim struct {
	tier *shared
	key  string
	part sharedPart
}

func (c sharedClaim) Set(_ context.Context, part aggregate.Encoded) error {
	c.tier.mu.Lock()
	defer c.tier.mu.Unlock()
	if c.tier.err == nil {
		c.part.Encoded = part
		c.tier.parts[c.key] = c.part
	}
	return c.tier.err
}

func (c sharedClaim) Release(context.Context) {}

func (s *shared) Drop(_ context.Context, tags []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, part := range s.parts {
		if slices.ContainsFunc(part.tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
			delete(s.parts, key)
		}
	}
	return s.err
}

func damaged(text string) sharedPart {
	return sharedPart{Encoded: aggregate.Encoded{Data: []byte(text)}}
}

func tiered(tier aggregate.Tier, p aggregate.Policy) aggregate.Config {
	cfg := keep(p)
	cfg.Tier = tier
	return cfg
}

func TestAnotherProcessReadsTheSharedTier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tier, policy := newShared(), aggregate.Policy{Fresh: time.Minute, StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour}
		l := &lms{takes: time.Second}
		one := compose(t, l.world(), tiered(tier, policy))
		two := compose(t, l.world(), tiered(tier, policy))
		first := want(t.Context(), t, one, "a", registrar.SourceOK)
		synctest.Wait()
		for _, part := range tier.parts {
			if part.Keep != time.Hour+time.Minute || !part.claimed.Equal(first.FetchedAt.Add(-time.Second)) || len(part.tags) != 2 {
				t.Errorf("part = %+v", part)
			}
		}
		time.Sleep(30 * time.Second)
		s := want(t.Context(), t, two, "a", registrar.SourceOK)
		if !s.Hit || s.ExpiresIn != 30*time.Second || !s.FetchedAt.Equal(first.FetchedAt) || s.Digest != first.Digest {
			t.Errorf("source = %+v, want the first reader's part: %+v", s, first)
		}
		// Kept shared, but old: only good while the source fails.
		time.Sleep(2 * time.Minute)
		l.down.Store(true)
		three := compose(t, l.world(), tiered(tier, policy))
		want(t.Context(), t, three, "a", registrar.SourceStale)
		l.down.Store(false)
		time.Sleep(time.Minute)
		want(t.Context(), t, three, "c", registrar.SourceOK)
		// A drop reaches it.
		if err := one.Drop(t.Context(), aggregate.EnrollmentsTag(masters())); err != nil {
			t.Fatal(err)
		}
		want(t.Context(), t, compose(t, l.world(), tiered(tier, policy)), "d", registrar.SourceOK)
	})
}

// slowDrop lets somebody read before the shared tier has dropped.
type slowDrop struct {
	*shared
	before func()
}

func (s slowDrop) Drop(ctx context.Context, tags []string) error {
	s.before()
	return s.shared.Drop(ctx, tags)
}

func TestReadDuringADropDoesNotBringThePartBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lms{}
		var c *aggregate.Composer
		tier := slowDrop{shared: newShared(), before: func() { want(t.Context(), t, c, "a", registrar.SourceOK) }}
		c = compose(t, l.world(), tiered(tier, aggregate.Policy{Fresh: time.Hour}))
		want(t.Context(), t, c, "a", registrar.SourceOK)
		synctest.Wait()
		if err := c.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		want(t.Context(), t, c, "b", registrar.SourceOK)
	})
}

// deafTier cannot be told of a drop.
type deafTier struct{ *shared }

func (deafTier) Drop(context.Context, []string) error { return errors.New("10.0.0.7 is away") }

// Somebody who purges while the shared tier is away meets an outage, not a defect.
func TestDropWithoutTheTierIsUnavailable(t *testing.T) {
	t.Parallel()
	l := &lms{}
	c := compose(t, l.world(), tiered(deafTier{newShared()}, aggregate.Policy{Fresh: time.Hour}))
	err := c.Drop(t.Context(), aggregate.ProgramTag(masters()))
	e, ok := errors.AsType[*registrar.Error](err)
	if !ok || e.Kind != registrar.Unavailable || e.Detail == "" || strings.Contains(e.Detail, "10.0.0.7") {
		t.Errorf("drop = %v, want it unavailable, with a detail for anybody", err)
	}
}

func TestOvertakenFetchIsNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tier, l := newShared(), &lms{takes: time.Minute}
		c := compose(t, l.world(), tiered(tier, aggregate.Policy{Fresh: time.Hour}))
		go func() { want(t.Context(), t, c, "a", registrar.SourceOK) }()
		synctest.Wait()
		if err := c.Drop(t.Context(), aggregate.ProgramTag(masters())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(tier.parts); n != 0 {
			t.Errorf("the shared tier holds %d parts from before the drop", n)
		}
	})
}

func TestOlderSharedPartDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tier, l := newShared(), &lms{}
		c := compose(t, l.world(), tiered(tier, aggregate.Policy{Fresh: time.Minute, StaleIfError: time.Hour}))
		want(t.Context(), t, c, "a", registrar.SourceOK)
		time.Sleep(2 * time.Minute)
		tier.fail(errors.New("refused")) // so that it keeps the first walk
		want(t.Context(), t, c, "b", registrar.SourceOK)
		time.Sleep(2 * time.Minute)
		tier.fail(nil)
		l.down.Store(true)
		want(t.Context(), t, c, "b", registrar.SourceStale)
	})
}

func TestSharedTierMayFail(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*shared){
		"away": func(s *shared) { s.fail(errors.New("refused")) },
		"garbage": func(s *shared) {
			for key := range s.parts {
				s.parts[key] = damaged(`{"value":`)
			}
		},
		"another shape": func(s *shared) {
			for key := range s.parts {
				s.parts[key] = damaged(`{"fetched_at":"2025-01-01T00:00:00Z","value":{"a":1}}`)
			}
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tier, policy := newShared(), aggregate.Policy{Fresh: time.Minute}
				l := &lms{}
				want(t.Context(), t, compose(t, l.world(), tiered(tier, policy)), "a", registrar.SourceOK)
				synctest.Wait()
				damage(tier)
				c := compose(t, l.world(), tiered(tier, policy))
				want(t.Context(), t, c, "b", registrar.SourceOK)
				if err := c.Drop(t.Context(), aggregate.ProgramTag(masters())); (err != nil) != (tier.err != nil) {
					t.Errorf("Drop = %v, want the tier's word: %v", err, tier.err)
				}
				want(t.Context(), t, c, "c", registrar.SourceOK) // dropped here in any case
			})
		})
	}
}

// TestPartsSurviveTheSharedTier reads drawn parts from the sources, and again in
// another process from the tier: nothing may change on the way.
func TestPartsSurviveTheSharedTier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		percent := rapid.SampledFrom([]json.Number{"0", "1", "0.8300", "0.1", "9007199254740993", "1e-7"})
		text := rapid.SampledFrom([]string{"", "S-1", "Ünï <&> \"q\"", "a\nb", "9007199254740993"})
		w := &world{enrollments: listed(linked("S-1", "mira")), courseEnrollments: inRun(active("S-1"))}
		row := registrar.GradeRow{StudentKey: registrar.StudentKey(text.Draw(rt, "student")), Failed: rapid.Bool().Draw(rt, "failed")}
		if !row.Failed {
			row.Grade = registrar.Grade{Letter: text.Draw(rt, "letter"), Percent: percent.Draw(rt, "percent"), Passed: rapid.Bool().Draw(rt, "passed")}
		}
		w.courseGrades = func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
			return []registrar.GradeRow{row, {StudentKey: "S-2", Failed: true}}, nil
		}
		w.learnerGrade = func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
			return row.Grade, nil
		}
		count := rapid.Int64().Draw(rt, "count")
		completion := registrar.Completion{Complete: &count}
		if rapid.Bool().Draw(rt, "percentage") {
			completion = done(string(percent.Draw(rt, "completion")))
		}
		w.learnerCompletion = func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
			return completion, nil
		}
		w.courseCompletion = told(registrar.CompletionRow{Username: "mira", Completion: completion})
		certificate := registrar.Certificate{Course: details("").Runs()[2].Key, Status: text.Draw(rt, "status"), DownloadURL: text.Draw(rt, "url")}
		w.certificates = func(context.Context, registrar.Username) ([]registrar.Certificate, error) {
			return []registrar.Certificate{certificate}, nil
		}
		tier := newShared()
		before := readAll(t, rt, w, tier)
		asked := len(tier.parts)
		after := readAll(t, rt, &world{program: func(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error) {
			return registrar.ProgramDetails{}, errors.New("a source was asked")
		}}, tier)
		if diff := cmp.Diff(before, after, cmp.Comparer(sameKey)); diff != "" || asked == 0 {
			rt.Errorf("%d parts, changed on the way (-before +after):\n%s", asked, diff)
		}
	})
}

type all struct {
	Learners    []registrar.ProgramEnrollment
	Record      registrar.LearnerRecord
	Grades      []registrar.Table[registrar.GradeRow]
	Completion  []registrar.Table[registrar.LearnerCompletion]
	Enrollments []registrar.Table[registrar.CourseEnrollment]
	Digests     []string
}

// readAll asks every question once, and closes the Composer so that the tier has
// everything.
func readAll(t *testing.T, rt *rapid.T, w *world, tier aggregate.Tier) all {
	t.Helper()
	c, err := aggregate.New(aggregate.Config{Tier: tier}, w.sources())
	if err != nil {
		rt.Fatal(err)
	}
	var out all
	learners, err := c.Learners(t.Context(), masters())
	fatal(rt, err)
	record, err := c.Record(t.Context(), masters(), "S-1", everything())
	fatal(rt, err)
	grades, err := c.Grades(t.Context(), masters(), nil)
	fatal(rt, err)
	completion, err := c.Completion(t.Context(), masters(), nil)
	fatal(rt, err)
	enrollments, err := c.CourseEnrollments(t.Context(), masters(), nil)
	fatal(rt, err)
	fatal(rt, c.Close())
	out.Learners, out.Record, out.Grades = learners.Value, record.Value, grades.Value
	out.Completion, out.Enrollments = completion.Value, enrollments.Value
	for _, sources := range [][]registrar.Source{learners.Sources, record.Sources, grades.Sources, completion.Sources} {
		for _, s := range sources {
			if s.State != registrar.SourceOK {
				rt.Errorf("source %+v, want all of them to answer", s)
			}
			out.Digests = append(out.Digests, s.Digest)
		}
	}
	return out
}

func fatal(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}
