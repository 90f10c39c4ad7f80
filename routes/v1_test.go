package routes_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// exports lists the routes of v1 that start a job.
func exports(program string) []string {
	p := "/api/v1/programs/" + program
	return []string{
		p + "/enrollments", p + "/course_enrollments",
		p + "/courses/MITx/6.002/2026/enrollments", p + "/courses/MITx/6.002/2026/grades",
	}
}

// underV2 is the same address in v2.
func underV2(target string) string { return strings.Replace(target, "/api/v1/", "/api/v2/", 1) }

// ask sends a request of any method as the caller.
func (cl *client) ask(tb testing.TB, method, target, caller string) response {
	tb.Helper()
	request := httptest.NewRequest(method, "/", nil)
	request.URL.Opaque, request.RequestURI = target, target
	request.Header.Set("Authorization", caller)
	return cl.send(tb, request)
}

func TestV1Doors(t *testing.T) {
	t.Parallel()
	metadata := []string{"/api/v1/programs/PROGRAM", "/api/v1/programs/PROGRAM/courses"}
	cases := map[string]struct {
		caller, program string
		meta, export    int // the statuses
	}{
		"nobody known":                       {"", "masters-cs", 401, 401},
		"nobody known, unknown program":      {"", "nope", 401, 401},
		"unknown program":                    {"JWT root", "nope", 404, 404},
		"unknown program, no grants":         {"JWT nobody", "nope", 404, 404},
		"no grant":                           {"JWT nobody", "masters-cs", 403, 403},
		"another school's":                   {"JWT registrar", "north-ma", 403, 403},
		"metadata alone":                     {"JWT clerk", "masters-cs", 200, 403},
		"no Masters":                         {"JWT registrar", "micro-cs", 200, 403},
		"no Masters, even for the superuser": {"JWT root", "micro-cs", 200, 403},
		"permitted":                          {"JWT registrar", "masters-cs", 200, 202},
		"permitted, percent-encoded":         {"JWT registrar", "masters%2Dcs", 200, 202},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cl := newClient(t, w)
			check := func(target string, want int) {
				for _, target := range []string{target, target + "/", underV2(target)} {
					if got := cl.ask(t, http.MethodGet, target, tc.caller); got.status != want {
						t.Errorf("%s: status %d, want %d", target, got.status, want)
					}
				}
			}
			for _, target := range metadata {
				check(strings.Replace(target, "PROGRAM", tc.program, 1), tc.meta)
			}
			for _, target := range exports(tc.program) {
				check(target, tc.export)
			}
			if started := len(w.submitter.orders) > 0; started != (tc.export == 202) {
				t.Errorf("jobs started: %d", len(w.submitter.orders))
			}
		})
	}
}

func TestV1PathsThatNameNothing(t *testing.T) {
	t.Parallel()
	const p = "/api/v1/programs/"
	cases := map[string]struct {
		page bool // or JSON
	}{
		p + "masters.cs":                                       {true},
		p + "masters%2Fcs":                                     {true},
		p + "m%C3%A4sters/courses":                             {true},
		p + "%zz/enrollments":                                  {true},
		p + strings.Repeat("x", 300) + "/courses":              {false},
		p + "masters-cs/courses/CS.101/enrollments":            {true},
		p + "masters-cs/courses/CS%20101.spring/grades":        {true},
		p + "masters-cs/courses/a/b/enrollments":               {true},
		p + "masters-cs/courses/a/b/c/d/enrollments":           {true},
		p + "masters-cs/courses/MITx/6.002/2026//grades":       {true},
		p + "masters-cs/courses/%zz/grades":                    {true},
		p + "masters-cs/courses/a+b+c%3Fd/grades":              {true},
		p + "masters-cs/courses/not-a-course-key:a+b+c/grades": {false},
		p + "masters-cs/courses/NOPE/enrollments":              {false},
		p + "masters-cs/courses/course-v1:a+b+c+d/grades":      {false},
		"/api/v1/jobs/XYZ":                                     {true},
		"/api/v1/jobs/0D9B3C52-6F0E-4C1B-8A55-3F2D6C7B8E90":    {true},
		"/api/v1/jobs/%zz":                                     {true},
		"/api/v1/jobs/abc-123":                                 {false},
		"/api/v1/jobs/0d9b3c52-6f0e-4c1b-8a55-3f2d6c7b8e90":    {false},
	}
	w := newWorld(t)
	cl := newClient(t, w)
	for target, tc := range cases {
		for _, target := range []string{target, underV2(target)} {
			got := cl.ask(t, http.MethodGet, target, "JWT root")
			body, kind := got.body == `{"detail":"Not found."}`, got.header.Get("Content-Type")
			if got.status != 404 || tc.page != strings.HasPrefix(kind, "text/html") || tc.page == body {
				t.Errorf("%s: %d %s %s", target, got.status, kind, got.body)
			}
		}
	}
	if len(w.submitter.orders) > 0 {
		t.Errorf("jobs started: %v", w.submitter.orders)
	}
}

// HEAD asks for the same permission as GET, and then starts nothing.
func TestHeadStartsNoJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for caller, want := range map[string]int{
		"": 401, "JWT nobody": 403, "JWT clerk": 403, "JWT registrar": 405, "JWT root": 405,
	} {
		for _, target := range exports("masters-cs") {
			for _, target := range []string{target, target + "/", underV2(target)} {
				if got := cl.ask(t, http.MethodHead, target, caller); got.status != want {
					t.Errorf("%q: HEAD %s: status %d, want %d", caller, target, got.status, want)
				}
			}
		}
	}
	for target, want := range map[string]int{
		"/api/v1/programs/nope/enrollments": 404, "/api/v1/programs/masters-cs/courses/NOPE/grades": 405,
		"/api/v1/programs/masters-cs/courses/a.b/grades": 404, "/api/v1/programs/micro-cs/enrollments": 403,
	} {
		if got := cl.ask(t, http.MethodHead, target, "JWT registrar"); got.status != want {
			t.Errorf("HEAD %s: status %d, want %d", target, got.status, want)
		}
	}
	if len(w.submitter.orders) > 0 {
		t.Errorf("jobs started: %v", w.submitter.orders)
	}
	for _, note := range w.activities {
		if note.Event != "" {
			t.Errorf("a HEAD is told as %q", note.Event)
		}
	}
}

// While Discovery cannot be had, v1 knows programs by their keys, and no
// enrollments of them.
func TestV1WithoutDiscovery(t *testing.T) {
	t.Parallel()
	for _, kind := range []registrar.Kind{registrar.NotFound, registrar.Upstream, registrar.Unavailable, registrar.Timeout} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			away := registrar.Fail(kind, "Discovery.", nil)
			w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
				return reportOf(registrar.ProgramDetails{}), away
			}
			w.catalog.detailsOf = func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
				lost := registrar.Source{Name: registrar.FromDiscovery, State: registrar.SourceFailed, Err: away}
				return reportOf(map[registrar.ProgramKey]registrar.ProgramDetails{}, lost)
			}
			cl := newClient(t, w)
			const item = `{"program_key":"masters-cs","program_title":"masters-cs","program_url":null,"program_type":null,"permissions":["read_metadata"]}`
			for target, want := range map[string]string{
				"/api/v1/programs/masters-cs":                           item,
				"/api/v1/programs/masters-cs/courses":                   "[]",
				"/api/v1/programs?program_title=RS-C":                   "[" + item + "]",
				"/api/v1/programs?user_has_perm=write_enrollments":      "[]",
				"/api/v2/programs?org=MITx&program_title=masters-cs":    "[" + item + "]",
				"/api/v1/programs?program_title=Master of Comp&org=":    "[]",
				"/api/v2/programs/masters-cs/?program_title=irrelevant": item,
			} {
				got := cl.ask(t, http.MethodGet, strings.ReplaceAll(target, " ", "+"), "JWT registrar")
				if got.status != 200 || got.body != want || got.header.Get("X-Registrar-Complete") != "false" {
					t.Errorf("%s: %d %s, want %s", target, got.status, got.body, want)
				}
			}
			for _, target := range exports("masters-cs") {
				got := cl.ask(t, http.MethodGet, target, "JWT registrar")
				if got.status != 403 || got.body != `{"detail":"You do not have permission to perform this action."}` {
					t.Errorf("%s: %d %s", target, got.status, got.body)
				}
			}
			if len(w.submitter.orders) > 0 {
				t.Errorf("jobs started: %v", w.submitter.orders)
			}
		})
	}
}

func TestV1ProgramLists(t *testing.T) {
	t.Parallel()
	const all = "masters-cs masters-ds micro-cs north-ma"
	cases := map[string]struct{ caller, query, want string }{
		"everything, by key":             {"JWT root", "", all},
		"pages mean nothing":             {"JWT root", "?page=2&page_size=1", all},
		"what one may see":               {"JWT clerk", "", "masters-cs masters-ds micro-cs"},
		"nothing":                        {"JWT nobody", "", ""},
		"an organization":                {"JWT root", "?org=NorthU", "north-ma"},
		"an organization without access": {"JWT clerk", "?org=NorthU", ""},
		"a title, by any case":           {"JWT clerk", "?program_title=dATA+Science", "masters-ds"},
		"a title as the console sends":   {"JWT clerk", "?program_title=100%", ""},
		"empty values":                   {"JWT clerk", "?program_title=&org=&user_has_perm=", "masters-cs masters-ds micro-cs"},
		"a permission of Masters":        {"JWT registrar", "?user_has_perm=write_enrollments", "masters-cs masters-ds"},
		"the last value counts":          {"JWT root", "?org=MITx&org=NorthU", "north-ma"},
		"an unknown parameter":           {"JWT root", "?format=csv&nope=%zz", all},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			var bodies []string
			for _, target := range []string{"/api/v1/programs", "/api/v1/programs/", "/api/v2/programs"} {
				got := cl.ask(t, http.MethodGet, target+tc.query, tc.caller)
				var keys []string
				for _, item := range parse[[]struct {
					Key string `json:"program_key"`
				}](t, got) {
					keys = append(keys, item.Key)
				}
				if strings.Join(keys, " ") != tc.want {
					t.Errorf("%s: %q, want %q", target, keys, tc.want)
				}
				bodies = append(bodies, got.body)
			}
			if len(slices.Compact(bodies)) != 1 {
				t.Errorf("the versions differ: %q", bodies)
			}
		})
	}
}

func TestV1UnknownFilterValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	for query, failure := range map[string]string{
		"?org=nope": "org_not_found", "?org=%00": "org_not_found", "?user_has_perm=right": "no_such_perm",
		"?user_has_perm=job_global_read": "no_such_perm", "?org=nope&user_has_perm=right": "org_not_found",
		"?org=MITx&user_has_perm=right": "no_such_perm",
	} {
		got := cl.ask(t, http.MethodGet, "/api/v1/programs"+query, "JWT registrar")
		if got.status != 404 || got.body != `{"detail":"Not found."}` {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
		if told := w.activities[len(w.activities)-1].Properties["failure"]; told != failure {
			t.Errorf("%s: failure %v, want %s", query, told, failure)
		}
	}
}

// A run that Discovery lists twice is listed twice, and nothing is made up for
// what it does not tell.
func TestV1Courses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := courseKey(t, "course-v1:MITx+6.001+2026")
	show := func(curricula ...registrar.Curriculum) {
		w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
			return reportOf(registrar.ProgramDetails{Curricula: curricula}, discovered("masters-cs")), nil
		}
	}
	cl := newClient(t, w)
	listed := func() string {
		return cl.ask(t, http.MethodGet, "/api/v1/programs/masters-cs/courses", "JWT clerk").body
	}

	bare := registrar.CourseRun{Key: key}
	full := registrar.CourseRun{Key: key, ExternalKey: "X", Title: "T", URL: "https://e/x"}
	show(registrar.Curriculum{Runs: []registrar.CourseRun{full}}, registrar.Curriculum{Active: true, Runs: []registrar.CourseRun{bare, full, bare}})
	const nulls = `{"course_id":"course-v1:MITx+6.001+2026","external_course_key":null,"course_title":null,"course_url":null}`
	const values = `{"course_id":"course-v1:MITx+6.001+2026","external_course_key":"X","course_title":"T","course_url":"https://e/x"}`
	if diff := cmp.Diff("["+nulls+","+values+","+nulls+"]", listed()); diff != "" {
		t.Errorf("course runs (-want +got):\n%s", diff)
	}
	show(registrar.Curriculum{Runs: []registrar.CourseRun{full}})
	if got := listed(); got != "[]" {
		t.Errorf("no active curriculum: %s", got)
	}
	show(registrar.Curriculum{Active: true})
	if got := listed(); got != "[]" {
		t.Errorf("no runs: %s", got)
	}
}
