package aggregate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

func TestGradeTables(t *testing.T) {
	t.Parallel()
	good := registrar.GradeRow{StudentKey: "S-9", Grade: registrar.Grade{Letter: "A", Percent: "0.90", Passed: true}}
	bad := registrar.GradeRow{StudentKey: "S-1", Failed: true}
	answers := map[registrar.CourseKey]func() ([]registrar.GradeRow, error){
		key(t, "course-v1:NorthU+A+1"): func() ([]registrar.GradeRow, error) { return []registrar.GradeRow{good, bad}, nil },
		key(t, "course-v1:NorthU+B+1"): func() ([]registrar.GradeRow, error) { return nil, down() },
		key(t, "NorthU/C/1"):           func() ([]registrar.GradeRow, error) { return nil, nil },
	}
	w := &world{courseGrades: func(_ context.Context, _ registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.GradeRow, error) {
		return answers[k]()
	}}
	c := compose(t, w, aggregate.Config{})
	r, err := c.Grades(t.Context(), masters(), nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := details("").Runs()
	if diff := cmp.Diff([]registrar.Table[registrar.GradeRow]{
		{Run: runs[0], State: registrar.TablePartial, Rows: []registrar.GradeRow{good, bad}},
		{Run: runs[1], State: registrar.TableFailed},
		{Run: runs[2], State: registrar.TableEmpty, Rows: []registrar.GradeRow{}},
	}, r.Value, cmp.Comparer(sameKey)); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]line{
		{Name: registrar.FromDiscovery, State: registrar.SourceOK},
		{Name: registrar.FromGrades, Course: runs[0].Key.String(), State: registrar.SourceOK},
		{Name: registrar.FromGrades, Course: runs[1].Key.String(), State: registrar.SourceFailed, Code: "unavailable"},
		{Name: registrar.FromGrades, Course: runs[2].Key.String(), State: registrar.SourceOK},
	}, lines(r.Sources)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

func TestTablesOfNamedRuns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ids  []registrar.CourseID
		want []string
		code string
	}{
		"none is all":                    {want: []string{"CS.101", "course-v1:NorthU+B+1", "NorthU/C/1"}},
		"in curriculum order":            {ids: []registrar.CourseID{"NorthU/C/1", "CS.101"}, want: []string{"CS.101", "NorthU/C/1"}},
		"each once":                      {ids: []registrar.CourseID{"course-v1:NorthU+A+1", "CS.101"}, want: []string{"CS.101"}},
		"one that is not in the program": {ids: []registrar.CourseID{"CS.101", "course-v1:SouthU+A+1"}, code: "course_not_in_program"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compose(t, &world{courseEnrollments: inRun(active("S-1"), inactive("S-1"))}, aggregate.Config{})
			r, err := c.CourseEnrollments(t.Context(), masters(), test.ids)
			if test.code != "" {
				if registrar.CodeOf(err) != test.code {
					t.Errorf("err = %v, want %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, table := range r.Value {
				got = append(got, table.Run.ID())
				if diff := cmp.Diff([]registrar.CourseEnrollment{active("S-1"), inactive("S-1")}, table.Rows); diff != "" || table.State != registrar.TableOK {
					t.Errorf("%s: %s, rows (-want +got):\n%s", table.Run.ID(), table.State, diff)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTablesNeedTheDetails(t *testing.T) {
	t.Parallel()
	w := &world{program: func(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error) {
		return registrar.ProgramDetails{}, down()
	}}
	c := compose(t, w, aggregate.Config{})
	_, grades := c.Grades(t.Context(), masters(), nil)
	_, enrollments := c.CourseEnrollments(t.Context(), masters(), nil)
	_, completion := c.Completion(t.Context(), masters(), nil)
	for name, err := range map[string]error{"grades": grades, "enrollments": enrollments, "completion": completion} {
		if registrar.KindOf(err) != registrar.Unavailable {
			t.Errorf("%s: err = %v, want Discovery's", name, err)
		}
	}
}

// TestTablesOfNothing has every source of rows fail: where trying again may help
// that is an error, not a table that looks as if nobody were in it.
func TestTablesOfNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want registrar.Kind // empty: told run by run
	}{
		"away":    {err: down(), want: registrar.Unavailable},
		"unknown": {err: notFound("course_does_not_exist")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compose(t, &world{
				enrollments: listed(linked("S-1", "mira")),
				courseEnrollments: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
					return nil, test.err
				},
				courseGrades: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
					return nil, test.err
				},
				courseCompletion: func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
					return nil, test.err
				},
			}, aggregate.Config{})
			_, grades := c.Grades(t.Context(), masters(), nil)
			_, one := c.Grades(t.Context(), masters(), []registrar.CourseID{"CS.101"})
			_, enrollments := c.CourseEnrollments(t.Context(), masters(), nil)
			_, completion := c.Completion(t.Context(), masters(), nil)
			for what, err := range map[string]error{"grades": grades, "one run": one, "enrollments": enrollments, "completion": completion} {
				if (err != nil) != (test.want != "") || (err != nil && registrar.KindOf(err) != test.want) {
					t.Errorf("%s: err = %v, want kind %q", what, err, test.want)
				}
			}
		})
	}
}

func TestFanOutIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		w := &world{courseGrades: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return nil, nil
		}}
		c := compose(t, w, aggregate.Config{FanOut: 2})
		start := time.Now()
		if _, err := c.Grades(t.Context(), masters(), nil); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 2 || time.Since(start) != 2*time.Second {
			t.Errorf("at most %d at a time, in %v; want 2, in 2 s for 3 runs", most.Load(), time.Since(start))
		}
	})
}

func TestFanOutLeavesTimeToAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{courseGrades: func(ctx context.Context, _ registrar.ProgramUUID, _ registrar.CourseKey) ([]registrar.GradeRow, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		c := compose(t, w, aggregate.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Grades(ctx, masters(), nil)
		if registrar.KindOf(err) != registrar.Timeout || time.Since(start) != 8500*time.Millisecond {
			t.Fatalf("Grades = %v after %v, want a timeout after 8.5 s of 10 s", err, time.Since(start))
		}
	})
}

// TestPanicInARead has the policy panic, which the readers of a record call in
// goroutines of their own.
func TestPanicInARead(t *testing.T) {
	t.Parallel()
	c := compose(t, campus(t), aggregate.Config{Policy: func(v aggregate.View) aggregate.Policy {
		if v == aggregate.ViewLearnerGrades || v == aggregate.ViewCertificates {
			panic("policy")
		}
		return aggregate.DefaultPolicy(v)
	}})
	r, err := c.Record(t.Context(), masters(), "S-1", everything())
	if err != nil || r.Value.Courses[0].Completion == nil || r.Complete() {
		t.Fatalf("record = %+v, %v; want the completion, not complete", r.Value, err)
	}
	for _, s := range r.Sources {
		if s.State == registrar.SourceFailed && registrar.KindOf(s.Err) != registrar.Internal {
			t.Errorf("source %+v, want an internal failure", s)
		}
	}
}

// TestPanicInABranch asks for a program that is none: its branch panics before it
// reads, for want of a scope.
func TestPanicInABranch(t *testing.T) {
	t.Parallel()
	c := compose(t, &world{enrollments: listed(linked("S-1", "mira"))}, aggregate.Config{})
	r, err := c.ProgramsOf(t.Context(), "S-1", []registrar.Program{{}, masters()})
	if err != nil || len(r.Value) != 1 || r.Value[0].Program != "masters-cs" {
		t.Fatalf("ProgramsOf = %+v, %v; want the other program", r.Value, err)
	}
	if s := r.Sources[1]; s.State != registrar.SourceFailed || registrar.KindOf(s.Err) != registrar.Internal {
		t.Errorf("source = %+v, want an internal failure", s)
	}
}
