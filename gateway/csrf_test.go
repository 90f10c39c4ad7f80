package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
)

const tokenPath = "/csrf/api/v1/token"

// handedOut asks for a CSRF token and returns it with its cookie.
func handedOut(t *testing.T, s *site, headers ...string) (string, *http.Cookie) {
	t.Helper()
	got := s.ask(t, "GET", tokenPath, headers...)
	var body struct{ CSRFToken string }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 {
		t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	cookies := (&http.Response{Header: got.header}).Cookies()
	if len(cookies) != 1 || cookies[0].Name != "registrar_csrftoken" || cookies[0].Value != body.CSRFToken {
		t.Fatalf("cookies %v with the body %s, want one with the same token", cookies, got.body)
	}
	return body.CSRFToken, cookies[0]
}

func TestCSRFTokens(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{Cookies: lmsCookies(), Origins: []string{console}, TrustedProxies: []string{"127.0.0.1"}}, gateway.Deps{})
	token, cookie := handedOut(t, s)
	if cookie.MaxAge != 31536000 || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.HttpOnly || cookie.Domain != "" {
		t.Errorf("cookie %v", cookie)
	}
	if len(token) != 43 {
		t.Errorf("token %q, want 32 bytes of chance", token)
	}
	if again, _ := handedOut(t, s); again == token {
		t.Error("two browsers got one token")
	}
	mine := "Cookie: registrar_csrftoken=" + token
	if again, cookie := handedOut(t, s, mine, "X-Forwarded-Proto: https"); again != token || !cookie.Secure {
		t.Errorf("%q with %v, want the token that is there, and a secure cookie over https", again, cookie)
	}
	for name, bad := range map[string]string{
		"the original's": strings.Repeat("a", 32), "masked": strings.Repeat("b", 64), "short": token[1:], "odd": token[1:] + "!", "quotes": `"` + token[2:] + `"`,
		"twice": token + "; registrar_csrftoken=" + token,
	} {
		if again, _ := handedOut(t, s, "Cookie: registrar_csrftoken="+bad); again == token || strings.Contains(bad, again) {
			t.Errorf("%s: got %q, want a new one", name, again)
		}
	}
	got := s.ask(t, "GET", tokenPath, "Origin: "+console, "Authorization: JWT garbage")
	for header, want := range map[string]string{
		"Access-Control-Allow-Origin": console, "Access-Control-Allow-Credentials": "true", "Cache-Control": "private, no-store",
		"Content-Type": "application/json", "Allow": "GET, HEAD, OPTIONS", "Vary": "Accept, Accept-Language, Cookie, Origin",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s = %q, want %q", header, got.header.Get(header), want)
		}
	}
	if got := s.ask(t, "GET", tokenPath, "Origin: https://evil.example"); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's page may read it: %d %v", got.status, got.header)
	}
	if got := s.ask(t, "GET", tokenPath+"/"); got.status != 404 || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("with a slash: %d %v, want the page", got.status, got.header)
	}
	if got := s.ask(t, "POST", tokenPath, "Content-Length: 0"); got.status != 405 {
		t.Errorf("POST: %d, want 405", got.status)
	}
}

func TestWritesWithCookiesNeedTheToken(t *testing.T) {
	t.Parallel()
	routes := func(v string) gateway.Mounter {
		return mounts(func(add func(string, string, fiber.Handler)) {
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
				add(method, "/api/"+v+"/enrollments", greet)
			}
		})
	}
	s := start(t, gateway.Config{Cookies: lmsCookies(), Origins: []string{console}, TrustedProxies: []string{"127.0.0.1"}},
		gateway.Deps{Private: []gateway.Mounter{routes("v1"), routes("v3")}})
	token, _ := handedOut(t, s)
	other, _ := handedOut(t, s)
	with := func(cookie string) string { return halves(bearer(t, "ada")) + "; registrar_csrftoken=" + cookie }
	const (
		https, own    = "X-Forwarded-Proto: https", "https://gateway.example.org"
		from, referer = "Origin: ", "Referer: "
	)
	head := "X-CSRFToken: " + token
	for name, tc := range map[string]struct {
		headers []string
		good    bool
	}{
		"from a known page":              {[]string{with(token), head, from + console, https}, true},
		"from our own":                   {[]string{with(token), head, from + own, https}, true},
		"from our own, another name":     {[]string{with(token), head, from + "https://api.school.example", https, "X-Forwarded-Host: API.school.example"}, true},
		"from our own, http":             {[]string{with(token), head, from + "http://gateway.example.org"}, true},
		"by Referer":                     {[]string{with(token), head, referer + console + "/app?a=b", https}, true},
		"by Referer, our own":            {[]string{with(token), head, referer + own + "/", https}, true},
		"no page, http":                  {[]string{with(token), head}, true},
		"a token in the header":          {[]string{"Authorization: JWT " + bearer(t, "ada"), from + "https://evil.example", https}, true},
		"no page, https":                 {[]string{with(token), head, https}, false},
		"another page":                   {[]string{with(token), head, from + "https://evil.example", https}, false},
		"another page, by Referer":       {[]string{with(token), head, referer + "https://evil.example/" + own, https}, false},
		"a page that hides":              {[]string{with(token), head, from + "null", https}, false},
		"Referer without a host":         {[]string{with(token), head, referer + "about:blank", https}, false},
		"Origin before Referer":          {[]string{with(token), head, from + "https://evil.example", referer + own + "/", https}, false},
		"a neighbour":                    {[]string{with(token), head, from + "https://evil.gateway.example.org", https}, false},
		"our own, but over http":         {[]string{with(token), head, from + "http://gateway.example.org", https}, false},
		"our own, another port":          {[]string{with(token), head, from + own + ":8443", https}, false},
		"no header":                      {[]string{with(token), from + console, https}, false},
		"an empty header":                {[]string{with(token), "X-CSRFToken: ", from + console, https}, false},
		"another header":                 {[]string{with(token), "X-CSRFToken: " + other, from + console, https}, false},
		"part of it":                     {[]string{with(token), head[:len(head)-1], from + console, https}, false},
		"no cookie":                      {[]string{halves(bearer(t, "ada")), head, from + console, https}, false},
		"nothing of either":              {[]string{with(""), "X-CSRFToken: ", from + console, https}, false},
		"both short":                     {[]string{with("a"), "X-CSRFToken: a", from + console, https}, false},
		"a tossed cookie":                {[]string{with(token) + "; registrar_csrftoken=" + other, head, from + console, https}, false},
		"the same cookie twice":          {[]string{with(token) + "; registrar_csrftoken=" + token, head, from + console, https}, false},
		"a token that is neither of two": {[]string{with(other), head, from + console, https}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				headers := append([]string{"Content-Length: 0"}, tc.headers...)
				got := s.ask(t, method, "/api/v1/enrollments", headers...)
				if tc.good && (got.status != 200 || got.body != "hello ada") {
					t.Errorf("%s: %d %s, want ada to be let in", method, got.status, got.body)
				}
				if !tc.good && (got.status != 401 || got.body != detail("Authentication credentials were not provided.")) {
					t.Errorf("%s: %d %s, want 401 without a reason", method, got.status, got.body)
				}
				got = s.ask(t, method, "/api/v3/enrollments", headers...)
				if !tc.good && (got.status != 401 || refusalOf(t, got.body).Code != "csrf_failed") {
					t.Errorf("%s, v3: %d %s, want csrf_failed", method, got.status, got.body)
				}
			}
			reading := append([]string{halves(bearer(t, "ada"))}, tc.headers[1:]...)
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				if got := s.ask(t, method, "/api/v1/enrollments", reading...); got.status != 200 {
					t.Errorf("%s: %d, want it to need no token", method, got.status)
				}
			}
		})
	}
}

// A page of an allowed origin can read that it was refused, and nobody was asked.
func TestARefusedWriteReachesNobody(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := start(t, gateway.Config{Cookies: lmsCookies(), Origins: []string{console}}, gateway.Deps{Private: []gateway.Mounter{
		on("POST", "/api/v1/enrollments", func(*fiber.Ctx) error { asked.Add(1); return nil }),
	}})
	cookies := halves(bearer(t, "ada"))
	for _, origin := range []string{console, "https://evil.example"} {
		got := s.ask(t, "POST", "/api/v1/enrollments", cookies, "Origin: "+origin, "Content-Length: 0")
		shared := map[string]string{console: console}[origin]
		if got.status != 401 || got.header.Get("Access-Control-Allow-Origin") != shared {
			t.Errorf("%s: %d %v", origin, got.status, got.header)
		}
	}
	// Origins that come later count from then on.
	token, _ := handedOut(t, s)
	write := func() int {
		return s.ask(t, "POST", "/api/v1/enrollments", cookies+"; registrar_csrftoken="+token, "X-CSRFToken: "+token, "Origin: https://new.example", "Content-Length: 0").status
	}
	if got := write(); got != 401 || asked.Load() != 0 {
		t.Errorf("%d, %d requests reached the handler, want none", got, asked.Load())
	}
	if err := s.gateway.SetOrigins([]string{"https://new.example"}); err != nil {
		t.Fatal(err)
	}
	if got := write(); got != 200 || asked.Load() != 1 {
		t.Errorf("after the origin was allowed: %d, %d requests", got, asked.Load())
	}
}

// The page of queues repeats no token, so what it asks is let in for what its browser
// says of it.
func TestOurOwnPagesNeedNoToken(t *testing.T) {
	t.Parallel()
	pages := mounts(func(add func(string, string, fiber.Handler)) {
		add("POST", "/internal/queue", greet)
		add("POST", "/api/v1/enrollments", greet)
	})
	s := start(t, gateway.Config{Cookies: lmsCookies(), Origins: []string{console}, TrustedProxies: []string{"127.0.0.1"}},
		gateway.Deps{Private: []gateway.Mounter{pages}})
	const own, same, https = "Origin: https://gateway.example.org", "Sec-Fetch-Site: same-origin", "X-Forwarded-Proto: https"
	for name, tc := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"our own":                       {"/internal/queue", []string{own, same, https}, 200},
		"our own, to the API":           {"/api/v1/enrollments", []string{own, same, https}, 401},
		"a page of the same site":       {"/internal/queue", []string{"Origin: " + console, "Sec-Fetch-Site: same-site", https}, 401},
		"another page":                  {"/internal/queue", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", https}, 401},
		"another page in an old one":    {"/internal/queue", []string{"Origin: https://evil.example", https}, 401},
		"our own in an old browser":     {"/internal/queue", []string{own, https}, 401},
		"no page that is told":          {"/internal/queue", []string{same, https}, 401},
		"a contradiction":               {"/internal/queue", []string{"Origin: " + console, same, https}, 401},
		"our own, over http, of https":  {"/internal/queue", []string{"Origin: http://gateway.example.org", same, https}, 401},
		"our own, without any cookies":  {"/internal/queue", nil, 401},
		"our own name, another's scope": {"/internal/queue", []string{own, "Sec-Fetch-Site: none", https}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := append([]string{"Content-Length: 0"}, tc.headers...)
			if tc.headers != nil {
				headers = append(headers, halves(bearer(t, "ada")))
			}
			if got := s.ask(t, "POST", tc.path, headers...); got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
		})
	}
}
