package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/simulator"
)

// dependency is one of the three things upstream, with what asks for it.
type dependency struct {
	gate *gate
	// known was read before the fault, missing was not and cannot do without.
	known, missing string
	// remember makes the gateway need it at all.
	remember func()
	token    bool // it is the token endpoint
}

// trouble is one way for a dependency to be unwell.
type trouble struct {
	name  string
	begin func(*testing.T, *gate)
	end   func(*testing.T, *gate)
	// what a caller is told who asks for what was never read; no code when there
	// is nothing to be told.
	status     int
	code       string
	retryAfter bool
}

func troubles(token bool) []trouble {
	instead := func(h http.HandlerFunc) func(*testing.T, *gate) {
		return func(_ *testing.T, g *gate) { g.answer(h) }
	}
	mended := func(_ *testing.T, g *gate) { g.answer(nil) }
	status := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "<h1>canary of an upstream page</h1>", status)
		}
	}
	garbage := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"results": canary`))
	}
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"canary": [`))
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	throttled, whose := "upstream_throttled", "upstream_"
	if token {
		throttled, whose = "service_account_throttled", "token_endpoint_"
	}
	return []trouble{
		{"dead", func(_ *testing.T, g *gate) { g.down() }, func(t *testing.T, g *gate) { t.Helper(); g.up(t) }, 502, whose + "unreachable", false},
		{"slow", instead(slow), mended, 504, whose + "timeout", false},
		{"500", instead(status(500)), mended, 502, whose + "error", false},
		{"502", instead(status(502)), mended, 502, whose + "error", false},
		{"garbage", instead(garbage), mended, 502, whose + "garbage", false},
		{"half an answer", instead(half), mended, 502, whose + "garbage", false},
		{"restarted", func(t *testing.T, g *gate) { t.Helper(); g.down(); g.up(t) }, mended, 0, "", false},
		// The last one: after it the gateway is slow on purpose.
		{"429", instead(status(429)), mended, 503, throttled, true},
	}
}

// The fault table, of which TestRedisFaults and TestPostgresFaults are the rest: whatever befalls the LMS, Discovery or the token endpoint,
// what was read before is still answered, as stale; what was not is an error
// that says whose fault it is; nothing of the upstream's words comes through;
// and the process is well again by itself.
func TestFaultTable(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"LMS", "Discovery", "token endpoint"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s, d := faultySite(t, name)
			for _, path := range []string{"/api/v3/programs/masters-cs", d.known} {
				if first := s.get(t, demoClient, path); first.StatusCode != http.StatusOK {
					t.Fatalf("before any fault: %d\n%s", first.StatusCode, first.body)
				}
			}
			for _, f := range troubles(d.token) {
				d.remember()
				f.begin(t, d.gate)
				d.during(t, s, f)
				f.end(t, d.gate)
				d.healthy(t, s, f.name)
			}
			if d.token && !strings.Contains(s.log.String(), `"next_try_in":"500ms"`) {
				t.Errorf("the log does not tell the pause with its unit:\n%s", s.log)
			}
		})
	}
}

// during asks while the fault is there.
func (d dependency) during(t *testing.T, s *site, f trouble) {
	t.Helper()
	start := time.Now()
	known := s.get(t, demoClient, d.known)
	stale := strings.Contains(string(known.body), `"state":"stale"`)
	if known.StatusCode != http.StatusOK || stale != (f.code != "") {
		t.Errorf("%s: read before: %d, stale %v\n%s", f.name, known.StatusCode, stale, known.body)
	}
	answers := []answer{known}
	if f.code != "" {
		answers = append(answers, d.askMissing(t, s, f))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%s: the answers took %v", f.name, took)
	}
	for _, a := range answers {
		if strings.Contains(string(a.body), "canary") || strings.Contains(string(a.body), "127.0.0.1") {
			t.Errorf("%s: the upstream's words come through: %s", f.name, a.body)
		}
	}
	if live := s.get(t, "", "/livez"); live.StatusCode != http.StatusOK {
		t.Errorf("%s: /livez: %d", f.name, live.StatusCode)
	}
}

// askMissing asks for what was never read, which is an error of its own kind.
func (d dependency) askMissing(t *testing.T, s *site, f trouble) answer {
	t.Helper()
	missing := s.get(t, demoClient, d.missing)
	if missing.StatusCode != f.status || missing.object(t)["code"] != f.code {
		t.Errorf("%s: never read: %d %s, want %d %s", f.name, missing.StatusCode, missing.body, f.status, f.code)
	}
	if says, _ := missing.object(t)["detail"].(string); strings.Contains(says, "token endpoint") != d.token {
		t.Errorf("%s: %q does not say whose fault it is", f.name, says)
	}
	if f.retryAfter && missing.Header.Get("Retry-After") == "" {
		t.Errorf("%s: no Retry-After", f.name)
	}
	return missing
}

// healthy waits until the gateway answers from the source again.
func (d dependency) healthy(t *testing.T, s *site, after string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		a := s.get(t, demoClient, d.known)
		body := string(a.body)
		if a.StatusCode == http.StatusOK && !strings.Contains(body, `"state":"stale"`) && !strings.Contains(body, `"state":"failed"`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not well 15 s after its end: %d\n%s", after, a.StatusCode, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// faultySite is a demo whose every read goes upstream, with a gate in front of
// each dependency.
func faultySite(t *testing.T, name string) (*site, dependency) {
	t.Helper()
	lms, discovery, tokens := newGate(t), newGate(t), newGate(t)
	s := newSite(t, simulator.Options{Learners: 10, EnrollmentPerMinute: -1}, func(cfg *config.Config) {
		base, err := url.Parse(cfg.LMS.URL)
		if err != nil {
			t.Error(err)
			return
		}
		for _, g := range []*gate{lms, discovery, tokens} {
			g.target.Store(base)
		}
		cfg.LMS.URL, cfg.Discovery.URL = lms.url(), discovery.url()
		cfg.LMS.PublicURL = "https://lms.example.org"
		cfg.LMS.TokenURL = tokens.url() + "/oauth2/access_token"
		for _, calls := range []*config.Calls{&cfg.LMS.Calls, &cfg.Discovery.Calls} {
			calls.Timeout, calls.Retries = config.Duration(300*time.Millisecond), 0
			calls.Breaker.MinCalls = 1000 // each fault shall be met, not remembered
		}
		expireAtOnce(cfg)
	})
	// The demo announces the LMS's address, which is a gate now.
	s.simulator = lms.target.Load().String()
	known, program := "/api/v3/programs/masters-cs/learners/S-0001", "/api/v3/programs/masters-ds"
	switch name {
	case "LMS":
		return s, dependency{lms, known, program + "/learners", func() {}, false}
	case "Discovery":
		return s, dependency{discovery, known, program + "/courses/DS-501-FA26/grades", func() {}, false}
	}
	return s, dependency{tokens, known, program + "/learners", func() { s.expireTokens(t) }, true}
}

// expireAtOnce makes every answer stale as soon as it is there.
func expireAtOnce(cfg *config.Config) {
	v := &cfg.Cache.Views
	for _, view := range []*config.View{
		&v.Program, &v.Enrollments, &v.CourseEnrollments, &v.Grades, &v.Completion, &v.LearnerGrades, &v.LearnerCompletion, &v.Certificates,
	} {
		view.Fresh, view.StaleWhileRevalidate = config.Duration(time.Nanosecond), 0
	}
}

// expireTokens ends every token of the simulated site, the tests' own too. It
// waits for the second to turn: a token of the same second would be the same
// token again, and as dead.
func (s *site) expireTokens(t *testing.T) {
	t.Helper()
	reply := send(t, newRequest(t, http.MethodPost, s.simulator+"/_simulator/expire_tokens", nil))
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("expire_tokens: %d %s", reply.StatusCode, reply.body)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
}
