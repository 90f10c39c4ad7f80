package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
	"registrar/linkstore"
)

// planted is a site with one fault.
type planted struct {
	world simulator.Options
	// wrap changes how the site answers; nil leaves it.
	wrap func(http.Handler) http.Handler
	// environ overrides the configuration; SITE stands for the site's address.
	environ []string
	empty   bool // the database has no schema
	noQueue bool // it lacks the tables of the job queue
	// what the one fault's line and the line that mends it hold.
	probe, says, fix string
}

func plantedFaults() map[string]planted {
	return map[string]planted{
		"issuer spelled otherwise": {
			world: simulator.Options{Issuer: "https://lms.simulated.example/oauth2/"},
			probe: "issuer", says: `"https://lms.simulated.example/oauth2/"`, fix: "auth.issuers[].issuer",
		},
		"another audience": {
			environ: []string{"REGISTRAR_AUTH_ISSUERS_0_AUDIENCE=lms-key"},
			probe:   "issuer", says: `audience "openedx"`, fix: `auth.issuers[].audience to "openedx"`,
		},
		"another key": {
			environ: []string{"REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=the-secret-of-another-site"},
			probe:   "issuer", says: "signature (HS256)", fix: "hs256_secret",
		},
		"clock ahead": {
			world: simulator.Options{Now: func() time.Time { return time.Now().Add(7 * time.Minute) }},
			probe: "clock", says: "7m0s ahead of", fix: "NTP",
		},
		"clock behind": {
			world: simulator.Options{Now: func() time.Time { return time.Now().Add(-7 * time.Minute) }},
			probe: "clock", says: "7m0s behind", fix: "NTP",
		},
		"tokens ended at once": {
			world: simulator.Options{TokenTTL: time.Minute, Now: func() time.Time { return time.Now().Add(-7 * time.Minute) }},
			wrap:  withoutExpiry, probe: "service account", says: "already ended", fix: "NTP",
		},
		"wrong client secret": {
			environ: []string{"REGISTRAR_LMS_CLIENT_SECRET=not-the-secret"},
			probe:   "service account", says: "refuses lms.client_id", fix: "lms.client_secret",
		},
		"token endpoint limited": {
			wrap:  answering("/oauth2/", http.StatusForbidden, "text/html", ""),
			probe: "service account", says: "limits this address", fix: "RATELIMIT_RATE",
		},
		"token endpoint elsewhere": {
			environ: []string{"REGISTRAR_LMS_TOKEN_URL=SITE/oauth/token"},
			probe:   "service account", says: "no token endpoint", fix: "lms.token_url",
		},
		"account without rights": {
			environ: []string{"REGISTRAR_LMS_CLIENT_ID=plain-worker", "REGISTRAR_LMS_CLIENT_SECRET=fake-plain-worker-secret"},
			probe:   "lms rights", says: "may not read program enrollments", fix: "is_staff",
		},
		"not staff in Discovery": {
			wrap:  answering("/api/v1/organizations/", http.StatusOK, "application/json", `{"count":0,"next":null,"results":[]}`),
			probe: "discovery rights", says: "no organizations", fix: "staff",
		},
		"Discovery distrusts the LMS": {
			wrap:  answering("/api/v1/organizations/", http.StatusUnauthorized, "application/json", `{"detail":"Invalid token."}`),
			probe: "discovery rights", says: "does not accept the LMS's tokens", fix: "JWT_AUTH",
		},
		"throttled": {
			wrap:  answering("/api/v1/organizations/", http.StatusTooManyRequests, "application/json", `{"detail":"Request was throttled."}`),
			probe: "throttle", says: "a pause of 37 s", fix: "discovery.budget",
		},
		"http where https is due": {
			wrap: redirecting(func(u *url.URL) { u.Scheme, u.Host = "https", "lms.simulated.example" }),
			// Both upstreams stand at one address here, and so does the token endpoint.
			probe: "lms address", says: "redirects from http://", fix: "Set lms.url to https://lms.simulated.example.",
		},
		"slashes stripped": {
			wrap:  redirecting(func(u *url.URL) { u.Path = strings.TrimRight(u.Path, "/") }),
			probe: "lms address", says: "another slash at its end", fix: "trailing slashes",
		},
		"path prefix too much": {
			environ: []string{"REGISTRAR_LMS_URL=SITE/lms", "REGISTRAR_LMS_TOKEN_URL=SITE/oauth2/access_token"},
			probe:   "lms address", says: "one without the path", fix: "Set lms.url to http://127.0.0.1",
		},
		"program not in the LMS's cache": {
			world: simulator.Options{Build: simulator.Build{UncachedProgram: "masters-ds"}},
			probe: "catalog", says: "does not know these programs: masters-ds.", fix: "cache_programs",
		},
		"Discovery's address is an LMS's": {
			wrap:  without("/api/v1/"),
			probe: "discovery address", says: "stands the LMS, where Discovery is due", fix: "mixed up",
		},
		"the LMS's address is Discovery's": {
			wrap:    without("/api/program_enrollments/"),
			environ: []string{"REGISTRAR_LMS_TOKEN_URL=SITE/oauth2/access_token"},
			probe:   "lms address", says: "stands Discovery, where The LMS is due", fix: "mixed up",
		},
		"a page for people": {
			wrap:  answering("/api/v1/programs/", http.StatusOK, "text/html", "<h1>Sign in</h1>"),
			probe: "discovery address", says: "a page for people", fix: "login page",
		},
		"Discovery fails": {
			wrap:  answering("/api/v1/", http.StatusBadGateway, "text/html", ""),
			probe: "discovery address", says: "answers 502", fix: "proxy",
		},
		"nobody there": {
			environ: []string{"REGISTRAR_DISCOVERY_URL=http://127.0.0.1:1"},
			probe:   "discovery address", says: "connection refused", fix: "discovery.url",
		},
		"silence": {
			wrap:  silent("/api/v1/programs/"),
			probe: "discovery address", says: "no answer within 1s", fix: "discovery.url",
		},
		"no job queue": {
			noQueue: true,
			probe:   "database", says: "The tables of the job queue are behind this program", fix: "registrar migrate",
		},
		"no schema": {
			empty: true,
			probe: "database", says: "version 0", fix: "registrar migrate",
		},
	}
}

func TestCheckLiveFindsPlantedFaults(t *testing.T) {
	t.Parallel()

	for name, plant := range plantedFaults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			code, findings, out := plant.check(t)
			if code != 1 {
				t.Errorf("exit %d, want 1", code)
			}
			i := slices.IndexFunc(findings, func(f finding) bool {
				return f.Probe == plant.probe && f.State == faulty && strings.Contains(f.Message, plant.says)
			})
			if i < 0 || !strings.Contains(findings[i].Fix, plant.fix) {
				t.Errorf("no fault %q of %s mended by %q in:\n%s", plant.says, plant.probe, plant.fix, out)
			}
			wantNoSecrets(t, out)
		})
	}
}

// A good site has nothing to say against it, for people and for machines.
func TestCheckLiveGoodSite(t *testing.T) {
	t.Parallel()

	code, findings, out := planted{}.check(t)
	if code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	for _, f := range findings {
		if f.State != good && f.Probe != "redis" {
			t.Errorf("a good site: %+v", f)
		}
	}
	if len(findings) != 12 {
		t.Errorf("%d findings, want one a probe and two about rights:\n%s", len(findings), out)
	}
	wantNoSecrets(t, out)
}

func TestCheckLiveForPeople(t *testing.T) {
	t.Parallel()

	c := newConsole(t, "http://127.0.0.1:1")
	c.must(t, "migrate")
	code, out, _ := c.run(t, "check", "--live", "--timeout", "1s")
	if code != 1 || !strings.Contains(out, "fault") || !strings.Contains(out, "to mend it") || !strings.Contains(out, "Faults: 3.") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	site := newPlanted(t, planted{})
	if out := site.must(t, "check", "--live"); !strings.Contains(out, "The site is good.") {
		t.Errorf("a good site:\n%s", out)
	}
}

func TestRedisProbe(t *testing.T) {
	t.Parallel()

	cases := map[string]struct {
		url, says string
		state     findingState
	}{
		"none":       {"", "one replica", skipped},
		"up":         {provisiontest.Redis(t), "Redis answers at", good},
		"dead":       {"redis://:hunter2@127.0.0.1:1/0", "connection refused", faulty},
		"unreadable": {"redis://:hunter2@[::1", "cannot be read", faulty},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := &liveSite{redisURL: c.url, within: time.Second}
			f := s.redis(t.Context())
			if f.State != c.state || !strings.Contains(f.Message, c.says) || strings.Contains(f.Message, "hunter2") {
				t.Errorf("finding = %+v", f)
			}
			if f.State == faulty && !strings.Contains(f.Fix, "redis.url") {
				t.Errorf("fix = %q", f.Fix)
			}
		})
	}
}

// check runs "registrar check --live --json" against the site.
func (p planted) check(t *testing.T) (code int, findings []finding, out string) {
	t.Helper()
	code, out, errs := newPlanted(t, p).run(t, "check", "--live", "--json", "--timeout", "1s")
	if err := json.Unmarshal([]byte(out), &findings); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	return code, findings, out + errs
}

// newPlanted starts the site and returns a console whose link store was filled
// while the site was still good.
func newPlanted(t *testing.T, p planted) console {
	t.Helper()
	healthy := serveWorld(t, simulator.Options{}, nil)
	c := newConsole(t, healthy)
	switch {
	case p.noQueue:
		migrateStoreAlone(t, environment(c.environ, "REGISTRAR_STORE_DSN"))
	case !p.empty:
		c.must(t, "migrate")
		c.must(t, "sync")
	}
	site := serveWorld(t, p.world, p.wrap)
	for i, pair := range c.environ {
		c.environ[i] = strings.ReplaceAll(pair, healthy, site)
	}
	for _, pair := range p.environ {
		name, value, _ := strings.Cut(pair, "=")
		c.environ = slices.DeleteFunc(c.environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		c.environ = append(c.environ, name+"="+strings.ReplaceAll(value, "SITE", site))
	}
	return c
}

// migrateStoreAlone makes the tables of a release that had no jobs.
func migrateStoreAlone(t *testing.T, dsn string) {
	t.Helper()
	store, err := linkstore.Open(t.Context(), linkstore.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func serveWorld(t *testing.T, world simulator.Options, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	world.Learners = 4
	sim, err := simulator.New(world)
	if err != nil {
		t.Fatal(err)
	}
	handler := http.Handler(sim)
	if wrap != nil {
		handler = wrap(sim)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func wantNoSecrets(t *testing.T, out string) {
	t.Helper()
	for _, secret := range []string{"fake-registrar-worker-secret", "fake-plain-worker-secret", "not-the-secret", "the-secret-of-another-site", "eyJ"} {
		if strings.Contains(out, secret) {
			t.Errorf("the output holds %q", secret)
		}
	}
}

// answering gives one answer to everything under prefix.
func answering(prefix string, status int, kind, body string) func(http.Handler) http.Handler {
	return instead(prefix, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Retry-After", "37")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// without leaves everything under prefix to Django's 404 page.
func without(prefix string) func(http.Handler) http.Handler {
	return answering(prefix, http.StatusNotFound, "text/html", "<h1>404</h1>")
}

// silent says nothing under prefix until the client leaves.
func silent(prefix string) func(http.Handler) http.Handler {
	return instead(prefix, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// redirecting answers everything with a redirect to a changed address.
func redirecting(change func(*url.URL)) func(http.Handler) http.Handler {
	return instead("/", func(w http.ResponseWriter, r *http.Request) {
		to := *r.URL
		change(&to)
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusMovedPermanently)
	})
}

func instead(prefix string, f http.HandlerFunc) func(http.Handler) http.Handler {
	return func(site http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, prefix) {
				f(w, r)
				return
			}
			site.ServeHTTP(w, r)
		})
	}
}

// withoutExpiry drops expires_in, so that the token itself must tell its end.
func withoutExpiry(site http.Handler) http.Handler {
	return instead("/oauth2/", func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		site.ServeHTTP(recorded, r)
		var token map[string]any
		_ = json.Unmarshal(recorded.Body.Bytes(), &token)
		delete(token, "expires_in")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(token)
	})(site)
}
