package aggregate_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// Where completion costs a call for each learner, one broken learner costs one
// row, and the table is not kept like a whole one.
func TestCompletionThatFailedForSome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		w := &world{
			enrollments:       listed(linked("S-1", "mira"), linked("S-2", "ida"), linked("S-3", "eva")),
			courseEnrollments: inRun(active("S-1"), active("S-2"), inactive("S-3")),
			courseCompletion: func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
				asked++
				if asked > 1 {
					return []registrar.CompletionRow{{Username: "mira", Completion: done("1")}, {Username: "ida", Completion: done("0.5")}}, nil
				}
				return []registrar.CompletionRow{{Username: "mira", Completion: done("1")}}, down()
			},
		}
		c := compose(t, w, aggregate.Config{})
		table := func(complete bool) registrar.Table[registrar.LearnerCompletion] {
			r, err := c.Completion(t.Context(), masters(), []registrar.CourseID{runA})
			if err != nil {
				t.Fatal(err)
			}
			if r.Complete() != complete {
				t.Errorf("complete = %t, want %t", r.Complete(), complete)
			}
			return r.Value[0]
		}
		got := table(false)
		if diff := cmp.Diff([]registrar.LearnerCompletion{
			{StudentKey: "S-1", Completion: done("1")}, {StudentKey: "S-2", Failed: true}, {StudentKey: "S-3", Failed: true},
		}, got.Rows); diff != "" || got.State != registrar.TablePartial {
			t.Errorf("state %s, rows (-want +got):\n%s", got.State, diff)
		}
		time.Sleep(time.Minute) // Negative is over, Fresh is not
		table(false)
		synctest.Wait()
		if got := table(true); got.State != registrar.TableOK || asked != 2 {
			t.Errorf("state %s after asking %d times, want the renewed table", got.State, asked)
		}
	})
}

func TestCompletionOfLearnersWithoutAUsername(t *testing.T) {
	t.Parallel()
	type names = map[registrar.StudentKey]registrar.Username
	mira, ida := registrar.Link{StudentKey: "S-1", Username: "mira"}, registrar.Link{StudentKey: "S-2", Username: "ida"}
	tests := map[string]struct {
		stored names
		err    error
		sso    []registrar.Link
		ssoErr error
		told   int // learners whose completion is known; the other one's row has failed
		code   string
	}{
		"all in the link store":        {stored: names{"s-1": "mira", "s-2": "ida"}, told: 2},
		"one by the SSO mapping":       {stored: names{"s-1": "mira"}, sso: []registrar.Link{ida}, told: 2},
		"one of them nowhere":          {stored: names{"s-1": "mira"}, told: 1, code: "username_unknown"},
		"all by the SSO mapping":       {err: down(), sso: []registrar.Link{mira, ida}, told: 2},
		"none, for both were down":     {err: down(), ssoErr: down(), code: "unavailable"},
		"one, and the mapping is down": {stored: names{"s-2": "ida"}, ssoErr: down(), told: 1, code: "unavailable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{
				enrollments:       listed(linked("S-1", ""), linked("S-2", "")),
				courseEnrollments: inRun(active("S-1"), active("S-2")),
				courseCompletion: told(registrar.CompletionRow{Username: "mira", Completion: done("1")},
					registrar.CompletionRow{Username: "ida", Completion: done("0")}),
				usernames: func(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (names, error) {
					return test.stored, test.err
				},
				organization: func(_ context.Context, o registrar.OrganizationKey) (registrar.Organization, error) {
					return registrar.Organization{Key: o, SSOSlug: "northu"}, nil
				},
				links: func(context.Context, string, []registrar.StudentKey) ([]registrar.Link, error) {
					return test.sso, test.ssoErr
				},
			}
			r := completionOf(t, w)
			rows := r.Value[0].Rows
			failed := slices.DeleteFunc(slices.Clone(rows), func(r registrar.LearnerCompletion) bool { return !r.Failed })
			if len(rows) != 2 || 2-len(failed) != test.told {
				t.Errorf("%d rows, %d of them failed; want 2 rows and %d told", len(rows), len(failed), test.told)
			}
			var code string
			for _, l := range lines(r.Sources) {
				if code == "" {
					code = l.Code
				}
			}
			if code != test.code || r.Complete() != (test.code == "") {
				t.Errorf("complete = %t, code %q; want code %q", r.Complete(), code, test.code)
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
