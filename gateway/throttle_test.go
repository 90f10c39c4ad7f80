package gateway_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// watch collects observations.
type watch struct {
	mu   sync.Mutex
	seen []gateway.Observation
}

func (w *watch) note(o gateway.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, o)
}

func (w *watch) last() gateway.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[len(w.seen)-1]
}

// byPath calls a route heavy when its template says so.
func byPath(method, path string) string {
	if method == fiber.MethodGet && strings.HasSuffix(path, "/heavy/:key") {
		return "heavy"
	}
	return "light"
}

func limited(t *testing.T, limits gateway.Limits, limiter gateway.Limiter, w *watch) *site {
	t.Helper()
	return start(t, gateway.Config{Limits: limits}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/heavy/:key", greet), on("GET", "/api/v3/light", greet), on("GET", "/api/v1/light", greet),
		},
		Public: []gateway.Mounter{on("GET", "/api-docs", greet)},
		Class:  byPath, Limiter: limiter, Observe: w.note,
	})
}

func TestLimitsPerCallerAndClass(t *testing.T) {
	t.Parallel()
	w := &watch{}
	s := limited(t, gateway.Limits{
		Classes: map[string]gateway.Limit{"heavy": {Requests: 2, Per: time.Hour}},
		Default: gateway.Limit{Requests: 3600, Per: time.Hour, Burst: 4},
	}, nil, w)
	ada, bob := "Authorization: JWT "+bearer(t, "ada"), "Authorization: JWT "+bearer(t, "bob")
	for i, tc := range []struct {
		path, caller     string
		status           int
		limit, remaining string
		verdict          string
	}{
		{"/api/v3/heavy/a", ada, 200, "2", "1", "allowed"},
		{"/api/v3/heavy/b/", ada, 200, "2", "0", "allowed"},
		{"/api/v3/heavy/a", ada, 429, "2", "0", "limited"},
		{"/api/v3/heavy/a", bob, 200, "2", "1", "allowed"},
		{"/api/v3/light", ada, 200, "4", "3", "allowed"},
		{"/api/v1/light", ada, 200, "4", "2", "allowed"},
		{"/api-docs", ada, 200, "", "", ""},
		{"/livez", ada, 200, "", "", ""},
		{"/api/v3/light", "X-Nothing: x", 401, "", "", ""},
	} {
		got := s.ask(t, "GET", tc.path, tc.caller)
		if got.status != tc.status || got.header.Get("RateLimit-Limit") != tc.limit || got.header.Get("RateLimit-Remaining") != tc.remaining {
			t.Errorf("%d: %d %v, want %d, limit %q, remaining %q", i, got.status, got.header, tc.status, tc.limit, tc.remaining)
		}
		if reset, err := strconv.Atoi(got.header.Get("RateLimit-Reset")); tc.limit != "" && (err != nil || reset < 1 || reset > 3600) {
			t.Errorf("%d: RateLimit-Reset = %q, want seconds", i, got.header.Get("RateLimit-Reset"))
		}
		if o := w.last(); o.Limit != tc.verdict || o.Status != tc.status {
			t.Errorf("%d: observed %+v, want %q", i, o, tc.verdict)
		}
	}
}

func TestARefusalSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	w := &watch{}
	s := limited(t, gateway.Limits{Default: gateway.Limit{Requests: 1, Per: time.Hour}}, nil, w)
	ada := "Authorization: JWT " + bearer(t, "ada")
	s.ask(t, "GET", "/api/v3/light", ada)
	for path, want := range map[string]string{
		"/api/v3/light": `"code":"rate_limited"`,
		"/api/v1/light": `{"detail":"Request was throttled. Expected available in `,
	} {
		got := s.ask(t, "GET", path, ada)
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != 429 || !strings.Contains(got.body, want) || err != nil || wait < 3500 || wait > 3600 {
			t.Errorf("%s: %d %v %s, want 429 within the hour and %s", path, got.status, got.header, got.body, want)
		}
		if !strings.Contains(got.body, fmt.Sprintf("in %d seconds.", wait)) {
			t.Errorf("%s: %s, want the seconds of Retry-After in it", path, got.body)
		}
	}
	if o := w.last(); o.Kind != registrar.TooMany || o.Code != "rate_limited" || o.Class != "light" {
		t.Errorf("observed %+v", o)
	}
	if line := s.log.lines(t, "request")[1]; line["limit"] != "limited" || strings.Contains(s.log.String(), `"ada"`) {
		t.Errorf("line = %v", line)
	}
}

func TestObserveOnlyCountsAndLetsThrough(t *testing.T) {
	t.Parallel()
	w := &watch{}
	limits := gateway.Limits{Default: gateway.Limit{Requests: 1, Per: time.Hour}, FailedTokens: gateway.Limit{Requests: 1, Per: time.Hour}, Observe: true}
	s := limited(t, limits, nil, w)
	ada := "Authorization: JWT " + bearer(t, "ada")
	for i, want := range []string{"allowed", "observed", "observed"} {
		got := s.ask(t, "GET", "/api/v3/light", ada)
		if got.status != 200 || got.header.Get("RateLimit-Limit") != "" || w.last().Limit != want {
			t.Errorf("%d: %d %v, observed %+v; want it let through as if there were no limit", i, got.status, got.header, w.last())
		}
	}
	for i, want := range []string{"", "observed"} {
		if got := s.ask(t, "GET", "/api/v3/light", ada+"A"); got.status != 401 || w.last().Limit != want {
			t.Errorf("bad token %d: %d, observed %+v", i, got.status, w.last())
		}
	}
	if text := s.log.String(); strings.Contains(text, `"ada"`) || // a request id may hold the bare letters
		!strings.Contains(text, `"limit":"observed","class":"light"`) {
		t.Errorf("log = %s", text)
	}
}

func TestLimitsCanBeSwappedWhileItRuns(t *testing.T) {
	t.Parallel()
	s := limited(t, gateway.Limits{}, nil, &watch{})
	ada := "Authorization: JWT " + bearer(t, "ada")
	ask := func() string {
		got := s.ask(t, "GET", "/api/v3/light", ada)
		return fmt.Sprint(got.status, " ", got.header.Get("RateLimit-Limit"))
	}
	var got []string
	swap := func(limits gateway.Limits) error {
		err := s.gateway.SetLimits(limits)
		got = append(got, ask())
		return err
	}
	classes := map[string]gateway.Limit{"light": {Requests: 1, Per: time.Hour}}
	for _, limits := range []gateway.Limits{{}, {Classes: classes}, {Default: gateway.Limit{Requests: 9}, Classes: classes}} {
		if err := swap(limits); err != nil {
			t.Error(err)
		}
	}
	classes["light"] = gateway.Limit{Requests: 1000} // the caller's map is the caller's
	got = append(got, ask())
	for _, bad := range []gateway.Limits{
		{Default: gateway.Limit{Requests: -1}}, {Classes: map[string]gateway.Limit{"x": {Burst: -1}}}, {FailedTokens: gateway.Limit{Per: -1, Requests: 1}},
	} {
		if err := swap(bad); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := swap(gateway.Limits{Classes: map[string]gateway.Limit{"light": {}}, Default: gateway.Limit{Requests: 1}}); err != nil {
		t.Error(err)
	}
	want := []string{"200 ", "200 1", "429 1", "429 1", "429 1", "429 1", "429 1", "200 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// limiterFunc is a [gateway.Limiter] made of a function.
type limiterFunc func(key string) (gateway.Verdict, error)

func (f limiterFunc) Allow(_ context.Context, key string, _ gateway.Limit) (gateway.Verdict, error) {
	return f(key)
}

func TestALimiterThatCannotCount(t *testing.T) {
	t.Parallel()
	w := &watch{}
	var keys []string
	limiter := limiterFunc(func(key string) (gateway.Verdict, error) {
		if keys = append(keys, key); len(keys) == 1 {
			return gateway.Verdict{Allowed: true, Unchecked: true}, nil
		}
		return gateway.Verdict{}, &registrar.Error{Kind: registrar.Unavailable, Code: "limiter_unavailable", RetryAfter: time.Second}
	})
	limits := gateway.Limits{Default: gateway.Limit{Requests: 1}}
	s := limited(t, limits, limiter, w)
	ask := func(status int, headers ...string) {
		t.Helper()
		got := s.ask(t, "GET", "/api/v3/light", "Authorization: JWT "+bearer(t, "ada"))
		if got.status != status || got.header.Get("RateLimit-Limit") != "" || w.last().Limit != "unchecked" {
			t.Errorf("got %d %v, observed %+v; want %d", got.status, got.header, w.last(), status)
		}
	}
	ask(200)
	ask(503)
	limits.Observe = true
	if err := s.gateway.SetLimits(limits); err != nil {
		t.Fatal(err)
	}
	ask(200)
	if strings.Contains(strings.Join(keys, " "), "ada") || keys[0] != keys[1] {
		t.Errorf("keys = %v, want one that does not tell who", keys)
	}
}

// Signatures of strangers must not cost the processor; callers who were let in
// before are let in all the same.
func TestBadTokensAreBoundedByAddress(t *testing.T) {
	t.Parallel()
	w, judged := &watch{}, make(chan string, 100)
	v, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, HS256Secret: secret}}, gateway.VerifierConfig{OnToken: func(o string) { judged <- o }})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, gateway.Config{
		TrustedProxies: []string{"127.0.0.1"},
		Limits:         gateway.Limits{FailedTokens: gateway.Limit{Requests: 2, Per: time.Hour}},
	}, gateway.Deps{Verifier: v, Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}, Observe: w.note})
	ada, bob := "Authorization: JWT "+bearer(t, "ada"), "Authorization: JWT "+bearer(t, "bob")
	for i, tc := range []struct {
		from, token string
		status      int
		judged      string
	}{
		{"192.0.2.1", ada, 200, "verified"},
		{"192.0.2.1", ada + "A", 401, "bad_signature"},
		{"192.0.2.1", "X-Nothing: x", 401, ""},
		{"192.0.2.1", "Authorization: JWT a.b", 401, "token_malformed"},
		{"192.0.2.1", ada + "A", 429, ""},
		{"192.0.2.1", bob, 429, ""},
		{"192.0.2.1", ada, 200, "remembered"},
		{"192.0.2.2", ada + "A", 401, "bad_signature"},
		{"2001:db8::1", ada + "A", 401, "bad_signature"},
		{"2001:db8::2", ada + "A", 401, "bad_signature"},
		{"2001:db8::3", ada + "A", 429, ""},
		{"2001:db8:0:1::3", ada + "A", 401, "bad_signature"},
	} {
		got := s.ask(t, "GET", "/api/v3/x", tc.token, "X-Forwarded-For: "+tc.from)
		said := ""
		if len(judged) > 0 {
			said = <-judged
		}
		if got.status != tc.status || said != tc.judged {
			t.Errorf("%d: %d, token %q; want %d, %q", i, got.status, said, tc.status, tc.judged)
		}
		if got.status == 429 && (!strings.Contains(got.body, `"code":"too_many_failures"`) || got.header.Get("Retry-After") == "" || w.last().Limit != "limited") {
			t.Errorf("%d: %v %s, observed %+v", i, got.header, got.body, w.last())
		}
	}
	if strings.Contains(s.log.String(), "192.0.2") {
		t.Error("the log tells the callers' addresses")
	}
}

// Keys that cannot be had are not the failure of those who ask meanwhile.
func TestTokensThatNobodyJudgedAreNotFailures(t *testing.T) {
	t.Parallel()
	p := publish(t)
	v := fetching(t, p, gateway.VerifierConfig{Keys: gateway.KeysConfig{MinInterval: time.Hour}})
	s := start(t, gateway.Config{Limits: gateway.Limits{FailedTokens: gateway.Limit{Requests: 1, Per: time.Hour}}}, gateway.Deps{
		Verifier: v, Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)},
	})
	c := &clock{}
	c.advance(time.Since(noon()))
	token := c.token(t, rsaKey(t), "")
	for range 4 {
		if got := s.ask(t, "GET", "/api/v3/x", "Authorization: JWT "+token); got.status != 503 {
			t.Errorf("got %d %s, want 503", got.status, got.body)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proxies []string
		headers []string
		same    []string // those who come from the same address
	}{
		"nobody is trusted":      {nil, []string{"X-Forwarded-For: 192.0.2.1"}, []string{"X-Forwarded-For: 192.0.2.2"}},
		"the right end counts":   {[]string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.1"}, []string{"X-Forwarded-For: 192.0.2.1"}},
		"two proxies":            {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.1.2.3"}, []string{"X-Forwarded-For: 192.0.2.1"}},
		"two lines":              {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.1.2.3"}, []string{"X-Forwarded-For: 192.0.2.1"}},
		"port":                   {[]string{"127.0.0.1"}, []string{"X-Forwarded-For: 192.0.2.1:4711"}, []string{"X-Forwarded-For: 192.0.2.1"}},
		"IPv6 with port":         {[]string{"127.0.0.1"}, []string{"X-Forwarded-For: [2001:db8::1]:4711"}, []string{"X-Forwarded-For: 2001:db8::2"}},
		"IPv4 in IPv6":           {[]string{"127.0.0.1"}, []string{"X-Forwarded-For: ::ffff:192.0.2.1"}, []string{"X-Forwarded-For: 192.0.2.1"}},
		"garbage at the end":     {[]string{"127.0.0.1"}, []string{"X-Forwarded-For: 192.0.2.1, unknown"}, []string{"X-Nothing: x"}},
		"garbage behind a proxy": {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"X-Forwarded-For: canary, 10.0.0.1"}, []string{"X-Forwarded-For: 10.0.0.1"}},
		"all are trusted":        {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"X-Forwarded-For: 10.0.0.9, 10.0.0.1"}, []string{"X-Forwarded-For: 10.0.0.9, 10.0.0.2"}},
		"empty":                  {[]string{"127.0.0.1"}, []string{"X-Forwarded-For: "}, []string{"X-Nothing: x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, gateway.Config{
				TrustedProxies: tc.proxies, Limits: gateway.Limits{FailedTokens: gateway.Limit{Requests: 1, Per: time.Hour}},
			}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}})
			bad := "Authorization: JWT a.b.c"
			first := s.ask(t, "GET", "/api/v3/x", append(tc.headers, bad)...)
			again := s.ask(t, "GET", "/api/v3/x", append(tc.same, bad)...)
			if first.status != 401 || again.status != 429 {
				t.Errorf("got %d and %d, want both to count as one client", first.status, again.status)
			}
			if tc.proxies != nil {
				if got := s.ask(t, "GET", "/api/v3/x", "X-Forwarded-For: 198.51.100.7", bad); got.status != 401 {
					t.Errorf("another client got %d", got.status)
				}
			}
		})
	}
}
