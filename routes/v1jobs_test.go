package routes_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// The ids of the world's jobs that tests name.
const (
	exported = "00000001-6f0e-4c1b-8a55-3f2d6c7b8e90" // its file was deleted
	uploaded = "00000002-6f0e-4c1b-8a55-3f2d6c7b8e90"
	broken   = "00000003-6f0e-4c1b-8a55-3f2d6c7b8e90"
	running  = "00000007-6f0e-4c1b-8a55-3f2d6c7b8e90"
)

func TestV1JobsAreTheCallersUnfinished(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"JWT registrar": "Retrying, In Progress, Pending", "JWT clerk": "Pending",
		"JWT nobody": "", "JWT root": "", "JWT watcher": "", // who may read all is shown no one else's
	}
	for caller, want := range cases {
		t.Run(caller, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			for _, target := range []string{"/api/v1/jobs", "/api/v1/jobs/", "/api/v2/jobs/"} {
				got := cl.ask(t, http.MethodGet, target, caller)
				var states []string
				for _, job := range parse[[]struct{ State string }](t, got) {
					states = append(states, job.State)
				}
				if strings.Join(states, ", ") != want || want == "" && got.body != "[]" {
					t.Errorf("%s: %s, want %q", target, got.body, want)
				}
			}
		})
	}
}

func TestV1Job(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		caller, id string
		status     int
		body       string
	}{
		"succeeded": {
			"JWT registrar", uploaded, 200, `{"job_id":"` + uploaded + `","name":"masters-cs:write:write_program_enrollments",` +
				`"created":"2026-03-02T06:43:56.189272Z","state":"Succeeded",` +
				`"result":"http://example.com/api/media/token/job-results/` + uploaded + `.csv","text":"207"}`,
		},
		"its file deleted for its age": {
			"JWT registrar", exported, 200, `{"job_id":"` + exported + `","name":"masters-cs:read:list_program_enrollments",` +
				`"created":"2026-03-02T06:42:56.189272Z","state":"Succeeded","result":null,"text":null}`,
		},
		"failed, and silent about it": {
			"JWT registrar", broken, 200, `{"job_id":"` + broken + `","name":"masters-cs:read:list_program_enrollments",` +
				`"created":"2026-03-02T06:44:56.189272Z","state":"Failed","result":null,"text":null}`,
		},
		"somebody else's": {"JWT clerk", uploaded, 403, `{"detail":"You do not have permission to perform this action."}`},
		"unknown":         {"JWT clerk", string(newJob), 404, `{"detail":"Not found."}`},
		"nobody known":    {"", uploaded, 401, `{"detail":"Authentication credentials were not provided."}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			for _, version := range []string{"v1", "v2"} {
				got := cl.ask(t, http.MethodGet, "/api/"+version+"/jobs/"+tc.id+"/", tc.caller)
				if got.status != tc.status || got.body != tc.body {
					t.Errorf("%d %s, want %d %s", got.status, got.body, tc.status, tc.body)
				}
			}
		})
	}
}

func TestWhoMayReadAllJobsReadsAnyOne(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for _, caller := range []string{"JWT root", "JWT watcher"} {
		for _, version := range []string{"v1", "v2", "v3"} {
			if got := cl.ask(t, http.MethodGet, "/api/"+version+"/jobs/"+uploaded, caller); got.status != 200 {
				t.Errorf("%s, %s: status %d", caller, version, got.status)
			}
		}
	}
}

// The link is made when it is asked for. A file that is gone has none; a store
// of files that fails is an error, for "no file" would be taken for good.
func TestJobResultLinks(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail   error
		status int
		result string
	}{
		"the file is gone":    {registrar.Fail(registrar.NotFound, "Not found.", nil), 200, `"result":null`},
		"no link can be made": {registrar.Fail(registrar.Unavailable, "Files are not available.", nil), 503, "Files are not available."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.linker = func(string) (string, error) { return "", tc.fail }
			cl := newClient(t, w)
			for _, target := range []string{"/api/v1/jobs/" + uploaded, "/api/v3/jobs/" + uploaded, "/api/v3/jobs"} {
				if got := cl.ask(t, http.MethodGet, target, "JWT registrar"); got.status != tc.status || !strings.Contains(got.body, tc.result) {
					t.Errorf("%s: %d %s", target, got.status, got.body)
				}
			}
		})
	}
}

func TestV1JobEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	cases := []struct {
		caller, target, event string
		want                  map[string]any
	}{
		{"JWT clerk", "/api/v1/jobs", "registrar.v1.list_job_statuses", nil},
		{"JWT registrar", "/api/v2/jobs/" + running, "registrar.v2.get_job_status", map[string]any{"job_id": running, "job_state": "In Progress"}},
		{"JWT clerk", "/api/v1/jobs/" + running, "registrar.v1.get_job_status", map[string]any{
			"job_id": running, "missing_permissions": []string{"core.job_global_read"},
		}},
		{"JWT clerk", "/api/v1/jobs/abc-123", "registrar.v1.get_job_status", map[string]any{"job_id": "abc-123", "failure": "job_not_found"}},
		{"JWT clerk", "/api/v3/jobs/" + string(newJob), "registrar.v3.get_job_status", map[string]any{"job_id": string(newJob), "failure": "job_not_found"}},
		{"JWT clerk", "/api/v3/jobs", "registrar.v3.list_job_statuses", nil},
	}
	for i, tc := range cases {
		cl.ask(t, http.MethodGet, tc.target, tc.caller)
		if got := w.activities[i]; got.Event != tc.event || cmp.Diff(tc.want, got.Properties) != "" {
			t.Errorf("%s: %q %v, want %q %v", tc.target, got.Event, got.Properties, tc.event, tc.want)
		}
	}
}

// Who ordered a file has it as long as the grants last that the order needs.
func TestResultsNeedTheGrantsOfTheirOrder(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		owner   registrar.Username
		program registrar.ProgramKey
		kind    registrar.JobKind
		shown   bool
	}{
		"a reader":                   {"registrar", "masters-cs", registrar.ListProgramEnrollments, true},
		"a writer":                   {"registrar", "masters-cs", registrar.WriteCourseEnrollments, true},
		"a reader no more":           {"clerk", "masters-cs", registrar.GetCourseGrades, false},
		"a writer no more":           {"clerk", "masters-cs", registrar.WriteProgramEnrollments, false},
		"of a school that one left":  {"registrar", "masters-nursing", registrar.ListProgramEnrollments, false},
		"of a program that is gone":  {"registrar", "gone", registrar.ListProgramEnrollments, false},
		"who reads all jobs":         {"watcher", "masters-cs", registrar.ListProgramEnrollments, true},
		"a superuser, without grant": {"root", "gone", registrar.ListProgramEnrollments, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.jobs.jobs[1].Owner, w.jobs.jobs[1].Program, w.jobs.jobs[1].Kind = tc.owner, tc.program, tc.kind
			cl := newClient(t, w)
			for _, target := range []string{"/api/v1/jobs/" + uploaded, "/api/v3/jobs/" + uploaded} {
				got := cl.ask(t, http.MethodGet, target, "JWT "+string(tc.owner))
				job := parse[struct{ State, Result string }](t, got)
				if got.status != 200 || job.State != "Succeeded" || (job.Result != "") != tc.shown {
					t.Errorf("%s: %d %s, want a result: %t", target, got.status, got.body, tc.shown)
				}
			}
			got := cl.ask(t, http.MethodGet, "/api/v3/jobs?state=Succeeded", "JWT "+string(tc.owner))
			if strings.Contains(got.body, "/job-results/"+uploaded) != tc.shown {
				t.Errorf("the list: %d %s, want a result: %t", got.status, got.body, tc.shown)
			}
		})
	}
}
