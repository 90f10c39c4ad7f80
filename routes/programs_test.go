package routes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// listed is what the tests look at in a list.
type listed struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []struct {
		Key         string   `json:"program_key"`
		Title       string   `json:"program_title"`
		Student     string   `json:"student_key"`
		Permissions []string `json:"permissions"`
	} `json:"results"`
	Complete bool `json:"complete"`
	Sources  []struct {
		Name  string `json:"name"`
		State string `json:"state"`
		Code  string `json:"code"`
	} `json:"sources"`
}

func (l listed) keys() string {
	var keys []string
	for _, r := range l.Results {
		keys = append(keys, r.Key+r.Student)
	}
	return strings.Join(keys, " ")
}

func parse[T any](t *testing.T, r response) T {
	t.Helper()
	var out T
	if r.status != 200 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return out
}

func TestProgramFilters(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ caller, query, want string }{
		"everything, by key":             {"JWT root", "", "masters-cs masters-ds micro-cs north-ma"},
		"what one may see":               {"JWT clerk", "", "masters-cs masters-ds micro-cs"},
		"nothing":                        {"JWT nobody", "", ""},
		"an organization":                {"JWT root", "?org=NorthU", "north-ma"},
		"an organization without access": {"JWT clerk", "?org=NorthU", ""},
		"a title, by any case":           {"JWT clerk", "?program_title=SCIENCE", "masters-cs masters-ds micro-cs"},
		"a title that none has":          {"JWT clerk", "?program_title=law", ""},
		"empty values":                   {"JWT clerk", "?program_title=&org=&user_has_perm=", "masters-cs masters-ds micro-cs"},
		"a permission of Masters":        {"JWT registrar", "?user_has_perm=write_enrollments", "masters-cs masters-ds"},
		"a permission one has not":       {"JWT registrar", "?user_has_perm=read_reports", ""},
		"all together":                   {"JWT root", "?user_has_perm=read_enrollments&org=MITx&program_title=data", "masters-ds"},
		"an unknown parameter":           {"JWT root", "?nope=1&org=NorthU", "north-ma"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, newWorld(t)).get(t, "/api/v3/programs"+tc.query, "Authorization", tc.caller)
			if keys := parse[listed](t, got).keys(); keys != tc.want {
				t.Errorf("programs %q, want %q", keys, tc.want)
			}
		})
	}
}

func TestUnknownFilterValues(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for query, want := range map[string]int{
		"?org=nope": 404, "?org=%00": 404, "?user_has_perm=right": 404, "?user_has_perm=job_global_read": 404,
		"?format=csv": 400, "?format=xml": 400, "?org=%zz": 400, "?format=json": 200,
	} {
		if got := cl.get(t, "/api/v3/programs"+query); got.status != want {
			t.Errorf("%s: status %d, want %d", query, got.status, want)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	const address = "http://example.com/api/v3/programs"
	link := func(query string) *string { s := address + query; return &s }
	cases := map[string]struct {
		query, keys    string
		next, previous *string
	}{
		"no parameters":     {"", "masters-cs masters-ds micro-cs north-ma", nil, nil},
		"the first":         {"?page_size=1", "masters-cs", link("?page=2&page_size=1"), nil},
		"the second":        {"?page_size=1&page=2", "masters-ds", link("?page=3&page_size=1"), link("?page_size=1")},
		"the last, by word": {"?page=last&page_size=3", "north-ma", nil, link("?page_size=3")},
		"size zero":         {"?page_size=0", "masters-cs masters-ds micro-cs north-ma", nil, nil},
		"size negative":     {"?page_size=-5", "masters-cs masters-ds micro-cs north-ma", nil, nil},
		"size of letters":   {"?page_size=x", "masters-cs masters-ds micro-cs north-ma", nil, nil},
		"size huge":         {"?page_size=999999999999", "masters-cs masters-ds micro-cs north-ma", nil, nil},
		"other parameters":  {"?z=1&page_size=2&a=b+c", "masters-cs masters-ds", link("?a=b+c&page=2&page_size=2&z=1"), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse[listed](t, newClient(t, newWorld(t)).get(t, "/api/v3/programs"+tc.query, "Authorization", "JWT root"))
			if got.keys() != tc.keys || got.Count != 4 {
				t.Errorf("%d programs %q, want 4, %q", got.Count, got.keys(), tc.keys)
			}
			if diff := cmp.Diff([]*string{tc.next, tc.previous}, []*string{got.Next, got.Previous}); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for _, query := range []string{"?page=foo&page_size=2", "?page=2&page_size=100", "?page=0", "?page=-1", "?page=99999999999999999999"} {
		for _, list := range []string{"/api/v3/programs", "/api/v3/programs/masters-cs/learners", "/api/v3/learners/s-1001/programs"} {
			got := cl.get(t, list+query)
			if got.status != 404 || !strings.Contains(got.body, `"detail":"Invalid page."`) {
				t.Errorf("%s%s: %d %s", list, query, got.status, got.body)
			}
		}
	}
	empty := parse[listed](t, cl.get(t, "/api/v3/programs?page=1", "Authorization", "JWT nobody"))
	if empty.Count != 0 || empty.Results == nil {
		t.Errorf("the first page of nothing is %+v, want an empty list", empty)
	}
}

// Details cost an upstream call each: only what is shown is asked for.
func TestDetailsAreReadForThePageAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		query string
		want  string
	}{
		"a page":                            {"?page_size=1&page=2", "[masters-ds]"},
		"a filter that needs every title":   {"?page_size=1&page=2&program_title=a", "[masters-cs masters-ds micro-cs]"},
		"a permission that needs the types": {"?page_size=1&user_has_perm=read_enrollments", "[masters-cs masters-ds micro-cs]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			known, asked := w.catalog.detailsOf, []string(nil)
			w.catalog.detailsOf = func(ps []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
				for _, p := range ps {
					asked = append(asked, string(p.Key))
				}
				return known(ps)
			}
			newClient(t, w).get(t, "/api/v3/programs"+tc.query)
			if got := fmt.Sprint(asked); got != tc.want {
				t.Errorf("asked for %s, want %s", got, tc.want)
			}
		})
	}
}

// A program of which Discovery tells nothing keeps its place under its key.
func TestProgramsWithoutDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var none registrar.CourseKey
	w.catalog.detailsOf = func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
		return reportOf(map[registrar.ProgramKey]registrar.ProgramDetails{}, failed(registrar.FromDiscovery, none))
	}
	w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
		return reportOf(registrar.ProgramDetails{}), failed(registrar.FromDiscovery, none).Err
	}
	cl := newClient(t, w)

	list := cl.get(t, "/api/v3/programs?program_title=RS-C")
	got := parse[listed](t, list)
	if got.keys() != "masters-cs" || got.Results[0].Title != "masters-cs" || fmt.Sprint(got.Results[0].Permissions) != "[read_metadata]" {
		t.Errorf("programs without details: %s", list.body)
	}
	if list.header.Get("X-Registrar-Complete") != "false" {
		t.Error("a list without details counts as complete")
	}
	one := cl.get(t, "/api/v3/programs/masters-cs")
	if want := `"permissions":["read_metadata"],"organization":"MITx","curriculum_uuid":null,"curriculum_verified":false,"course_runs":[],"complete":false,` +
		`"sources":[{"name":"discovery.program","state":"failed","fetched_at":null,"age_seconds":null,"code":"timeout","retryable":true}]}`; !strings.HasSuffix(one.body, want) {
		t.Errorf("program without details: %s", one.body)
	}
}
