package routes_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/internal/registrar"
)

func TestLearnerFilters(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		query string
		want  string
	}{
		"none":                      {"", "S-1001 S-1002"},
		"status":                    {"?status=pending", "S-1002"},
		"status that nobody has":    {"?status=ended", ""},
		"account linked":            {"?account=linked", "S-1001"},
		"account pending":           {"?account=pending", "S-1002"},
		"student key, by any case":  {"?student_key=s-1002", "S-1002"},
		"student key of nobody":     {"?student_key=s-9", ""},
		"filters that exclude each": {"?student_key=s-1002&account=linked", ""},
		"empty values":              {"?status=&account=&student_key=", "S-1001 S-1002"},
		"second page":               {"?page_size=1&page=2", "S-1002"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse[listed](t, newClient(t, newWorld(t)).get(t, "/api/v3/programs/masters-cs/learners"+tc.query))
			if got.keys() != tc.want {
				t.Errorf("learners %q, want %q", got.keys(), tc.want)
			}
		})
	}
}

func TestLearnerFilterMistakes(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for query, code := range map[string]string{
		"?status=cancelled": "unknown_status", "?account=none": "unknown_account_state",
		"?format=csv": "unknown_format", "?status=%zz": "malformed_query",
	} {
		got := cl.get(t, "/api/v3/programs/masters-cs/learners"+query)
		if got.status != 400 || !strings.Contains(got.body, `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s, want 400 %s", query, got.status, got.body, code)
		}
	}
}

// A link into a program that the caller may not read stays unseen, whatever the
// index says, and the index is not even asked about it.
func TestProgramsOfALearnerStayBehindTheWall(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ caller, query, among, want string }{
		"own school":            {"JWT registrar", "", "[masters-cs masters-ds]", "masters-cs masters-ds"},
		"all schools":           {"JWT root", "", "[masters-cs masters-ds north-ma]", "masters-cs masters-ds north-ma"},
		"one school":            {"JWT root", "?org=NorthU", "[north-ma]", "north-ma"},
		"a school of others":    {"JWT registrar", "?org=NorthU", "[]", ""},
		"no enrollments to see": {"JWT clerk", "", "[]", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			known, among := w.learners.programsOf, []registrar.ProgramKey{}
			w.learners.programsOf = func(s registrar.StudentKey, ps []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
				for _, p := range ps {
					among = append(among, p.Key)
				}
				return known(s, ps)
			}
			got := parse[listed](t, newClient(t, w).get(t, "/api/v3/learners/s-1001/programs"+tc.query, "Authorization", tc.caller))
			if got.keys() != tc.want || fmt.Sprint(among) != tc.among || !got.Complete {
				t.Errorf("programs %q among %v, want %q among %s", got.keys(), among, tc.want, tc.among)
			}
		})
	}
}

func TestProgramsOfALearnerWithAnUnknownSchool(t *testing.T) {
	t.Parallel()
	if got := newClient(t, newWorld(t)).get(t, "/api/v3/learners/s-1001/programs?org=nope"); got.status != 404 {
		t.Errorf("status %d, want 404", got.status)
	}
}

// A program whose type is not known is left out, and the answer says so.
func TestProgramsOfALearnerWithAFailedProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known := w.catalog.detailsOf
	w.catalog.detailsOf = func(ps []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
		report := known(ps)
		delete(report.Value, "masters-ds")
		report.Sources = append(report.Sources, failed(registrar.FromDiscovery, registrar.CourseKey{}))
		return report
	}
	got := parse[listed](t, newClient(t, w).get(t, "/api/v3/learners/s-1001/programs"))
	last := got.Sources[len(got.Sources)-2]
	if got.keys() != "masters-cs" || got.Complete || last.State != "failed" || last.Code != "timeout" {
		t.Errorf("got %+v", got)
	}
}

// "None" would read as a learner who has left the school.
func TestProgramsOfALearnerWithoutAnyDetails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		source registrar.Source
		status int
	}{
		"away":    {failed(registrar.FromDiscovery, registrar.CourseKey{}), 504},
		"unknown": {fetched(registrar.FromDiscovery, registrar.CourseKey{}), 200},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.catalog.detailsOf = func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
				return reportOf(map[registrar.ProgramKey]registrar.ProgramDetails{}, tc.source)
			}
			if got := newClient(t, w).get(t, "/api/v3/learners/s-1001/programs"); got.status != tc.status {
				t.Errorf("status %d, want %d: %s", got.status, tc.status, got.body)
			}
		})
	}
}

func TestLearnerErrorsPassThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.learners.programsOf = func(registrar.StudentKey, []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
		return reportOf[[]registrar.ProgramLink](nil), errors.New("linkstore: no connection")
	}
	cl := newClient(t, w)
	if got := cl.get(t, "/api/v3/learners/s-1001/programs"); got.status != 500 {
		t.Errorf("a broken link store gives %d, want 500", got.status)
	}
	for _, part := range []string{"", "/courses", "/grades", "/completion"} {
		got := cl.get(t, "/api/v3/programs/masters-cs/learners/s-9"+part)
		if got.status != 404 || !strings.Contains(got.body, "learner_not_in_program") {
			t.Errorf("unknown learner%s: %d %s", part, got.status, got.body)
		}
	}
}

func TestARecordAsksForItsPartsAlone(t *testing.T) {
	t.Parallel()
	w, asked := newWorld(t), []registrar.Parts{}
	known := w.learners.record
	w.learners.record = func(s registrar.StudentKey, parts registrar.Parts) (registrar.Report[registrar.LearnerRecord], error) {
		asked = append(asked, parts)
		return known(s, parts)
	}
	cl := newClient(t, w)
	for _, part := range []string{"", "/courses", "/grades", "/completion"} {
		cl.get(t, "/api/v3/programs/masters-cs/learners/s-1001"+part)
	}
	want := []registrar.Parts{{Grades: true, Completion: true, Certificates: true}, {}, {Grades: true}, {Completion: true}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// Any student key without a slash arrives as the school spells it.
func TestStudentKeysArriveUnharmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got registrar.StudentKey
	w.learners.record = func(s registrar.StudentKey, _ registrar.Parts) (registrar.Report[registrar.LearnerRecord], error) {
		got = s
		return reportOf(registrar.LearnerRecord{Enrollment: registrar.ProgramEnrollment{
			StudentKey: s, Status: "enrolled", Account: registrar.Account{State: registrar.Pending},
		}}), nil
	}
	cl := newClient(t, w)
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != '/' && !unicode.IsControl(r) }), 1, 60, 255).
			Filter(func(s string) bool { return strings.TrimSpace(s) != "" }).Draw(rt, "key")
		reply := cl.get(t, "/api/v3/programs/masters-cs/learners/"+url.PathEscape(key))
		if reply.status != 200 || string(got) != key {
			rt.Fatalf("%q arrived as %q (%d)", key, got, reply.status)
		}
	})
}

func TestStudentKeysThatNameNobody(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for _, key := range []string{"a%2Fb", "a%2fb", "%zz", "%20", "a%00b", "a%0Ab", "%ff", strings.Repeat("k", 256)} {
		for _, target := range []string{"/api/v3/programs/masters-cs/learners/" + key, "/api/v3/learners/" + key + "/programs"} {
			if got := cl.get(t, target); got.status != 404 {
				t.Errorf("%s: status %d, want 404", target, got.status)
			}
		}
	}
}

// fiber overwrites the strings it hands out; what was passed on must not change.
func TestWhatIsPassedOnIsACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var students []registrar.StudentKey
	w.learners.programsOf = func(s registrar.StudentKey, _ []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
		students = append(students, s)
		return reportOf[[]registrar.ProgramLink](nil), nil
	}
	address := serve(t, w)
	var want []registrar.StudentKey
	for i := range 50 {
		want = append(want, registrar.StudentKey(fmt.Sprintf("student-%02d", i)))
		// One connection, and so one buffer, for all.
		fetch(t, address, "/api/v3/learners/"+string(want[i])+"/programs")
	}
	if diff := cmp.Diff(want, students); diff != "" {
		t.Errorf("student keys changed after their request (-want +got):\n%s", diff)
	}
}
