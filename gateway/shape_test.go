package gateway_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// failing mounts handlers that fail with err in every version of the API.
func failing(err error) []gateway.Mounter {
	fail := func(*fiber.Ctx) error { return err }
	var list []gateway.Mounter
	for _, path := range []string{"/api/v1/x", "/api/v2/x", "/api/v3/x", "/api/internal/x"} {
		list = append(list, on("POST", path, fail))
	}
	return list
}

func TestShapesOfErrors(t *testing.T) {
	t.Parallel()
	const text = "expected \"a\" <b> & \u2028"
	const escaped = `"expected \"a\" <b> & \u2028"`
	for name, tc := range map[string]struct {
		shape registrar.Shape
		want  string
	}{
		"object": {registrar.DetailObject, `{"detail":` + escaped + `}`},
		"list":   {registrar.DetailList, `[` + escaped + `]`},
		"text":   {registrar.DetailText, escaped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, gateway.Config{}, gateway.Deps{
				Private: failing(&registrar.Error{Kind: registrar.Conflict, Detail: text, Shape: tc.shape}),
			})
			caller := "Authorization: JWT " + bearer(t, "ada")
			for _, path := range []string{"/api/v1/x", "/api/v2/x/", "/api/internal/x"} {
				got := s.ask(t, "POST", path, caller, "Content-Length: 0")
				if got.status != 409 || got.body != tc.want || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s: %d %q %s, want %s", path, got.status, got.header.Get("Content-Type"), got.body, tc.want)
				}
			}
			got := s.ask(t, "POST", "/api/v3/x", caller, "Content-Length: 0")
			if got.status != 409 || !strings.Contains(got.body, `"detail":`+escaped+`,"code":"conflict"`) ||
				got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("v3: %d %q %s, want a problem whatever the shape", got.status, got.header.Get("Content-Type"), got.body)
			}
		})
	}
}

// A path that a handler finds to name nothing is answered like one that no handler
// is for.
func TestAHandlersNoRouteIsThePage(t *testing.T) {
	t.Parallel()
	w := &watch{}
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: failing(&registrar.Error{Kind: registrar.NotFound, Code: registrar.NoRoute, Detail: "Not found."}), Observe: w.note,
	})
	caller := "Authorization: JWT " + bearer(t, "ada")
	unmatched := s.ask(t, "POST", "/api/v1/nowhere", caller, "Content-Length: 0")
	for _, path := range []string{"/api/v1/x", "/api/v2/x"} {
		got := s.ask(t, "POST", path, caller, "Content-Length: 0")
		for _, volatile := range []string{"Date", "X-Request-Id"} {
			got.header.Del(volatile)
			unmatched.header.Del(volatile)
		}
		if got.status != 404 || got.body != unmatched.body || len(got.header) != len(unmatched.header) || got.header.Get("Allow") != "" ||
			got.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v %s, want what an unmatched path gets: %v", path, got.status, got.header, got.body, unmatched.header)
		}
		if o := w.last(); o.Code != registrar.NoRoute || o.Route != path {
			t.Errorf("%s: observed %+v", path, o)
		}
	}
	got := s.ask(t, "POST", "/api/v3/x", caller, "Content-Length: 0")
	if got.status != 404 || !strings.Contains(got.body, `"code":"no_route"`) {
		t.Errorf("v3: %d %s, want a problem", got.status, got.body)
	}
}

// What the original has besides its API is not offered here.
func TestPagesOfTheOriginalAreNotThere(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v1/programs", greet)}})
	for _, path := range []string{
		"/", "/login", "/login/", "/logout/", "/admin", "/admin/", "/auto_auth", "/auto_auth/", "/api-auth/login/",
		"/complete/edx-oauth2/", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v9/programs", "/api/v1//programs", "/api/v3/jobs/",
	} {
		for _, caller := range []string{"X-Nobody: x", "Authorization: JWT " + bearer(t, "ada")} {
			got := s.ask(t, "GET", path, caller)
			if got.status != 404 || got.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(got.body, page) || got.header.Get("Allow") != "" {
				t.Errorf("%s: %d %v %s, want the page", path, got.status, got.header, got.body)
			}
		}
	}
}

func TestHeadersThatClientsOfTheOriginalSee(t *testing.T) {
	t.Parallel()
	none := func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) }
	var routes []gateway.Mounter
	for _, v := range []string{"v1", "v2"} {
		routes = append(routes, on("GET", "/api/"+v+"/programs", greet), on("DELETE", "/api/"+v+"/programs/:program_key", none))
	}
	s := start(t, gateway.Config{}, gateway.Deps{Private: routes})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for name, tc := range map[string]struct {
		method, path, caller string
		status               int
		allow                string
	}{
		"good":      {"GET", "/programs", caller, 200, "GET, HEAD, OPTIONS"},
		"head":      {"HEAD", "/programs", caller, 200, "GET, HEAD, OPTIONS"},
		"nobody":    {"GET", "/programs", "X-Nobody: x", 401, "GET, HEAD, OPTIONS"},
		"no method": {"PUT", "/programs", caller, 405, "GET, HEAD, OPTIONS"},
		"options":   {"OPTIONS", "/programs", caller, 200, "GET, HEAD, OPTIONS"},
		"nothing":   {"DELETE", "/programs/cs", caller, 204, "DELETE, OPTIONS"},
	} {
		for _, v := range []string{"/api/v1", "/api/v2"} {
			got := s.ask(t, tc.method, v+tc.path, tc.caller)
			if got.status != tc.status || got.header.Get("Allow") != tc.allow || got.header.Get("Vary") != "Accept, Accept-Language, Cookie, Origin" {
				t.Errorf("%s, %s: %d %v; want %d with Allow %q and the exact Vary", name, v, got.status, got.header, tc.status, tc.allow)
			}
			if types := got.header.Values("Content-Type"); tc.status == 204 && len(types) > 0 {
				t.Errorf("%s, %s: 204 with the content type %q", name, v, types)
			}
		}
	}
}
