package aggregate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

const runA = registrar.CourseID("CS.101")

func completionOf(t *testing.T, w *world) registrar.Report[[]registrar.Table[registrar.LearnerCompletion]] {
	t.Helper()
	c := compose(t, w, aggregate.Config{})
	r, err := c.Completion(t.Context(), masters(), []registrar.CourseID{runA})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Value) != 1 {
		t.Fatalf("tables = %d, want 1", len(r.Value))
	}
	return r
}

func told(rows ...registrar.CompletionRow) func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
	return func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
		return rows, nil
	}
}

func TestCompletionJoinsByUsername(t *testing.T) {
	t.Parallel()
	var asked []registrar.Username
	say := told(
		registrar.CompletionRow{Username: "stranger", Completion: done("0.1")},
		registrar.CompletionRow{Username: "outsider", Completion: done("0.2")},
		registrar.CompletionRow{Username: "MIRA", Completion: done("0.75")},
		registrar.CompletionRow{Username: "zoe", Completion: done("0.5")},
	)
	promised := pending("S-2")
	promised.Account.Username = "outsider" // a name is no account
	w := &world{
		enrollments: listed(linked("Z-0", "Zoe"), linked("S-1", "mira"), linked("S-3", "ida"), linked("S-4", "eva"),
			linked("S-5", "elsewhere"), promised),
		courseEnrollments: inRun(active("s-1"), active("S-2"), active("S-3"), inactive("S-4"), inactive("z-0"), active("X-9")),
		courseCompletion: func(ctx context.Context, k registrar.CourseKey, users []registrar.Username) ([]registrar.CompletionRow, error) {
			asked = users
			return say(ctx, k, users)
		},
	}
	r := completionOf(t, w)
	if diff := cmp.Diff([]registrar.LearnerCompletion{
		{StudentKey: "S-1", Completion: done("0.75")},
		{StudentKey: "S-3", Failed: true}, // active, and the LMS said nothing
		{StudentKey: "Z-0", Completion: done("0.5")},
	}, r.Value[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]registrar.Username{"mira", "ida", "eva", "Zoe"}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if r.Value[0].State != registrar.TablePartial {
		t.Errorf("state = %s, want partial", r.Value[0].State)
	}
	a := key(t, "course-v1:NorthU+A+1").String()
	if diff := cmp.Diff([]line{
		{Name: registrar.FromDiscovery, State: registrar.SourceOK},
		{Name: registrar.FromProgramEnrollments, State: registrar.SourceOK},
		{Name: registrar.FromCourseEnrollments, Course: a, State: registrar.SourceOK},
		{Name: registrar.FromCompletion, Course: a, State: registrar.SourceOK},
	}, lines(r.Sources)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

func TestCompletionStates(t *testing.T) {
	t.Parallel()
	ok, failed, skipped := registrar.SourceOK, registrar.SourceFailed, registrar.SourceSkipped
	refuse := func(err error) func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
		return func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
			return nil, err
		}
	}
	mira := registrar.CompletionRow{Username: "mira", Completion: done("1")}
	tests := map[string]struct {
		world    world
		table    registrar.TableState
		rows     int
		enrolled registrar.SourceState
		source   registrar.SourceState
	}{
		"told":           {world: world{courseEnrollments: inRun(active("S-1")), courseCompletion: told(mira)}, table: registrar.TableOK, rows: 1, enrolled: ok, source: ok},
		"nobody in it":   {world: world{courseEnrollments: inRun(active("X")), courseCompletion: told(mira)}, table: registrar.TableEmpty, enrolled: ok, source: skipped},
		"switched off":   {world: world{courseEnrollments: inRun(active("S-1")), courseCompletion: refuse(notFound("completion_off"))}, table: registrar.TableEmpty, enrolled: ok, source: skipped},
		"unknown course": {world: world{courseEnrollments: inRun(active("S-1")), courseCompletion: refuse(notFound("course_does_not_exist"))}, table: registrar.TableFailed, enrolled: ok, source: failed},
		"no run listing": {
			world: world{
				courseEnrollments: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
					return nil, down()
				},
				courseCompletion: told(registrar.CompletionRow{Username: "stranger"}, mira),
			},
			table: registrar.TableOK, rows: 1, enrolled: failed, source: ok,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := test.world
			w.enrollments = listed(linked("S-1", "mira"), pending("S-2"))
			r := completionOf(t, &w)
			if got := r.Value[0]; got.State != test.table || len(got.Rows) != test.rows {
				t.Errorf("table = %s of %d rows, want %s of %d", got.State, len(got.Rows), test.table, test.rows)
			}
			if r.Sources[2].State != test.enrolled || r.Sources[3].State != test.source {
				t.Errorf("sources = %+v, want %s and %s", lines(r.Sources)[2:], test.enrolled, test.source)
			}
			for _, row := range r.Value[0].Rows {
				if row.StudentKey != "S-1" {
					t.Errorf("a row of %q, who is not a learner of the program", row.StudentKey)
				}
			}
		})
	}
}

func TestCompletionOfLearnersWithoutAUsername(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored map[registrar.StudentKey]registrar.Username
		err    error
		rows   int
		code   string
	}{
		"all in the link store":  {stored: map[registrar.StudentKey]registrar.Username{"s-1": "mira", "s-2": "ida"}, rows: 2},
		"one of them":            {stored: map[registrar.StudentKey]registrar.Username{"s-1": "mira"}, rows: 1, code: "username_unknown"},
		"the link store is down": {err: down(), code: "unavailable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{
				enrollments:       listed(linked("S-1", ""), linked("S-2", "")),
				courseEnrollments: inRun(active("S-1"), active("S-2")),
				courseCompletion: told(registrar.CompletionRow{Username: "mira", Completion: done("1")},
					registrar.CompletionRow{Username: "ida", Completion: done("0")}),
				usernames: func(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
					return test.stored, test.err
				},
			}
			r := completionOf(t, w)
			l := lines(r.Sources)[2]
			if len(r.Value[0].Rows) != test.rows || l.Name != registrar.FromLinkstore || l.Code != test.code {
				t.Errorf("%d rows, source %+v; want %d rows, code %q", len(r.Value[0].Rows), l, test.rows, test.code)
			}
			if r.Complete() != (test.code == "") {
				t.Errorf("complete = %t, with code %q", r.Complete(), test.code)
			}
		})
	}
}

// TestCompletionWall draws any program, run and LMS answer: a row never tells of
// somebody who is not a linked learner of the program, and every linked active
// learner of the run has exactly one.
func TestCompletionWall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.IntRange(0, 9), rapid.ID[int])
		spell := func(prefix string, i int, label string) string {
			s := prefix + string(rune('a'+i))
			if rapid.Bool().Draw(rt, label) {
				return strings.ToUpper(s)
			}
			return s
		}
		member := map[string]bool{}
		var program []registrar.ProgramEnrollment
		for _, i := range names.Draw(rt, "program") {
			program = append(program, linked(registrar.StudentKey(spell("k", i, "p")), registrar.Username(spell("u", i, "pu"))))
			member["k"+string(rune('a'+i))] = true
		}
		var course []registrar.CourseEnrollment
		inCourse := map[string]bool{}
		for _, i := range names.Draw(rt, "course") {
			course = append(course, active(registrar.StudentKey(spell("k", i, "c"))))
			inCourse["k"+string(rune('a'+i))] = true
		}
		var said []registrar.CompletionRow
		for _, i := range names.Draw(rt, "said") {
			said = append(said, registrar.CompletionRow{Username: registrar.Username(spell("u", i, "s"))})
		}
		w := &world{enrollments: listed(program...), courseEnrollments: inRun(course...), courseCompletion: told(said...)}
		r := completionOf(t, w)
		var got, want []string
		for _, row := range r.Value[0].Rows {
			got = append(got, string(row.StudentKey.Fold()))
		}
		for k := range member {
			if inCourse[k] {
				want = append(want, k)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Errorf("rows of %q, want %q", got, want)
		}
	})
}
