package routes_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"registrar/internal/registrar"
	"registrar/routes"
)

func equalKeys() cmp.Option {
	return cmp.Options{cmp.Comparer(func(x, y registrar.CourseKey) bool { return x == y }), cmpopts.EquateEmpty()}
}

func TestV1ExportOrders(t *testing.T) {
	t.Parallel()
	runs := allDetails(t)["masters-cs"].Curricula[0].Runs
	cs := registrar.Program{Key: "masters-cs", UUID: "1", Organization: "MITx"}
	order := func(kind registrar.JobKind, format registrar.FileFormat, runs ...registrar.CourseRun) registrar.JobOrder {
		return registrar.JobOrder{
			Kind: kind, Owner: "registrar", Program: cs, Curriculum: "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f", Runs: runs, Format: format,
		}
	}
	const p = "programs/masters-cs/"
	cases := map[string]struct {
		target string
		want   registrar.JobOrder
	}{
		"program":                  {p + "enrollments", order(registrar.ListProgramEnrollments, "json")},
		"program, as JSON":         {p + "enrollments?fmt=json", order(registrar.ListProgramEnrollments, "json")},
		"program, as CSV":          {p + "enrollments/?fmt=csv", order(registrar.ListProgramEnrollments, "csv")},
		"all runs":                 {p + "course_enrollments?fmt=csv", order(registrar.ListAllCourseEnrollments, "csv", runs...)},
		"a run by its key":         {p + "courses/MITx/6.002/2026/enrollments", order(registrar.ListCourseEnrollments, "json", runs[1])},
		"a run by its key, quoted": {p + "courses/course-v1%3AMITx%2B6.001+2026/enrollments/", order(registrar.ListCourseEnrollments, "json", runs[0])},
		"grades":                   {p + "courses/course-v1:MITx+6.003+2026/grades?fmt=csv", order(registrar.GetCourseGrades, "csv", runs[2])},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.APIRoot = "https://api.example.org/api/"
			cl := newClient(t, w)
			for _, version := range []string{"v1", "v2"} {
				got := cl.ask(t, http.MethodGet, "/api/"+version+"/"+tc.target, "JWT registrar")
				want := `{"job_id":"` + string(newJob) + `","job_url":"https://api.example.org/api/` + version + `/jobs/` + string(newJob) + `"}`
				if got.status != 202 || got.body != want || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s: %d %s, want 202 %s", version, got.status, got.body, want)
				}
			}
			if diff := cmp.Diff([]registrar.JobOrder{tc.want, tc.want}, w.submitter.orders, equalKeys()); diff != "" {
				t.Errorf("orders (-want +got):\n%s", diff)
			}
		})
	}
}

func TestV1ExportFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for _, target := range exports("masters-cs") {
		for _, query := range []string{"?fmt=", "?fmt", "?fmt=CSV", "?fmt=xml", "?fmt=csv&fmt=x", "?fmt=csv%20"} {
			got := cl.ask(t, http.MethodGet, target+query, "JWT registrar")
			if got.status != 404 || got.body != `{"detail":"Not found."}` {
				t.Errorf("%s%s: %d %s", target, query, got.status, got.body)
			}
			if told := w.activities[len(w.activities)-1].Properties["failure"]; told != "result_format_not_supported" {
				t.Errorf("%s%s: failure %v", target, query, told)
			}
		}
	}
	if len(w.submitter.orders) > 0 {
		t.Errorf("jobs started: %v", w.submitter.orders)
	}
}

// The flags are those of the caller at the moment of the request.
func TestV1ExportFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var flags routes.Flags
	w.config.Flags = func() routes.Flags { return flags }
	cl := newClient(t, w)
	on := registrar.Flag{Users: []registrar.Username{"registrar"}}
	other := registrar.Flag{Users: []registrar.Username{"clerk"}}
	type columns struct{ Account, Staff bool }
	for _, tc := range []struct {
		flags                          routes.Flags
		program, courses, run, noGrade columns
	}{
		{routes.Flags{}, columns{}, columns{}, columns{}, columns{}},
		{routes.Flags{Account: on, Staff: on}, columns{Account: true}, columns{Staff: true}, columns{Staff: true}, columns{}},
		{routes.Flags{Account: other, Staff: other}, columns{}, columns{}, columns{}, columns{}},
	} {
		flags, w.submitter.orders = tc.flags, nil
		for _, target := range exports("masters-cs") {
			cl.ask(t, http.MethodGet, target, "JWT registrar")
		}
		var got []columns
		for _, o := range w.submitter.orders {
			got = append(got, columns{o.WithAccount, o.WithStaff})
		}
		if diff := cmp.Diff([]columns{tc.program, tc.courses, tc.run, tc.noGrade}, got); diff != "" {
			t.Errorf("columns with %+v (-want +got):\n%s", tc.flags, diff)
		}
	}
}

// Of runs that share a key the first one is meant, and all of them are exported.
func TestV1RunsAreNotMadeUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026"), ExternalKey: "TWIN", Title: "first"}
	second := registrar.CourseRun{Key: courseKey(t, "course-v1:MITx+6.003+2026"), ExternalKey: "TWIN", Title: "second"}
	w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
		return reportOf(registrar.ProgramDetails{TypeSlug: "masters", Curricula: []registrar.Curriculum{
			{Active: true, Runs: []registrar.CourseRun{first, second, first}},
		}}, discovered("masters-cs")), nil
	}
	cl := newClient(t, w)
	const p = "/api/v1/programs/masters-cs/"
	for _, target := range []string{p + "courses/TWIN/enrollments", p + "courses/MITx/6.002/2026/grades", p + "course_enrollments"} {
		cl.ask(t, http.MethodGet, target, "JWT registrar")
	}
	var titles [][]string
	for _, o := range w.submitter.orders {
		var of []string
		for _, run := range o.Runs {
			of = append(of, run.Title)
		}
		titles = append(titles, of)
	}
	if diff := cmp.Diff([][]string{{"first"}, {"first"}, {"first", "second", "first"}}, titles); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

// 401, then 404 for the program, 403, 404 for the course run, and the format at
// last: each request is wrong in every later way too.
func TestV1OrderOfFailures(t *testing.T) {
	t.Parallel()
	const course, format = "/courses/NOPE/enrollments", "?fmt=xml"
	cases := map[string]struct {
		target, caller string
		status         int
		failure        any
	}{
		"401 first":              {"nope" + course + format, "", 401, nil},
		"404 for the program":    {"nope" + course + format, "JWT nobody", 404, "program_not_found"},
		"403":                    {"masters-cs" + course + format, "JWT nobody", 403, nil},
		"404 for the course run": {"masters-cs" + course + format, "JWT registrar", 404, "course_not_found"},
		"404 for the format":     {"masters-cs/courses/MITx/6.002/2026/enrollments" + format, "JWT registrar", 404, "result_format_not_supported"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			got := newClient(t, w).ask(t, http.MethodGet, "/api/v1/programs/"+tc.target, tc.caller)
			if got.status != tc.status {
				t.Errorf("status %d, want %d: %s", got.status, tc.status, got.body)
			}
			if told := w.activities[0].Properties["failure"]; told != tc.failure {
				t.Errorf("failure %v, want %v", told, tc.failure)
			}
		})
	}
}

// A job that cannot be started is an error, and the attempt is on record.
func TestV1ExportThatCannotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitter.submit = func(registrar.JobOrder) (registrar.JobID, error) {
		return "", registrar.Fail(registrar.Unavailable, "The database is not available.", nil)
	}
	got := newClient(t, w).ask(t, http.MethodGet, "/api/v1/programs/masters-cs/enrollments", "JWT registrar")
	if got.status != 503 {
		t.Errorf("status %d, want 503", got.status)
	}
	want := &registrar.Touch{Kind: registrar.TouchExport, Program: "masters-cs"}
	if diff := cmp.Diff(want, w.activities[0].Touch); diff != "" {
		t.Errorf("touch (-want +got):\n%s", diff)
	}
}
