package gateway_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

func TestMethodsAndSlashForms(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/programs/:program_key", greet),
			on("POST", "/api/v3/programs/upload", greet),
			on("GET", "/api/v1/programs", greet),
		},
		Public: []gateway.Mounter{on("GET", "/api-docs", greet)},
	})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for name, tc := range map[string]struct {
		method, target string
		headers        []string
		status         int
		allow, body    string
	}{
		"get":                          {"GET", "/api/v3/programs/cs", []string{caller}, 200, "GET, HEAD, OPTIONS", "hello ada"},
		"get with a slash":             {"GET", "/api/v3/programs/cs/", []string{caller}, 200, "GET, HEAD, OPTIONS", "hello ada"},
		"get with two slashes":         {"GET", "/api/v3/programs/cs//", []string{caller}, 404, "", page},
		"leading two slashes":          {"GET", "//api/v3/programs/cs", []string{caller}, 404, "", page},
		"two slashes and a host":       {"GET", "//evil/api/v3/programs/cs?next=http://x", []string{caller}, 404, "", page},
		"another case":                 {"GET", "/API/v3/programs/cs", []string{caller}, 404, "", page},
		"head":                         {"HEAD", "/api/v3/programs/cs", []string{caller}, 200, "GET, HEAD, OPTIONS", ""},
		"head without credentials":     {"HEAD", "/api/v3/programs/cs", nil, 401, "GET, HEAD, OPTIONS", ""},
		"options":                      {"OPTIONS", "/api/v3/programs/cs/", []string{caller}, 200, "GET, HEAD, OPTIONS", ""},
		"options without credentials":  {"OPTIONS", "/api/v1/programs", nil, 401, "GET, HEAD, OPTIONS", detail("Authentication credentials were not provided.")},
		"delete":                       {"DELETE", "/api/v1/programs/", []string{caller}, 405, "GET, HEAD, OPTIONS", detail(`Method \"DELETE\" not allowed.`)},
		"delete without credentials":   {"DELETE", "/api/v1/programs", nil, 401, "GET, HEAD, OPTIONS", detail("Authentication credentials were not provided.")},
		"post behind another's 405":    {"POST", "/api/v3/programs/upload", []string{caller}, 200, "POST, OPTIONS", "hello ada"},
		"public":                       {"GET", "/api-docs/", nil, 200, "GET, HEAD, OPTIONS", "nobody"},
		"public, no such method":       {"POST", "/api-docs", nil, 405, "GET, HEAD, OPTIONS", "*"},
		"method unknown to the server": {"PROPFIND", "/api/v1/programs", nil, 405, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS", detail("The server has no such method.")},
		"trace":                        {"TRACE", "/api/v1/programs", []string{caller}, 405, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS", detail("The server has no such method.")},
		"no route":                     {"GET", "/api/v3/jobs/", nil, 404, "", page},
		"no route, odd method":         {"PATCH", "/", nil, 404, "", page},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, tc.method, tc.target, tc.headers...)
			if got.status != tc.status || got.header.Get("Allow") != tc.allow {
				t.Errorf("got %d, Allow %q; want %d, Allow %q", got.status, got.header.Get("Allow"), tc.status, tc.allow)
			}
			if tc.body == page {
				if !strings.HasPrefix(got.body, page) || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("got %q %q, want a page", got.header.Get("Content-Type"), got.body)
				}
			} else if tc.body != "*" && got.body != tc.body {
				t.Errorf("body = %q, want %q", got.body, tc.body)
			}
			if got.header.Get("X-Request-ID") == "" {
				t.Error("no X-Request-ID")
			}
		})
	}
}

const page = "<!doctype html>"

func detail(escaped string) string { return `{"detail":"` + escaped + `"}` }

func TestHeadNeedsWhatGetNeeds(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v3/x", func(c *fiber.Ctx) error { return fiber.ErrTeapot }),
	}})
	got := s.ask(t, "HEAD", "/api/v3/x", "Authorization: JWT "+bearer(t, "ada"))
	if got.status != 400 || got.body != "" {
		t.Errorf("got %d %q, want the handler's refusal without a body", got.status, got.body)
	}
}

func TestRoutesAreListed(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v3/programs/", greet), on("POST", "/api/v3/programs", greet)},
		Public:  []gateway.Mounter{on("GET", "/api-docs/*", greet)},
	})
	want := []gateway.Route{
		{Method: "GET", Path: "/livez", Public: true},
		{Method: "GET", Path: "/readyz", Public: true},
		{Method: "GET", Path: "/health", Public: true},
		{Method: "GET", Path: "/api-docs/*", Public: true},
		{Method: "GET", Path: "/api/v3/programs"},
		{Method: "POST", Path: "/api/v3/programs"},
	}
	if diff := cmp.Diff(want, s.gateway.Routes()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

// Everything that is not public must be behind the wall, in every spelling.
func TestNoPrivateRouteWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/programs", greet), on("POST", "/api/v3/programs/:program_key/enrollments", greet),
			on("GET", "/api/v3/programs/:program_key/courses/+/grades", greet), on("GET", "/lms/*", greet),
		},
	})
	fill := strings.NewReplacer(":program_key", "cs", "+", "a/b/c", "*", "heartbeat")
	for _, route := range s.gateway.Routes() {
		if route.Public {
			continue
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			for _, slash := range []string{"", "/"} {
				if got := s.ask(t, method, fill.Replace(route.Path)+slash); got.status != 401 {
					t.Errorf("%s %s%s = %d, want 401", method, route.Path, slash, got.status)
				}
			}
		}
	}
}

func TestMistakesInMountingAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		public, private []gateway.Mounter
		want            string
	}{
		"twice":              {nil, []gateway.Mounter{on("GET", "/a", greet), on("GET", "/a/", greet)}, "mounted twice"},
		"public and private": {[]gateway.Mounter{on("GET", "/a", greet)}, []gateway.Mounter{on("POST", "/a", greet)}, "public and private"},
		"a probe":            {nil, []gateway.Mounter{on("GET", "/health", greet)}, "public and private"},
		"no such method":     {nil, []gateway.Mounter{on("TRACE", "/a", greet)}, "served method"},
		"relative path":      {nil, []gateway.Mounter{on("GET", "a", greet)}, "path from the root"},
		"no handler":         {nil, []gateway.Mounter{on("GET", "/a", nil)}, "a handler"},
		"two judges":         {nil, []gateway.Mounter{on("?", "/a", greet), on("?", "/a/", greet)}, "mounted twice"},
		"two guards":         {nil, []gateway.Mounter{on("*", "/a", greet), on("*", "/a/", greet)}, "mounted twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gateway.New(gateway.Config{}, gateway.Deps{
				People: anyone(), Verifier: sharedSecret(t), Public: tc.public, Private: tc.private,
			})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
		})
	}
}

// A guard is asked for every method that is not mounted, and lists no route.
func TestAGuardHidesAPath(t *testing.T) {
	t.Parallel()
	hide := func(c *fiber.Ctx) error {
		if c.Get("X-Staff") == "" {
			c.Response().Header.Del("Allow")
			return registrar.Fail(registrar.NotFound, "", nil)
		}
		return nil
	}
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("DELETE", "/api/internal/:what", greet), on("*", "/api/internal/:what", hide),
	}})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for method, staff := range map[string]int{"GET": 405, "POST": 405, "PUT": 405, "PATCH": 405, "HEAD": 405, "OPTIONS": 200, "DELETE": 200} {
		for _, slash := range []string{"", "/"} {
			if got := s.ask(t, method, "/api/internal/x"+slash, caller, "X-Staff: yes"); got.status != staff || got.header.Get("Allow") != "DELETE, OPTIONS" {
				t.Errorf("%s%s as staff: %d, Allow %q, want %d", method, slash, got.status, got.header.Get("Allow"), staff)
			}
			if got := s.ask(t, method, "/api/internal/x"+slash); got.status != 401 {
				t.Errorf("%s%s as nobody: %d, want 401", method, slash, got.status)
			}
			if method == "DELETE" {
				continue // its handler is asked, not the guard
			}
			got := s.ask(t, method, "/api/internal/x"+slash, caller)
			if got.status != 404 || got.header.Get("Allow") != "" || method != "HEAD" && got.body != detail("Not found.") {
				t.Errorf("%s%s: %d, Allow %q, %s, want 404", method, slash, got.status, got.header.Get("Allow"), got.body)
			}
		}
	}
	if n := len(s.gateway.Routes()); n != 4 {
		t.Errorf("%d routes, want the three probes and the one that is mounted", n)
	}
}

// An address that names nothing is told from one that needs credentials before
// anybody is asked for them, by every method.
func TestAJudgeOfAddressesComesFirst(t *testing.T) {
	t.Parallel()
	lower := func(c *fiber.Ctx) error {
		if key := c.Params("key"); key != strings.ToLower(key) {
			return &registrar.Error{Kind: registrar.NotFound, Code: registrar.NoRoute}
		}
		return nil
	}
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v1/jobs/:key", greet), on("?", "/api/v1/jobs/:key", lower),
	}})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 200, "POST": 405, "PUT": 405, "PATCH": 405, "DELETE": 405} {
		for _, slash := range []string{"", "/"} {
			for _, header := range []string{caller, "X-Nobody: x"} {
				got := s.ask(t, method, "/api/v1/jobs/ABC"+slash, header, "Content-Length: 0")
				if got.status != 404 || got.header.Get("Allow") != "" || got.header.Get("WWW-Authenticate") != "" || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%s of no address: %d %v, want the page", method, got.status, got.header)
				}
			}
			if got := s.ask(t, method, "/api/v1/jobs/abc"+slash, caller, "Content-Length: 0"); got.status != status || got.header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s: %d, want %d", method, got.status, status)
			}
			if got := s.ask(t, method, "/api/v1/jobs/abc"+slash, "Content-Length: 0"); got.status != 401 {
				t.Errorf("%s as nobody: %d, want 401", method, got.status)
			}
		}
	}
	if n := len(s.gateway.Routes()); n != 4 {
		t.Errorf("%d routes, want the three probes and the one that is mounted", n)
	}
}
