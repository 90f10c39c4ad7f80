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

// campus is a world where learner S-1 (mira) is active in run A, inactive in run
// B and not in run C.
func campus(tb testing.TB) *world {
	tb.Helper()
	a, b := key(tb, "course-v1:NorthU+A+1"), key(tb, "course-v1:NorthU+B+1")
	return &world{
		enrollments: listed(linked("S-0", "zoe"), linked("s-1", "mira"), pending("S-2")),
		courseEnrollments: func(_ context.Context, _ registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
			switch k {
			case a:
				return []registrar.CourseEnrollment{inactive("S-1"), active("S-1"), active("S-2")}, nil
			case b:
				return []registrar.CourseEnrollment{inactive("S-1")}, nil
			}
			return nil, nil
		},
		learnerGrade: func(_ context.Context, _ registrar.Username, k registrar.CourseKey) (registrar.Grade, error) {
			if k == a {
				return registrar.Grade{Letter: "B", Percent: "0.8100", Passed: true}, nil
			}
			return registrar.Grade{}, notFound("user_not_enrolled")
		},
		learnerCompletion: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
			return done("0.75"), nil
		},
		certificates: func(context.Context, registrar.Username) ([]registrar.Certificate, error) {
			return []registrar.Certificate{
				{Course: key(tb, "course-v1:SouthU+Secret+1"), Status: "downloadable"},
				{Course: b, Status: "downloadable", DownloadURL: "https://lms.example.edu/c/1"},
				// Of a run of the program, but by a seat from elsewhere.
				{Course: key(tb, "NorthU/C/1"), Status: "downloadable", DownloadURL: "https://lms.example.edu/c/2"},
			}, nil
		},
	}
}

func TestRecordOfALinkedLearner(t *testing.T) {
	t.Parallel()
	c := compose(t, campus(t), aggregate.Config{})
	r, err := c.Record(t.Context(), masters(), " S-1", everything())
	if err != nil {
		t.Fatal(err)
	}
	runs := details("").Runs()
	completion := done("0.75")
	want := registrar.LearnerRecord{
		Enrollment: linked("s-1", "mira"),
		Courses: []registrar.LearnerCourse{
			{
				Run: runs[0], Status: new(registrar.CourseActive), Completion: &completion,
				Grade: &registrar.Grade{Letter: "B", Percent: "0.8100", Passed: true},
			},
			{
				Run: runs[1], Status: new(registrar.CourseInactive), Completion: &completion,
				Certificate: &registrar.Certificate{Course: runs[1].Key, Status: "downloadable", DownloadURL: "https://lms.example.edu/c/1"},
			},
			{Run: runs[2]},
		},
	}
	if diff := cmp.Diff(want, r.Value, cmp.Comparer(sameKey)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if !r.Complete() {
		t.Error("the record is not complete")
	}
	const a, b, cc = "course-v1:NorthU+A+1", "course-v1:NorthU+B+1", "NorthU/C/1"
	if diff := cmp.Diff([]line{
		{Name: registrar.FromDiscovery, State: registrar.SourceOK},
		{Name: registrar.FromProgramEnrollments, State: registrar.SourceOK},
		{Name: registrar.FromCourseEnrollments, Course: a, State: registrar.SourceOK},
		{Name: registrar.FromGrades, Course: a, State: registrar.SourceOK},
		{Name: registrar.FromCompletion, Course: a, State: registrar.SourceOK},
		{Name: registrar.FromCourseEnrollments, Course: b, State: registrar.SourceOK},
		{Name: registrar.FromGrades, Course: b, State: registrar.SourceOK},
		{Name: registrar.FromCompletion, Course: b, State: registrar.SourceOK},
		{Name: registrar.FromCourseEnrollments, Course: cc, State: registrar.SourceOK},
		{Name: registrar.FromGrades, Course: cc, State: registrar.SourceSkipped},
		{Name: registrar.FromCompletion, Course: cc, State: registrar.SourceSkipped},
		{Name: registrar.FromCertificates, State: registrar.SourceOK},
	}, lines(r.Sources)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

func sameKey(a, b registrar.CourseKey) bool { return a == b }

func TestRecordOfAPendingLearner(t *testing.T) {
	t.Parallel()
	w := campus(t)
	w.certificates = func(context.Context, registrar.Username) ([]registrar.Certificate, error) {
		t.Error("certificates asked for a learner without an account")
		return nil, nil
	}
	c := compose(t, w, aggregate.Config{})
	r, err := c.Record(t.Context(), masters(), "S-2", everything())
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Value.Courses[0].Status; s == nil || *s != registrar.CourseActive {
		t.Errorf("status = %v, want active: course rows exist without an account", s)
	}
	if r.Value.Courses[0].Grade != nil || r.Value.Courses[0].Completion != nil || !r.Complete() {
		t.Errorf("record = %+v, complete %t; want no parts and nothing missing", r.Value.Courses[0], r.Complete())
	}
	skipped := 0
	for _, s := range r.Sources {
		if s.State == registrar.SourceSkipped {
			skipped++
		}
	}
	if skipped != 7 {
		t.Errorf("skipped sources = %d, want grades and completion of 3 runs, and certificates", skipped)
	}
}

func TestRecordWithoutOptionalParts(t *testing.T) {
	t.Parallel()
	c := compose(t, campus(t), aggregate.Config{})
	r, err := c.Record(t.Context(), masters(), "S-1", registrar.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	unasked := []registrar.SourceName{registrar.FromGrades, registrar.FromCompletion, registrar.FromCertificates}
	for _, s := range r.Sources {
		if slices.Contains(unasked, s.Name) {
			t.Errorf("source %s for a part that nobody asked for", s.Name)
		}
	}
	if got := r.Value.Courses[0]; got.Grade != nil || got.Completion != nil || got.Status == nil {
		t.Errorf("course = %+v, want the status alone", got)
	}
}

func TestFailedPartsDoNotHideTheOthers(t *testing.T) {
	t.Parallel()
	a := key(t, "course-v1:NorthU+A+1")
	dead := registrar.SourceFailed
	tests := map[string]struct {
		kill func(*world)
		want line
	}{
		"grades": {
			kill: func(w *world) {
				w.learnerGrade = func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
					return registrar.Grade{}, down()
				}
			},
			want: line{Name: registrar.FromGrades, Course: a.String(), State: dead, Code: "unavailable"},
		},
		"completion": {
			kill: func(w *world) {
				w.learnerCompletion = func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
					panic("completion")
				}
			},
			want: line{Name: registrar.FromCompletion, Course: a.String(), State: dead, Code: "internal"},
		},
		"certificates": {
			kill: func(w *world) {
				w.certificates = func(context.Context, registrar.Username) ([]registrar.Certificate, error) { return nil, down() }
			},
			want: line{Name: registrar.FromCertificates, State: dead, Code: "unavailable"},
		},
		"course enrollments": {
			kill: func(w *world) {
				w.courseEnrollments = func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
					return nil, notFound("course_not_in_program")
				}
			},
			want: line{Name: registrar.FromCourseEnrollments, Course: a.String(), State: dead, Code: "course_not_in_program"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := campus(t)
			test.kill(w)
			c := compose(t, w, aggregate.Config{})
			r, err := c.Record(t.Context(), masters(), "S-1", everything())
			if err != nil {
				t.Fatal(err)
			}
			if r.Complete() || !slices.Contains(lines(r.Sources), test.want) {
				t.Errorf("sources = %+v, want %+v among them", lines(r.Sources), test.want)
			}
			got := r.Value.Courses
			have := map[string]bool{
				"grades": got[0].Grade != nil, "completion": got[0].Completion != nil,
				"certificates": got[1].Certificate != nil, "course enrollments": got[0].Status != nil,
			}
			for part, ok := range have {
				if ok == (part == name) {
					t.Errorf("%s there = %t while %s is dead", part, ok, name)
				}
			}
		})
	}
}

func TestSiteWithoutCompletion(t *testing.T) {
	t.Parallel()
	w := campus(t)
	w.learnerCompletion = func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
		return registrar.Completion{}, notFound("completion_off")
	}
	c := compose(t, w, aggregate.Config{})
	for range 2 { // asked, then from the cache
		r, err := c.Record(t.Context(), masters(), "S-1", everything())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Sources, func(s registrar.Source) bool { return s.Name == registrar.FromCompletion })
		if r.Sources[i].State != registrar.SourceSkipped || r.Sources[i].Err != nil || !r.Complete() {
			t.Errorf("completion = %+v, want skipped", r.Sources[i])
		}
	}
}

func TestRequiredPartsFailTheRecord(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kill func(*world)
		kind registrar.Kind
		code string
	}{
		"discovery is down": {
			kill: func(w *world) {
				w.program = func(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error) {
					return registrar.ProgramDetails{}, registrar.Fail(registrar.Timeout, "Late.", nil)
				}
			},
			kind: registrar.Timeout, code: "timeout",
		},
		"the listing is down": {
			kill: func(w *world) {
				w.enrollments = func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
					return nil, down()
				}
			},
			kind: registrar.Unavailable, code: "unavailable",
		},
		"the LMS has no such program": {
			kill: func(w *world) {
				w.enrollments = func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
					return nil, notFound("gone")
				}
			},
			kind: registrar.NotFound, code: "gone",
		},
		"the learner is not in it": {
			kill: func(w *world) { w.enrollments = listed(linked("S-10", "x"), linked("", "keyless")) },
			kind: registrar.NotFound, code: "learner_not_in_program",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := campus(t)
			test.kill(w)
			c := compose(t, w, aggregate.Config{})
			for _, k := range []registrar.StudentKey{"S-1", "s-1 "} {
				_, err := c.Record(t.Context(), masters(), k, everything())
				if registrar.KindOf(err) != test.kind || registrar.CodeOf(err) != test.code {
					t.Errorf("err = %v, want %s %s", err, test.kind, test.code)
				}
			}
		})
	}
}

func TestEmptyKeyIsNobody(t *testing.T) {
	t.Parallel()
	c := compose(t, &world{enrollments: listed(linked("", "keyless"))}, aggregate.Config{})
	for _, k := range []registrar.StudentKey{"", "  "} {
		if _, err := c.Record(t.Context(), masters(), k, everything()); registrar.CodeOf(err) != "learner_not_in_program" {
			t.Errorf("key %q: err = %v, want not found", k, err)
		}
	}
}

func TestWhichOfALearnersRows(t *testing.T) {
	t.Parallel()
	row := func(status registrar.ProgramStatus, curriculum registrar.CurriculumUUID) registrar.ProgramEnrollment {
		r := linked("S-1", "mira")
		r.Status, r.Curriculum = status, curriculum
		return r
	}
	tests := map[string]struct {
		rows []registrar.ProgramEnrollment
		want int
	}{
		"the active curriculum's":                  {rows: []registrar.ProgramEnrollment{row("enrolled", retired), row("enrolled", curriculum)}, want: 1},
		"the active curriculum's, though canceled": {rows: []registrar.ProgramEnrollment{row("enrolled", retired), row("canceled", curriculum)}, want: 1},
		"not a canceled one":                       {rows: []registrar.ProgramEnrollment{row("canceled", retired), row("ended", retired)}, want: 1},
		"else the first":                           {rows: []registrar.ProgramEnrollment{row("ended", retired), row("enrolled", retired)}, want: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compose(t, &world{enrollments: listed(test.rows...)}, aggregate.Config{})
			r, err := c.Record(t.Context(), masters(), "S-1", registrar.Parts{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.rows[test.want], r.Value.Enrollment); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUsernameThatTheListingDoesNotTell(t *testing.T) {
	t.Parallel()
	school := func(context.Context, registrar.OrganizationKey) (registrar.Organization, error) {
		return registrar.Organization{SSOSlug: "northu"}, nil
	}
	names := func(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
		return map[registrar.StudentKey]registrar.Username{"s-1": "mira"}, nil
	}
	sso := func(_ context.Context, slug string, keys []registrar.StudentKey) ([]registrar.Link, error) {
		if slug != "northu" {
			return nil, errors.New("slug " + slug)
		}
		return []registrar.Link{{StudentKey: "other", Username: "not-me"}, {StudentKey: "s-1", Username: "mira"}}, nil
	}
	ok, failed := registrar.SourceOK, registrar.SourceFailed
	tests := map[string]struct {
		world   world
		user    registrar.Username
		sources []line // after discovery and the listing
	}{
		"in the link store": {
			world: world{usernames: names}, user: "mira",
			sources: []line{{Name: registrar.FromLinkstore, State: ok}},
		},
		"by the SSO mapping": {
			world: world{organization: school, links: sso}, user: "mira",
			sources: []line{{Name: registrar.FromAccounts, State: ok}},
		},
		"by the SSO mapping, the link store being down": {
			world: world{organization: school, links: sso, usernames: func(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
				return nil, down()
			}},
			user:    "mira",
			sources: []line{{Name: registrar.FromAccounts, State: ok}},
		},
		"nowhere": {
			sources: []line{{Name: registrar.FromLinkstore, State: ok}, {Name: registrar.FromAccounts, State: ok}},
		},
		"the mapping is down": {
			world: world{organization: school, links: func(context.Context, string, []registrar.StudentKey) ([]registrar.Link, error) {
				return nil, down()
			}},
			sources: []line{{Name: registrar.FromLinkstore, State: ok}, {Name: registrar.FromAccounts, State: failed, Code: "unavailable"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := test.world
			w.enrollments, w.courseEnrollments = listed(linked("S-1", "")), inRun(active("S-1"))
			var asked []registrar.Username
			w.certificates = func(_ context.Context, u registrar.Username) ([]registrar.Certificate, error) {
				asked = append(asked, u)
				return nil, nil
			}
			c := compose(t, &w, aggregate.Config{})
			r, err := c.Record(t.Context(), masters(), "S-1", everything())
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Value.Enrollment.Account.Username; got != test.user {
				t.Errorf("username = %q, want %q", got, test.user)
			}
			if diff := cmp.Diff(test.sources, lines(r.Sources)[2:2+len(test.sources)]); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
			last := lines(r.Sources)[len(r.Sources)-1]
			if known := test.user != ""; known != slices.Equal(asked, []registrar.Username{"mira"}) || known != (last.State == ok) {
				t.Errorf("certificates of %q, %+v; known = %t", asked, last, known)
			}
			if test.user == "" && (last.Code != "username_unknown" || r.Complete()) {
				t.Errorf("certificates = %+v, want them failed for want of a username", last)
			}
		})
	}
}

func TestASlowRunTakesTimeFromItselfAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := key(t, "course-v1:NorthU+B+1")
		w := campus(t)
		quick := w.courseEnrollments
		w.courseEnrollments = func(ctx context.Context, u registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
			if k == slow {
				time.Sleep(time.Minute)
			}
			return quick(ctx, u, k)
		}
		c := compose(t, w, aggregate.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		r, err := c.Record(ctx, masters(), "S-1", everything())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 8500*time.Millisecond {
			t.Errorf("took %v of 10 s, want 85 %% at most", took)
		}
		want := []line{{Name: registrar.FromCourseEnrollments, Course: slow.String(), State: registrar.SourceFailed, Code: "timeout"}}
		var bad []line
		for _, l := range lines(r.Sources) {
			if l.State == registrar.SourceFailed {
				bad = append(bad, l)
			}
		}
		if diff := cmp.Diff(want, bad); diff != "" {
			t.Errorf("failed sources (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // the flight lands, for the next reader
		if r, err := c.Record(ctx, masters(), "S-1", registrar.Parts{}); err != nil || r.Value.Courses[1].Status == nil {
			t.Errorf("a minute later: %+v, %v; want the status from the cache", r.Value, err)
		}
	})
}

// TestArrivalOrderDoesNotMatter lets the answers of a cold record come in every
// order of its course runs.
func TestArrivalOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	runs := details("").Runs()
	var first *registrar.Report[registrar.LearnerRecord]
	var mu sync.Mutex
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			w := campus(t)
			late := func(k registrar.CourseKey) {
				i := slices.IndexFunc(runs, func(r registrar.CourseRun) bool { return r.Key == k })
				time.Sleep(time.Duration(order[i]+1) * time.Second)
			}
			rows, grade := w.courseEnrollments, w.learnerGrade
			w.courseEnrollments = func(ctx context.Context, u registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
				late(k)
				return rows(ctx, u, k)
			}
			w.learnerGrade = func(ctx context.Context, u registrar.Username, k registrar.CourseKey) (registrar.Grade, error) {
				late(k)
				return grade(ctx, u, k)
			}
			c := compose(t, w, aggregate.Config{})
			r, err := c.Record(t.Context(), masters(), "S-1", everything())
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Sources {
				r.Sources[i].Took, r.Sources[i].FetchedAt, r.Sources[i].ExpiresIn = 0, time.Time{}, 0
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = &r
			}
			if diff := cmp.Diff(*first, r, cmp.Comparer(sameKey)); diff != "" {
				t.Errorf("order %v differs:\n%s", order, diff)
			}
		})
	}
}
