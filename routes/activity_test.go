package routes_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	type facts = map[string]any
	const course = "/courses/course-v1:MITx+6.001+2026"
	cases := []struct {
		caller, target, event string
		want                  facts
	}{
		{"JWT registrar", "/api/v1/programs", "registrar.v1.list_programs", nil},
		{"JWT registrar", "/api/v2/programs?org=MITx&user_has_perm=read_metadata&program_title=x", "registrar.v2.list_programs", facts{
			"organization_filter": "MITx", "permission_filter": "read_metadata",
		}},
		{"JWT registrar", "/api/v3/programs?org=NorthU", "registrar.v3.list_programs", facts{"organization_filter": "NorthU"}},
		{"JWT registrar", "/api/v1/programs/masters-cs", "registrar.v1.get_program_detail", facts{"program_key": "masters-cs"}},
		{"JWT nobody", "/api/v2/programs/masters-cs", "registrar.v2.get_program_detail", facts{
			"program_key": "masters-cs", "missing_permissions": []string{"read_metadata"},
		}},
		{"JWT registrar", "/api/v1/programs/nope/courses", "registrar.v1.get_program_courses", facts{"program_key": "nope", "failure": "program_not_found"}},
		{"JWT registrar", "/api/v1/programs/masters-cs/enrollments", "registrar.v1.get_program_enrollment", facts{"program_key": "masters-cs"}},
		{"JWT clerk", "/api/v2/programs/masters-cs/enrollments?fmt=csv", "registrar.v2.get_program_enrollment", facts{
			"program_key": "masters-cs", "result_format": "csv", "missing_permissions": []string{"read_enrollments"},
		}},
		{"JWT registrar", "/api/v2/programs/masters-cs" + course + "/enrollments?fmt=json", "registrar.v2.get_course_enrollment", facts{
			"program_key": "masters-cs", "course_id": "course-v1:MITx+6.001+2026", "result_format": "json",
		}},
		{"JWT registrar", "/api/v2/programs/masters-cs/courses/NOPE/grades", "registrar.v1.get_course_grades", facts{
			"program_key": "masters-cs", "course_id": "NOPE", "failure": "course_not_found",
		}},
		{"JWT registrar", "/api/v2/programs/masters-cs/course_enrollments?fmt=", "registrar.v1.download_course_enrollments", facts{
			"program_key": "masters-cs", "result_format": "", "failure": "result_format_not_supported",
		}},
		{"JWT registrar", "/api/v3/programs/masters-cs/learners", "", nil},
	}
	w := newWorld(t)
	cl := newClient(t, w)
	for i, tc := range cases {
		cl.ask(t, http.MethodGet, tc.target, tc.caller)
		got := w.activities[i]
		if diff := cmp.Diff(tc.want, got.Properties); got.Event != tc.event || diff != "" {
			t.Errorf("%s: event %q, want %q; properties (-want +got):\n%s", tc.target, got.Event, tc.event, diff)
		}
	}
}

func TestPurgeEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for i, tc := range []struct {
		caller, target string
		want           map[string]any
	}{
		{"JWT staff", "/api/internal/cache", nil},
		{"JWT root", "/api/internal/cache", map[string]any{"failure": "user_is_not_staff"}},
		{"JWT staff", "/api/internal/cache/masters-cs", map[string]any{"program_key": "masters-cs"}},
		{"JWT staff", "/api/internal/cache/nope", map[string]any{"program_key": "nope", "failure": "program_not_found"}},
	} {
		cl.ask(t, http.MethodDelete, tc.target, tc.caller)
		got := w.activities[i]
		if diff := cmp.Diff(tc.want, got.Properties); got.Event != "registrar.internal.flush_program_cache" || diff != "" {
			t.Errorf("%s: event %q; properties (-want +got):\n%s", tc.target, got.Event, diff)
		}
	}
}

// Whose data are read is on record for every route that shows any, also when
// nothing of them comes over the line.
func TestTouches(t *testing.T) {
	t.Parallel()
	read := func(course string, learners ...registrar.StudentKey) *registrar.Touch {
		return &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs", Course: course, Learner: learners}
	}
	export := func(course string) *registrar.Touch {
		return &registrar.Touch{Kind: registrar.TouchExport, Program: "masters-cs", Course: course, Job: newJob}
	}
	const p1, p3, run = "/api/v1/programs/masters-cs", "/api/v3/programs/masters-cs", "course-v1:MITx+6.001+2026"
	cases := map[string]*registrar.Touch{
		p3 + "/learners":                                  read(""),
		p3 + "/learners?student_key=S-1":                  read("", "S-1"),
		p3 + "/learners/s-1001":                           read("", "s-1001"),
		p3 + "/learners/s-9999":                           read("", "s-9999"), // who is not there was asked for
		p3 + "/learners/s-1001/courses":                   read("", "s-1001"),
		p3 + "/learners/s-1001/grades":                    read("", "s-1001"),
		p3 + "/learners/s-1001/completion":                read("", "s-1001"),
		p3 + "/grades":                                    read(""),
		p3 + "/completion":                                read(""),
		p3 + "/course_enrollments?course_id==TWIN":        read("course-v1:MITx+6.003+2026"),
		p3 + "/courses/CS%20101.spring/grades":            read(run),
		p3 + "/courses/" + run + "/completion":            read(run),
		p3 + "/courses/" + run + "/enrollments":           read(run),
		"/api/v3/learners/s-1001/programs":                {Kind: registrar.TouchRead, Learner: []registrar.StudentKey{"s-1001"}},
		p1 + "/enrollments":                               export(""),
		p1 + "/course_enrollments":                        export(""),
		p1 + "/courses/" + run + "/enrollments":           export(run),
		p1 + "/courses/" + run + "/grades":                export(run),
		p1 + "/courses/" + run + "/grades?fmt=xml":        nil,
		"/api/v1/programs/north-ma/enrollments":           nil,
		"/api/v3/programs/north-ma/learners":              nil,
		"/api/v1/programs":                                nil,
		"/api/v1/programs/masters-cs/courses":             nil,
		"/api/v3/programs/masters-cs":                     nil,
		"/api/v3/programs/masters-cs/learners?page=0":     nil,
		"/api/v3/programs/masters-cs/courses/NOPE/grades": nil,
	}
	for target, want := range cases {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			newClient(t, w).ask(t, http.MethodGet, target, "JWT registrar")
			if diff := cmp.Diff(want, w.activities[0].Touch); diff != "" {
				t.Errorf("touch (-want +got):\n%s", diff)
			}
		})
	}
}

// A list of reports gives away files about everybody in the program.
func TestReportsAreOnRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	all := &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs"}
	for i, tc := range []struct {
		caller, query string
		want          *registrar.Touch
	}{
		{"JWT root", "", all}, {"JWT root", "?min_created_date=x", nil}, {"JWT registrar", "", nil}, // who may not
	} {
		cl.ask(t, http.MethodGet, "/api/v2/programs/masters-cs/reports"+tc.query, tc.caller)
		if diff := cmp.Diff(tc.want, w.activities[i].Touch); diff != "" {
			t.Errorf("%s as %s: touch (-want +got):\n%s", tc.query, tc.caller, diff)
		}
	}
}

// The file of somebody else's job is learners' data that one did not order.
func TestResultsOfOthersAreOnRecord(t *testing.T) {
	t.Parallel()
	one := &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs", Job: uploaded}
	w := newWorld(t)
	w.jobs.jobs[5].State, w.jobs.jobs[5].Result = registrar.JobSucceeded, "job-results/6.json"
	cl := newClient(t, w)
	for i, tc := range []struct {
		caller, target string
		want           *registrar.Touch
	}{
		{"JWT registrar", "/api/v1/jobs/" + uploaded, nil}, // on record since it was ordered
		{"JWT registrar", "/api/v3/jobs", nil},
		{"JWT watcher", "/api/v1/jobs/" + uploaded, one},
		{"JWT root", "/api/v3/jobs/" + uploaded, one},
		{"JWT watcher", "/api/v3/jobs/" + broken, nil}, // there is nothing to have
		{"JWT watcher", "/api/v3/jobs?page_size=2", one},
		{"JWT watcher", "/api/v3/jobs", &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs"}},
		{"JWT clerk", "/api/v1/jobs/" + uploaded, nil}, // is not shown it
	} {
		cl.ask(t, http.MethodGet, tc.target, tc.caller)
		if diff := cmp.Diff(tc.want, w.activities[i].Touch); diff != "" {
			t.Errorf("%s as %s: touch (-want +got):\n%s", tc.target, tc.caller, diff)
		}
	}
}
