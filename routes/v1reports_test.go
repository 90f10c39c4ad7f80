package routes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

const reportsOf = "/api/v1/programs/masters-cs/reports"

// twoReports are the reports of every program.
func twoReports(_ registrar.Program, since time.Time) ([]registrar.ReportFile, error) {
	all := []registrar.ReportFile{
		{Name: "a & b__2019-1-2.csv", Created: time.Date(2019, 1, 2, 0, 0, 0, 0, time.UTC), URL: "https://registrar.example.org/api/media/token/a"},
		{Name: "c__2019-12-18", Created: time.Date(2019, 12, 18, 0, 0, 0, 0, time.UTC), URL: "https://registrar.example.org/api/media/token/c"},
	}
	if all[0].Created.Before(since) {
		all = all[1:]
	}
	return all, nil
}

// reporter may read the reports of every program.
const reporter = "JWT root"

func TestReportDoors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		caller, program string
		status          int
	}{
		"nobody known":                  {"", "masters-cs", 401},
		"unknown program":               {"JWT nobody", "nope", 404},
		"no grant":                      {"JWT nobody", "masters-cs", 403},
		"reads and writes, not reports": {"JWT registrar", "masters-cs", 403},
		"permitted":                     {reporter, "masters-cs", 200},
		"no Masters":                    {reporter, "micro-cs", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			target := "/api/v1/programs/" + tc.program + "/reports"
			for _, target := range []string{target, target + "/", underV2(target)} {
				if got := cl.ask(t, http.MethodGet, target, tc.caller); got.status != tc.status {
					t.Errorf("%s: status %d, want %d", target, got.status, tc.status)
				}
			}
		})
	}
}

func TestReportsAreNoPrefix(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for _, more := range []string{"XYZ", "/a/b", "//"} {
		request := newRequest(t, reportsOf+more, reporter)
		reply, err := cl.app.Test(request, -1)
		if err != nil {
			t.Fatal(err)
		}
		if err := reply.Body.Close(); err != nil || reply.StatusCode != 404 {
			t.Errorf("%s: status %d, %v", more, reply.StatusCode, err)
		}
	}
}

func TestReportsSinceADay(t *testing.T) {
	t.Parallel()
	none := `["min_created_date must be a date of the form YYYY-MM-DD."]`
	cases := map[string]struct {
		query  string
		status int
		body   string
	}{
		"no day": {"", 200, `[{"name":"a & b__2019-1-2.csv","created_date":"2019-01-02","download_url":"https://registrar.example.org/api/media/token/a"},` +
			`{"name":"c__2019-12-18","created_date":"2019-12-18","download_url":"https://registrar.example.org/api/media/token/c"}]`},
		"the day itself":       {"?min_created_date=2019-12-18", 200, `[{"name":"c__2019-12-18","created_date":"2019-12-18","download_url":"https://registrar.example.org/api/media/token/c"}]`},
		"the last one":         {"?min_created_date=x&min_created_date=2019-12-18", 200, `[{"name":"c__2019-12-18","created_date":"2019-12-18","download_url":"https://registrar.example.org/api/media/token/c"}]`},
		"a word":               {"?min_created_date=yesterday", 400, none},
		"empty":                {"?min_created_date=", 400, none},
		"empty, without \"=\"": {"?min_created_date", 400, none},
		"no such day":          {"?min_created_date=2019-02-29", 400, none},
		"a time":               {"?min_created_date=2019-12-18T00:00:00Z", 400, none},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, newWorld(t)).ask(t, http.MethodGet, reportsOf+tc.query, reporter)
			if got.status != tc.status || got.body != tc.body {
				t.Errorf("%d %s\nwant %d %s", got.status, got.body, tc.status, tc.body)
			}
		})
	}
}

func TestNoReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.reports = func(registrar.Program, time.Time) ([]registrar.ReportFile, error) { return nil, nil }
	if got := newClient(t, w).ask(t, http.MethodGet, reportsOf, reporter); got.status != 200 || got.body != "[]" {
		t.Errorf("%d %s", got.status, got.body)
	}
	w.reports = func(registrar.Program, time.Time) ([]registrar.ReportFile, error) {
		return nil, registrar.Fail(registrar.Unavailable, "Not now.", nil)
	}
	if got := newClient(t, w).ask(t, http.MethodGet, reportsOf, reporter); got.status != 503 {
		t.Errorf("a place that is away: %d %s", got.status, got.body)
	}
}

func TestReportEvents(t *testing.T) {
	t.Parallel()
	type facts = map[string]any
	w := newWorld(t)
	cl := newClient(t, w)
	for i, tc := range []struct {
		method, caller, target string
		event                  string
		want                   facts
	}{
		{"GET", reporter, reportsOf, "registrar.v1.list_program_reports", facts{"program_key": "masters-cs"}},
		{"GET", reporter, underV2(reportsOf) + "?min_created_date=2019-12-18", "registrar.v1.list_program_reports", facts{"program_key": "masters-cs", "min_created_date": "2019-12-18"}},
		{"GET", reporter, reportsOf + "?min_created_date=x", "registrar.v1.list_program_reports", facts{"program_key": "masters-cs", "min_created_date": "x", "failure": "bad_request"}},
		{"GET", "JWT clerk", reportsOf, "registrar.v1.list_program_reports", facts{"program_key": "masters-cs", "missing_permissions": []string{"read_reports"}}},
		{"HEAD", reporter, reportsOf, "", facts{"program_key": "masters-cs"}},
	} {
		cl.ask(t, tc.method, tc.target, tc.caller)
		got := w.activities[i]
		if diff := cmp.Diff(tc.want, got.Properties); got.Event != tc.event || diff != "" {
			t.Errorf("%s: event %q; properties (-want +got):\n%s", tc.target, got.Event, diff)
		}
	}
}
