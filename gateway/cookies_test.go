package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"registrar/gateway"
	"registrar/internal/registrar"
)

const (
	payloadCookie   = "edx-jwt-cookie-header-payload"
	signatureCookie = "edx-jwt-cookie-signature"
)

func lmsCookies() gateway.Cookies {
	return gateway.Cookies{HeaderPayload: payloadCookie, Signature: signatureCookie}
}

// halves is the Cookie header of a browser whose user has this token.
func halves(token string) string {
	end := strings.LastIndexByte(token, '.')
	return "Cookie: sessionid=x; " + payloadCookie + "=" + token[:end] + "; " + signatureCookie + "=" + token[end+1:]
}

// refusal is what a body of v1 or v3 says.
type refusal struct{ Detail, Code string }

func refusalOf(t *testing.T, body string) refusal {
	t.Helper()
	var r refusal
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return r
}

func TestATokenMayBeInCookies(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{Cookies: lmsCookies()}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v1/programs", greet), on("GET", "/api/v2/programs", greet), on("GET", "/api/v3/programs", greet),
		on("GET", "/api/internal/x", greet), on("GET", "/lms/heartbeat", greet), on("GET", "/discovery/x", greet),
	}})
	ada, bob := bearer(t, "ada"), bearer(t, "bob")
	cookies := halves(ada)
	expired := signed(t, jwt.SigningMethodHS256, []byte(secret), good())
	const none = "Authentication credentials were not provided."
	const v1, v3 = "/api/v1/programs", "/api/v3/programs"
	for name, tc := range map[string]struct {
		path    string
		headers []string
		hello   string // empty: 401 with detail
		detail  string
		code    string // of v3 and the passthrough
	}{
		"v1":                           {path: v1, headers: []string{cookies}, hello: "ada"},
		"v2":                           {path: "/api/v2/programs/", headers: []string{cookies}, hello: "ada"},
		"v3":                           {path: v3, headers: []string{cookies}, hello: "ada"},
		"internal":                     {path: "/api/internal/x", headers: []string{cookies}, hello: "ada"},
		"two lines":                    {path: v1, headers: strings.Split(strings.Replace(cookies, "; "+signatureCookie, "\nCookie: "+signatureCookie, 1), "\n"), hello: "ada"},
		"scheme alone":                 {path: v1, headers: []string{cookies, "Authorization: JWT"}, hello: "ada"},
		"three parts":                  {path: v1, headers: []string{cookies, "Authorization: JWT a b"}, hello: "ada"},
		"two spaces":                   {path: v1, headers: []string{cookies, "Authorization: JWT  a"}, hello: "ada"},
		"nothing in the header":        {path: v1, headers: []string{cookies, "Authorization: "}, hello: "ada"},
		"bearer alone, v3":             {path: v3, headers: []string{cookies, "Authorization: Bearer"}, hello: "ada"},
		"a header wins":                {path: v1, headers: []string{cookies, "Authorization: JWT " + bob}, hello: "bob"},
		"a bad header is final":        {path: v1, headers: []string{cookies, "Authorization: JWT garbage"}, detail: "Invalid token."},
		"bearer, v1":                   {path: v1, headers: []string{cookies, "Authorization: Bearer " + bob}, detail: none},
		"bearer alone, v1":             {path: v1, headers: []string{cookies, "Authorization: Bearer"}, detail: none},
		"basic":                        {path: v1, headers: []string{cookies, "Authorization: Basic YTpi"}, detail: none},
		"basic, v3":                    {path: v3, headers: []string{cookies, "Authorization: Basic YTpi"}, detail: none, code: "token_missing"},
		"LMS passthrough":              {path: "/lms/heartbeat", headers: []string{cookies}, detail: none, code: "token_missing"},
		"Discovery passthrough":        {path: "/discovery/x", headers: []string{cookies}, detail: none, code: "token_missing"},
		"one half":                     {path: v3, headers: []string{"Cookie: " + payloadCookie + "=a.b"}, detail: none, code: "token_missing"},
		"empty halves":                 {path: v3, headers: []string{"Cookie: " + payloadCookie + "=; " + signatureCookie + "="}, detail: none, code: "token_missing"},
		"the whole in one":             {path: v3, headers: []string{"Cookie: " + payloadCookie + "=" + ada}, detail: none, code: "token_missing"},
		"names in capitals":            {path: v3, headers: []string{strings.ToUpper(cookies[:len("Cookie: sessionid=x; ")+len(payloadCookie)]) + cookies[len("Cookie: sessionid=x; ")+len(payloadCookie):]}, detail: none, code: "token_missing"},
		"expired, v1":                  {path: v1, headers: []string{halves(expired)}, detail: none},
		"expired, v3":                  {path: v3, headers: []string{halves(expired)}, detail: none, code: "cookie_invalid"},
		"garbage":                      {path: v3, headers: []string{"Cookie: " + payloadCookie + "=a.b; " + signatureCookie + "=c"}, detail: none, code: "cookie_invalid"},
		"too many dots":                {path: v3, headers: []string{strings.Replace(cookies, signatureCookie+"=", signatureCookie+"=a.", 1)}, detail: none, code: "cookie_invalid"},
		"oversized":                    {path: v3, headers: []string{"Cookie: " + payloadCookie + "=a.b; " + signatureCookie + "=" + strings.Repeat("c", 15<<10)}, detail: none, code: "cookie_invalid"},
		"a tossed payload, in front":   {path: v3, headers: []string{strings.Replace(cookies, "sessionid", payloadCookie, 1)}, detail: none, code: "cookie_invalid"},
		"a tossed signature, at end":   {path: v3, headers: []string{cookies + "; " + signatureCookie + "=x"}, detail: none, code: "cookie_invalid"},
		"the same twice":               {path: v3, headers: []string{cookies, cookies}, detail: none, code: "cookie_invalid"},
		"a header in spite of cookies": {path: v3, headers: []string{cookies, cookies, "Authorization: Bearer " + bob}, hello: "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, "GET", tc.path, tc.headers...)
			if tc.hello != "" {
				if got.status != 200 || got.body != "hello "+tc.hello {
					t.Errorf("got %d %s, want %s to be let in", got.status, got.body, tc.hello)
				}
				return
			}
			if got.status != 401 || refusalOf(t, got.body) != (refusal{tc.detail, tc.code}) ||
				got.header.Get("WWW-Authenticate") != `JWT realm="api"` || !strings.Contains(got.header.Get("Vary"), "Cookie") {
				t.Errorf("got %d %v %s, want 401 %q %q", got.status, got.header, got.body, tc.detail, tc.code)
			}
			if strings.HasPrefix(tc.path, v1) && got.body != detail(tc.detail) {
				t.Errorf("body = %s, want the original's", got.body)
			}
		})
	}
}

func TestWithoutNamesCookiesAreNoCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v3/programs", greet)}})
	got := s.ask(t, "GET", "/api/v3/programs", halves(bearer(t, "ada")))
	if got.status != 401 || refusalOf(t, got.body).Code != "token_missing" {
		t.Errorf("got %d %s, want cookies to be ignored", got.status, got.body)
	}
	if got := s.ask(t, "GET", "/csrf/api/v1/token"); got.status != 404 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("CSRF token: %d %v, want none where nobody needs one", got.status, got.header)
	}
}

func TestNamesOfCookiesAreChecked(t *testing.T) {
	t.Parallel()
	for name, cookies := range map[string]gateway.Cookies{
		"one alone": {HeaderPayload: "a"}, "the other alone": {Signature: "a"}, "one name": {HeaderPayload: "a", Signature: "a"},
		"a separator": {HeaderPayload: "a=b", Signature: "c"}, "a space": {HeaderPayload: "a", Signature: "c "}, "ours": {HeaderPayload: "a", Signature: "registrar_csrftoken"},
	} {
		if _, err := gateway.New(gateway.Config{Cookies: cookies}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)}); err == nil {
			t.Errorf("%s: %+v was taken", name, cookies)
		}
	}
}

// What is no fault of the cookies is not told as one: a page that hears of a bad
// token sends its user to log in.
func TestTroubleWithKeysIsNoRefusalOfCookies(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{Cookies: lmsCookies()}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/programs", greet)},
		People: people(func(_ context.Context, c registrar.Claims) (registrar.Principal, error) {
			if c.Username == "inactive" {
				return registrar.Principal{}, registrar.Fail(registrar.Unauthenticated, "Invalid token.", nil)
			}
			return registrar.Principal{}, registrar.Fail(registrar.Unavailable, "", errors.New("database is away"))
		}),
	})
	if got := s.ask(t, "GET", "/api/v1/programs", halves(bearer(t, "ada"))); got.status != 503 {
		t.Errorf("store away: %d %s, want 503", got.status, got.body)
	}
	got := s.ask(t, "GET", "/api/v1/programs", halves(bearer(t, "inactive")))
	if got.status != 401 || got.body != detail("Authentication credentials were not provided.") {
		t.Errorf("inactive: %d %s, want 401 without a reason", got.status, got.body)
	}
}

// Tokens in cookies are remembered, and bad ones are counted, like any others.
func TestCookiesShareMemoryAndLimits(t *testing.T) {
	t.Parallel()
	outcomes := make(chan string, 10)
	v, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, HS256Secret: secret}},
		gateway.VerifierConfig{OnToken: func(outcome string) { outcomes <- outcome }})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, gateway.Config{Cookies: lmsCookies(), Limits: gateway.Limits{FailedTokens: gateway.Limit{Requests: 1, Burst: 2}}}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}, Verifier: v,
	})
	token := bearer(t, "ada")
	for _, step := range []struct {
		header, outcome string
		status          int
	}{
		{"Authorization: JWT " + token, "verified", 200},
		{halves(token), "remembered", 200},
		{halves("a.b.c"), "token_malformed", 401},
		{halves("a.b.d"), "token_malformed", 401},
		{halves("a.b.e"), "", 429},
		{halves(token), "remembered", 200},
	} {
		if got := s.ask(t, "GET", "/api/v3/x", step.header); got.status != step.status {
			t.Errorf("%s: %d, want %d", step.outcome, got.status, step.status)
		}
		if step.outcome == "" {
			continue
		}
		if got := <-outcomes; got != step.outcome {
			t.Errorf("token was %s, want %s", got, step.outcome)
		}
	}
}
