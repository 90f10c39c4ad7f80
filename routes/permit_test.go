package routes_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"registrar/internal/registrar"
)

// programRoutes lists every route behind a program's door that needs to read
// enrollments.
func programRoutes() []string {
	const p = "/api/v3/programs/PROGRAM/"
	return []string{
		p + "learners", p + "learners/s-1001", p + "learners/s-1001/courses", p + "learners/s-1001/grades",
		p + "learners/s-1001/completion", p + "grades", p + "completion", p + "course_enrollments",
		p + "courses/MITx/6.002/2026/grades", p + "courses/MITx/6.002/2026/completion", p + "courses/MITx/6.002/2026/enrollments",
	}
}

func TestEveryProgramRouteHasTheDoor(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		caller, program string
		status          int
	}{
		"nobody known":                        {"", "masters-cs", 401},
		"nobody known, unknown program":       {"", "nope", 401},
		"unknown program":                     {"JWT nobody", "nope", 404},
		"malformed program":                   {"JWT root", "no%2Fpe", 404},
		"broken escape in the program":        {"JWT root", "no%zz", 404},
		"no grant":                            {"JWT nobody", "masters-cs", 403},
		"another school's":                    {"JWT registrar", "north-ma", 403},
		"metadata alone":                      {"JWT clerk", "masters-cs", 403},
		"no Masters":                          {"JWT registrar", "micro-cs", 403},
		"no Masters, even for the superuser":  {"JWT root", "micro-cs", 403},
		"permitted":                           {"JWT registrar", "masters-cs", 200},
		"permitted to the superuser as well":  {"JWT root", "masters-cs", 200},
		"permitted by a percent-encoded name": {"JWT registrar", "masters%2Dcs", 200},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			for _, route := range programRoutes() {
				got := cl.get(t, strings.Replace(route, "PROGRAM", tc.program, 1), "Authorization", tc.caller)
				if got.status != tc.status {
					t.Errorf("%s: status %d, want %d", route, got.status, tc.status)
				}
			}
		})
	}
}

func TestMetadataOpensOneProgramOfAnyType(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for target, want := range map[string]int{
		"/api/v3/programs/masters-cs": 200, "/api/v3/programs/micro-cs": 200,
		"/api/v3/programs/north-ma": 403, "/api/v3/programs/nope": 404,
	} {
		if got := cl.get(t, target, "Authorization", "JWT clerk"); got.status != want {
			t.Errorf("%s: status %d, want %d", target, got.status, want)
		}
	}
}

// The visible order of failures: each request is wrong in every later way too.
func TestOrderOfFailures(t *testing.T) {
	t.Parallel()
	const wrong = "/courses/NOPE/grades?format=xml&course_id=%ff%zz"
	cases := map[string]struct {
		target, caller string
		status         int
	}{
		"401 first":                 {"/api/v3/programs/nope" + wrong, "", 401},
		"404 for the program":       {"/api/v3/programs/nope" + wrong, "JWT nobody", 404},
		"403":                       {"/api/v3/programs/masters-cs/courses/NOPE/grades?format=xml", "JWT nobody", 403},
		"404 for the course run":    {"/api/v3/programs/masters-cs/courses/NOPE/grades?format=xml", "JWT registrar", 404},
		"400 for the query at last": {"/api/v3/programs/masters-cs/courses/MITx/6.002/2026/grades?format=xml", "JWT registrar", 400},
		"401 before a bad learner":  {"/api/v3/learners/a%2Fb/programs?org=nope", "", 401},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newClient(t, newWorld(t)).get(t, tc.target, "Authorization", tc.caller); got.status != tc.status {
				t.Errorf("status %d, want %d: %s", got.status, tc.status, got.body)
			}
		})
	}
}

func TestDiscoveryIsNotAskedForACallerWithoutGrants(t *testing.T) {
	t.Parallel()
	w, asked := newWorld(t), 0
	known := w.catalog.details
	w.catalog.details = func(ctx context.Context, p registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
		asked++
		return known(ctx, p)
	}
	cl := newClient(t, w)
	for _, route := range programRoutes() {
		cl.get(t, strings.Replace(route, "PROGRAM", "masters-cs", 1), "Authorization", "JWT nobody")
	}
	if asked != 0 {
		t.Errorf("Discovery was asked %d times for a caller who may nothing", asked)
	}
	cl.get(t, "/api/v3/programs/masters-cs/learners")
	if asked != 1 {
		t.Errorf("Discovery was asked %d times for one permitted request, want 1", asked)
	}
}

// A Discovery that is away must not look like a missing permission.
func TestDiscoveryFailuresAtTheDoor(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind   registrar.Kind
		status int
	}{
		"answers badly":   {registrar.Upstream, 502},
		"is away":         {registrar.Unavailable, 503},
		"is slow":         {registrar.Timeout, 504},
		"has no such one": {registrar.NotFound, 403},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
				return reportOf(registrar.ProgramDetails{}), &registrar.Error{Kind: tc.kind, Detail: "Discovery.", RetryAfter: time.Second}
			}
			cl := newClient(t, w)
			for _, route := range programRoutes() {
				got := cl.get(t, strings.Replace(route, "PROGRAM", "masters-cs", 1))
				if got.status != tc.status {
					t.Errorf("%s: status %d, want %d", route, got.status, tc.status)
				}
			}
		})
	}
}
