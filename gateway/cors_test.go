package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
	"registrar/internal/registrar"
)

const console = "https://console.school.example"

// A page of an allowed origin can read every answer, whatever went wrong: without
// the headers it would see a network error.
func TestEveryAnswerIsShared(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{Origins: []string{console}, BodyLimit: 10, Limits: gateway.Limits{FailedTokens: gateway.Limit{Requests: 1}}}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/x", greet), on("POST", "/api/v3/x", greet),
			on("GET", "/api/v3/panic", func(*fiber.Ctx) error { panic("x") }),
			on("GET", "/api/v3/away", func(*fiber.Ctx) error { return registrar.Fail(registrar.Unavailable, "", nil) }),
		},
	})
	token := "Authorization: JWT " + bearer(t, "ada")
	head := func(method, target string) string {
		return method + " " + target + " HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\n"
	}
	for name, tc := range map[string]struct {
		request string
		status  int
	}{
		"good":           {head("GET", "/api/v3/x") + token + "\r\n\r\n", 200},
		"no token":       {head("GET", "/api/v3/x") + "\r\n", 401},
		"options":        {head("OPTIONS", "/api/v3/x") + "\r\n", 401},
		"no route":       {head("GET", "/nowhere") + "\r\n", 404},
		"no such method": {head("PUT", "/api/v3/x") + token + "\r\nContent-Length: 0\r\n\r\n", 405},
		"odd method":     {head("TRACE", "/api/v3/x") + "\r\n", 405},
		"body too large": {head("POST", "/api/v3/x") + "Content-Length: 11\r\n\r\n01234567890", 413},
		"malformed":      {head("POST", "/api/v3/x") + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"many headers":   {head("GET", "/api/v3/x") + strings.Repeat("A: b\r\n", 300) + "\r\n", 431},
		"panic":          {head("GET", "/api/v3/panic") + token + "\r\n\r\n", 500},
		"unavailable":    {head("GET", "/api/v3/away") + token + "\r\n\r\n", 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for origin, allowed := range map[string]string{
				console: console, "https://evil.example": "", console + ".evil.example": "", "null": "",
				"http://console.school.example": "", "https://CONSOLE.school.example": "",
			} {
				got := s.raw(t, "GET", strings.Replace(tc.request, "ORIGIN", origin, 1))
				credentials := map[bool]string{true: "true"}[allowed != ""]
				if got.status != tc.status || got.header.Get("Access-Control-Allow-Origin") != allowed ||
					got.header.Get("Access-Control-Allow-Credentials") != credentials || len(got.header.Values("Access-Control-Allow-Origin")) > 1 {
					t.Errorf("%s: %d %v; want %d, allowed %q", origin, got.status, got.header, tc.status, allowed)
				}
				if !strings.Contains(got.header.Get("Vary"), "Origin") {
					t.Errorf("%s: Vary = %q", origin, got.header.Get("Vary"))
				}
				if exposed := got.header.Get("Access-Control-Expose-Headers"); allowed != "" && !strings.Contains(exposed, "x-request-id") {
					t.Errorf("exposed: %q", exposed)
				}
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	w := &watch{}
	s := start(t, gateway.Config{Origins: []string{"https://other.example", console}}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/programs", greet), on("POST", "/api/v1/programs", greet)}, Observe: w.note,
	})
	for _, path := range []string{"/api/v1/programs", "/api/v1/programs/", "/nowhere"} {
		got := s.ask(t, "OPTIONS", path, "Origin: "+console, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: use-jwt-cookie")
		want := map[string]string{
			"Access-Control-Allow-Origin": console, "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "86400",
			"Access-Control-Allow-Methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
		}
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s = %q, want %q", path, name, got.header.Get(name), value)
			}
		}
		allowed := strings.Split(got.header.Get("Access-Control-Allow-Headers"), ", ")
		for _, name := range []string{"accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with", "accept-encoding", "dnt", "origin", "use-jwt-cookie", "if-none-match", "idempotency-key", "prefer"} {
			if !contains(allowed, name) {
				t.Errorf("%s: header %s is not allowed: %v", path, name, allowed)
			}
		}
		if got.status != 200 || got.body != "" {
			t.Errorf("%s: %d %q, want an empty 200", path, got.status, got.body)
		}
		if o := w.last(); o.Route != "preflight" || o.Method != "OPTIONS" || o.Status != 200 {
			t.Errorf("%s: observed %+v", path, o)
		}
	}
	got := s.ask(t, "OPTIONS", "/api/v1/programs", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
	if got.status != 200 || got.body != "" || got.header.Get("Access-Control-Allow-Origin") != "" || got.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("a stranger's page: %d %v %q, want an empty 200 that allows nothing", got.status, got.header, got.body)
	}
	// Neither of these is a preflight.
	if got := s.ask(t, "OPTIONS", "/api/v1/programs", "Origin: "+console); got.status != 401 {
		t.Errorf("without a method to ask for: %d, want 401", got.status)
	}
	if got := s.ask(t, "GET", "/api/v1/programs", "Origin: "+console, "Access-Control-Request-Method: POST"); got.status != 401 {
		t.Errorf("GET: %d, want 401", got.status)
	}
}

func contains(list []string, name string) bool {
	for _, item := range list {
		if item == name {
			return true
		}
	}
	return false
}

func TestTheAgeOfAPreflightIsTheOperators(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{0: "86400", -1: "0", time.Hour: "3600", time.Millisecond: "0"} {
		s := start(t, gateway.Config{Origins: []string{console}, PreflightAge: age}, gateway.Deps{})
		told := func() string {
			return s.ask(t, "OPTIONS", "/livez", "Origin: "+console, "Access-Control-Request-Method: GET").header.Get("Access-Control-Max-Age")
		}
		if got := told(); got != want {
			t.Errorf("%v: %q, want %q", age, got, want)
		}
		s.gateway.SetPreflightAge(time.Minute)
		if got := told(); got != "60" {
			t.Errorf("swapped: %q, want 60", got)
		}
	}
}

func TestOriginsCanBeSwappedWhileItRuns(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{})
	allowed := func() string {
		return s.ask(t, "GET", "/livez", "Origin: "+console).header.Get("Access-Control-Allow-Origin")
	}
	if got := allowed(); got != "" {
		t.Errorf("at first: %q", got)
	}
	origins := []string{console}
	if err := s.gateway.SetOrigins(origins); err != nil {
		t.Fatal(err)
	}
	origins[0] = "https://evil.example" // the caller's list is the caller's
	for _, bad := range []string{
		"*", "https://*", "https://*.school.example", "null", "", "console.school.example", console + "/", console + "/app", console + "?a",
		"https://CONSOLE.school.example", "ftp://console.school.example", "https://user@console.school.example", "https://", console + ":443", "http://a:80",
	} {
		if err := s.gateway.SetOrigins([]string{"https://fine.example", bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if got := allowed(); got != console {
		t.Errorf("after mistakes: %q, want what was set before", got)
	}
	if err := s.gateway.SetOrigins([]string{"http://localhost:1976", "http://[::1]:1976"}); err != nil {
		t.Error(err)
	}
	if got := allowed(); got != "" {
		t.Errorf("after a swap: %q", got)
	}
}
