package routes_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// numbers are the first digits of the ids of the jobs of a page.
func numbers(t *testing.T, r response) (list string, count int) {
	t.Helper()
	var digits strings.Builder
	page := parse[struct {
		Count   int
		Results []struct {
			ID string `json:"job_id"`
		}
	}](t, r)
	for _, job := range page.Results {
		digits.WriteString(job.ID[7:8])
	}
	return digits.String(), page.Count
}

func TestJobFilters(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		caller, query, want string
		count               int
	}{
		"one's own, finished or not": {"JWT registrar", "", "1234578", 7},
		"the clerk's":                {"JWT clerk", "", "6", 1},
		"none":                       {"JWT nobody", "", "", 0},
		"everybody's":                {"JWT watcher", "", "12345678", 8},
		"everybody's, by right":      {"JWT root", "", "12345678", 8},
		"a program":                  {"JWT registrar", "?program=masters-cs", "1234578", 7},
		"a program without any":      {"JWT registrar", "?program=nope", "", 0},
		"a state":                    {"JWT registrar", "?state=Failed", "3", 1},
		"a state with a space":       {"JWT registrar", "?state=In+Progress", "7", 1},
		"two states":                 {"JWT registrar", "?state=Failed&state=Canceled", "34", 2},
		"a kind":                     {"JWT registrar", "?kind=write_program_enrollments", "27", 2},
		"since":                      {"JWT registrar", "?since=2026-03-02T06:46:56Z", "578", 3},
		"since, in another zone":     {"JWT registrar", "?since=2026-03-02T08:46:56+02:00", "578", 3},
		"until":                      {"JWT registrar", "?until=2026-03-02T06:46:56Z", "1234", 4},
		"a day":                      {"JWT registrar", "?since=2026-03-02&until=2026-03-03", "1234578", 7},
		"another day":                {"JWT registrar", "?since=2026-03-03", "", 0},
		"empty values":               {"JWT registrar", "?program=&state=&kind=&since=&until=", "1234578", 7},
		"a page":                     {"JWT registrar", "?page_size=3&page=2", "457", 7},
		"the last page":              {"JWT registrar", "?page_size=3&page=last", "8", 7},
		"the last page of nothing":   {"JWT nobody", "?page=last", "", 0},
		"all together":               {"JWT watcher", "?program=masters-cs&state=Pending&kind=list_program_enrollments&page_size=1", "6", 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, newWorld(t)).ask(t, http.MethodGet, "/api/v3/jobs"+tc.query, tc.caller)
			if list, count := numbers(t, got); list != tc.want || count != tc.count {
				t.Errorf("%d jobs %q, want %d, %q", count, list, tc.count, tc.want)
			}
		})
	}
}

func TestJobFiltersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for query, want := range map[string]struct {
		status int
		code   string
	}{
		"?program=a%00b": {400, "malformed_program_key"}, "?state=failed": {400, "unknown_state"}, "?kind=nope": {400, "unknown_kind"},
		"?since=yesterday": {400, "malformed_time"}, "?until=2026-13-01": {400, "malformed_time"}, "?format=csv": {400, "unknown_format"},
		"?state=%zz": {400, "malformed_query"}, "?page=0": {404, "invalid_page"}, "?page=9": {404, "invalid_page"},
		"?page=9223372036854775807": {404, "invalid_page"},
	} {
		got := cl.ask(t, http.MethodGet, "/api/v3/jobs"+query, "JWT registrar")
		if got.status != want.status || !strings.Contains(got.body, `"code":"`+want.code+`"`) {
			t.Errorf("%s: %d %s, want %d %s", query, got.status, got.body, want.status, want.code)
		}
	}
}

// A history is long: the book is asked for a page of it, never for all.
func TestJobsAreReadByThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for _, query := range []string{"", "?page_size=2&page=2", "?page_size=2&page=last", "?page_size=99999"} {
		cl.ask(t, http.MethodGet, "/api/v3/jobs"+query, "JWT registrar")
	}
	var got [][2]int
	for _, f := range w.jobs.filters {
		if f.Owner != "registrar" {
			t.Errorf("asked for the jobs of %q", f.Owner)
		}
		got = append(got, [2]int{f.Offset, f.Limit})
	}
	if diff := cmp.Diff([][2]int{{0, 100}, {2, 2}, {0, 1}, {6, 2}, {0, 1000}}, got); diff != "" {
		t.Errorf("offsets and limits (-want +got):\n%s", diff)
	}
}

func TestJobIsForItsOwner(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	cases := map[string]struct {
		caller, id string
		status     int
	}{
		"its owner":        {"JWT registrar", running, 200},
		"somebody else":    {"JWT clerk", running, 403},
		"unknown":          {"JWT clerk", string(newJob), 404},
		"no id":            {"JWT clerk", "abc-123", 404},
		"not even letters": {"JWT clerk", "XYZ", 404},
		"nobody known":     {"", running, 401},
	}
	for name, tc := range cases {
		got := cl.ask(t, http.MethodGet, "/api/v3/jobs/"+tc.id, tc.caller)
		if got.status != tc.status || tc.status != 200 && got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, want %d: %s", name, got.status, tc.status, got.body)
		}
	}
}

func TestJobIsTransferredOnceUntilItChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for _, target := range []string{"/api/v3/jobs/" + running, "/api/v3/jobs"} {
		first := cl.get(t, target)
		tag := first.header.Get("ETag")
		if again := cl.get(t, target, "If-None-Match", `"other", W/`+tag); again.status != 304 || again.body != "" || again.header.Get("ETag") != tag {
			t.Errorf("%s: %d %q, tag %q, want 304 with %q", target, again.status, again.body, again.header.Get("ETag"), tag)
		}
	}
	tag := cl.get(t, "/api/v3/jobs/"+running).header.Get("ETag")
	w.jobs.jobs[6].State, w.jobs.jobs[6].Finished = registrar.JobSucceeded, now()
	after := cl.get(t, "/api/v3/jobs/"+running, "If-None-Match", tag)
	if after.status != 200 || after.header.Get("ETag") == tag || after.header.Get("Retry-After") != "" {
		t.Errorf("a finished job: %d, tag %q, Retry-After %q", after.status, after.header.Get("ETag"), after.header.Get("Retry-After"))
	}
}

// The older a job, the longer the wait until the next question.
func TestJobSaysWhenToAskAgain(t *testing.T) {
	t.Parallel()
	cases := map[time.Duration]string{
		-time.Minute: "1", 0: "1", 7 * time.Second: "1", 40 * time.Second: "10", time.Hour: "30",
	}
	for age, want := range cases {
		w := newWorld(t)
		w.jobs.jobs[6].Created = now().Add(-age)
		cl := newClient(t, w)
		got := cl.get(t, "/api/v3/jobs/"+running)
		again := cl.get(t, "/api/v3/jobs/"+running, "If-None-Match", got.header.Get("ETag"))
		if got.header.Get("Retry-After") != want || again.header.Get("Retry-After") != want {
			t.Errorf("after %v: Retry-After %q, then %q, want %q", age, got.header.Get("Retry-After"), again.header.Get("Retry-After"), want)
		}
	}
}
