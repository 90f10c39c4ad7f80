package routes_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPurge(t *testing.T) {
	t.Parallel()
	const all = "/api/internal/cache"
	cases := map[string]struct {
		caller, target string
		status         int
		body           string
		dropped        []string
	}{
		"everything":                   {"JWT staff", all, 204, "", []string{"everything"}},
		"everything, with a slash":     {"JWT staff", all + "/", 204, "", []string{"everything"}},
		"one program":                  {"JWT staff", all + "/masters-cs", 204, "", []string{"masters-cs"}},
		"one program, with a slash":    {"JWT staff", all + "/masters-cs/", 204, "", []string{"masters-cs"}},
		"an unknown program":           {"JWT staff", all + "/program-10000-fake/", 404, "No Program matches the given query.", nil},
		"not staff":                    {"JWT registrar", all, 404, "Not found.", nil},
		"not staff, one program":       {"JWT registrar", all + "/masters-cs", 404, "Not found.", nil},
		"not staff, unknown program":   {"JWT registrar", all + "/nope", 404, "Not found.", nil},
		"a superuser who is not staff": {"JWT root", all, 404, "Not found.", nil},
		"nobody known":                 {"", all, 401, "Authentication credentials", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			request := httptest.NewRequest(http.MethodDelete, tc.target, nil)
			request.Header.Set("Authorization", tc.caller)
			got := newClient(t, w).send(t, request)
			if got.status != tc.status || !strings.Contains(got.body, tc.body) || tc.body == "" && got.body != "" {
				t.Errorf("%d %q, want %d %q", got.status, got.body, tc.status, tc.body)
			}
			if diff := cmp.Diff(tc.dropped, w.purger.dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

// To others the paths do not exist by any method.
func TestPurgePathsAreHidden(t *testing.T) {
	t.Parallel()
	c := newClient(t, newWorld(t))
	for _, path := range []string{"/api/internal/cache", "/api/internal/cache/masters-cs"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "OPTIONS"} {
			for caller, want := range map[string]int{"JWT staff": 405, "JWT registrar": 404, "JWT root": 404, "": 401} {
				request := httptest.NewRequest(method, path, nil)
				request.Header.Set("Authorization", caller)
				if got := c.send(t, request); got.status != want {
					t.Errorf("%s %s as %q: %d %s, want %d", method, path, caller, got.status, got.body, want)
				}
			}
		}
	}
}
