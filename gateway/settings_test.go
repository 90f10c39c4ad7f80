package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
)

// settings are the server's options that have no safe default; what a request
// shows of them is tested further down.
type settings struct {
	CaseSensitive, Strict, Unescape, Immutable, Prefork, Stream, NoForms, TrustCheck, IPValidation, Quiet bool
	NoKeepalive, ReduceMemory, ETag, GetOnly, KeepNames, SecureErrors, CloseOnShutdown                    bool
	Body, Header, Concurrency                                                                             int
	Read, Write, Idle                                                                                     time.Duration
	Server, ProxyHeader                                                                                   string
	Methods                                                                                               []string
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	seen := make(chan settings, 1)
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v3/x", func(c *fiber.Ctx) error {
			f := c.App().Config()
			seen <- settings{
				CaseSensitive: f.CaseSensitive, Strict: f.StrictRouting, Unescape: f.UnescapePath, Immutable: f.Immutable,
				Prefork: f.Prefork, Stream: f.StreamRequestBody, NoForms: f.DisablePreParseMultipartForm, TrustCheck: f.EnableTrustedProxyCheck,
				IPValidation: f.EnableIPValidation, Quiet: f.DisableStartupMessage, NoKeepalive: f.DisableKeepalive,
				ReduceMemory: f.ReduceMemoryUsage, ETag: f.ETag, GetOnly: f.GETOnly, KeepNames: f.DisableHeaderNormalizing,
				SecureErrors: c.App().Server().SecureErrorLogMessage, CloseOnShutdown: c.App().Server().CloseOnShutdown,
				Body: f.BodyLimit, Header: f.ReadBufferSize, Concurrency: f.Concurrency,
				Read: f.ReadTimeout, Write: f.WriteTimeout, Idle: f.IdleTimeout,
				Server: f.ServerHeader, ProxyHeader: f.ProxyHeader, Methods: f.RequestMethods,
			}
			return nil
		}),
	}})
	s.ask(t, "GET", "/api/v3/x", "Authorization: JWT "+bearer(t, "ada"))
	want := settings{
		CaseSensitive: true, Strict: true, Stream: true, NoForms: true, TrustCheck: true, IPValidation: true, Quiet: true,
		SecureErrors: true, CloseOnShutdown: true,
		Body: 1 << 20, Header: 16 << 10, Concurrency: 16384,
		Read: 15 * time.Second, Write: time.Minute, Idle: 75 * time.Second,
		Methods: []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"},
	}
	if diff := cmp.Diff(want, <-seen); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestPathsReachTheHandlerAsSent(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v3/courses/+/grades", func(c *fiber.Ctx) error { return c.SendString(c.Params("+")) }),
	}})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for _, key := range []string{
		"course-v1:edX+DemoX+Demo_Course", "course-v1%3AedX%2BDemoX%2BDemo_Course", "edX/DemoX/Demo_Course",
		"edX%2FDemoX%2FDemo_Course", "a%252Fb", "..hidden", "a..b", "%C3%A9t%C3%A9", "50%", "a%zz",
	} {
		if got := s.ask(t, "GET", "/api/v3/courses/"+key+"/grades", caller); got.status != 200 || got.body != key {
			t.Errorf("%q arrived as %d %q", key, got.status, got.body)
		}
	}
}

func TestLimitsAreAnsweredLikeEverythingElse(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{BodyLimit: 1000}, gateway.Deps{Private: []gateway.Mounter{
		on("POST", "/api/v1/programs", greet), on("POST", "/api/v3/programs", greet),
	}})
	head := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nX-Request-ID: school-4711\r\n"
	}
	canary := strings.Repeat("canary", 4000)
	for name, tc := range map[string]struct {
		request string
		status  int
		id      string // empty: the server has forgotten the head, so a new one is made
		body    string
	}{
		"body, v1":    {head("/api/v1/programs") + "Content-Length: 1001\r\n\r\n" + canary[:1001], 413, "school-4711", detail("The request body is too large.")},
		"body, v3":    {head("/api/v3/programs") + "Content-Length: 1001\r\n\r\n" + canary[:1001], 413, "school-4711", `"code":"too_large"`},
		"chunked":     {head("/api/v3/programs") + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + canary[:1001] + "\r\n0\r\n\r\n", 413, "", `"code":"too_large"`},
		"huge chunk":  {head("/api/v3/programs") + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400, "", `"code":"malformed_request"`},
		"one header":  {head("/api/v3/programs") + "Authorization: JWT " + canary + "\r\n\r\n", 431, "", `"code":"headers_too_large"`},
		"10 000":      {head("/api/v3/programs") + strings.Repeat("X-A: canary\r\n", 10000) + "\r\n", 431, "", `"code":"headers_too_large"`},
		"many lines":  {head("/api/v3/programs") + strings.Repeat("A: b\r\n", 300) + "\r\n", 431, "school-4711", `"code":"headers_too_large"`},
		"many _":      {head("/api/v1/programs") + strings.Repeat("a_: b\r\n", 300) + "\r\n", 431, "school-4711", detail("The head of the request has more lines than the server reads.")},
		"no HTTP":     {"canary\r\n\r\n", 400, "", `"code":"malformed_request"`},
		"bad version": {"GET /canary HTTP/9.x\r\nAuthorization: JWT canary\r\n\r\n", 400, "", `"code":"malformed_request"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.raw(t, "POST", tc.request)
			if got.status != tc.status || !strings.Contains(got.body, tc.body) {
				t.Errorf("got %d %s, want %d with %s", got.status, got.body, tc.status, tc.body)
			}
			id := got.header.Get("X-Request-ID")
			if id == "" || tc.id != "" && id != tc.id {
				t.Errorf("X-Request-ID = %q, want %q", id, tc.id)
			}
			if got.header.Get("X-Frame-Options") != "DENY" || got.header.Get("Cache-Control") != "private, no-store" ||
				!got.closed {
				t.Errorf("headers = %v, want the usual ones and a closed connection", got.header)
			}
			if strings.Contains(got.body, "canary") || strings.Contains(s.log.String(), "canary") {
				t.Error("the request is quoted")
			}
			if !strings.Contains(s.log.String(), `"request_id":"`+id+`"`) {
				t.Error("no access line for it")
			}
		})
	}
}

func TestALongTokenFits(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}})
	got := s.ask(t, "GET", "/api/v3/x", "Authorization: JWT "+bearer(t, "ada"), "Cookie: session="+strings.Repeat("s", 12000))
	if got.status != 200 {
		t.Errorf("a head of 12 KB = %d, want 200", got.status)
	}
}

func TestForwardedHeadersAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proxies []string
		want    string
	}{
		"nobody is trusted":   {nil, "http://gateway.example.org"},
		"another is trusted":  {[]string{"10.0.0.0/8"}, "http://gateway.example.org"},
		"this one is trusted": {[]string{"127.0.0.1"}, "https://api.school.example"},
		"its net is trusted":  {[]string{"127.0.0.0/8"}, "https://api.school.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, gateway.Config{TrustedProxies: tc.proxies}, gateway.Deps{Public: []gateway.Mounter{
				on("GET", "/base", func(c *fiber.Ctx) error { return c.SendString(c.BaseURL()) }),
			}})
			got := s.ask(t, "GET", "/base", "X-Forwarded-Host: api.school.example", "X-Forwarded-Proto: https")
			if got.body != tc.want {
				t.Errorf("base URL = %q, want %q", got.body, tc.want)
			}
		})
	}
}

func TestMistakesInTheConfigAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  gateway.Config
		deps gateway.Deps
		want string
	}{
		"proxy":    {gateway.Config{TrustedProxies: []string{"lb.internal"}}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}, "lb.internal"},
		"origin":   {gateway.Config{Origins: []string{"*"}}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}, `"*" cannot be allowed`},
		"rate":     {gateway.Config{Limits: gateway.Limits{Default: gateway.Limit{Burst: -1}}}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}, "negative"},
		"timeout":  {gateway.Config{ReadTimeout: -1}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}, "negative"},
		"limit":    {gateway.Config{BodyLimit: -1}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}, "negative"},
		"people":   {gateway.Config{}, gateway.Deps{Verifier: sharedSecret(t)}, "required"},
		"verifier": {gateway.Config{}, gateway.Deps{People: anyone()}, "required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := gateway.New(tc.cfg, tc.deps); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
		})
	}
}
