package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"registrar/config"
	"registrar/internal/simulator"
)

// console runs command lines against one configuration.
type console struct {
	environ []string
}

// run executes a command line and returns its exit code and its two outputs.
func (c console) run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr safeBuffer // a background fetch may still log when the command has ended
	code = run(t.Context(), args, process{environ: c.environ, out: &stdout, err: &stderr})
	return code, stdout.String(), stderr.String()
}

// must runs a command line that has to succeed and returns what it printed.
func (c console) must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := c.run(t, args...)
	if code != 0 {
		t.Fatalf("registrar %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// with is c with another variable.
func (c console) with(variable string) console {
	return console{environ: append(slices.Clone(c.environ), variable)}
}

// newConsole has a configuration by environment alone, for the site at base.
func newConsole(t *testing.T, base string) console {
	t.Helper()
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return console{environ: []string{
		"REGISTRAR_STORE_DSN=sqlite:" + filepath.Join(t.TempDir(), "r.db"),
		"REGISTRAR_LMS_URL=" + base, "REGISTRAR_DISCOVERY_URL=" + base,
		"REGISTRAR_LMS_CLIENT_ID=" + demoService, "REGISTRAR_LMS_CLIENT_SECRET=" + secretOf(sim, demoService),
		"REGISTRAR_AUTH_ISSUERS_0_ISSUER=" + sim.Issuer(), "REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=" + sim.Secret(),
		"REGISTRAR_FILES_URL=file:" + filepath.Join(t.TempDir(), "files"),
		"REGISTRAR_FILES_LINK_KEY=a secret for signed links", "REGISTRAR_AUDIT_KEY=a secret for hashed keys",
	}}
}

// An operator sets a site up from nothing, by the commands of the README.
func TestSetUpFromNothing(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil) // for its simulated LMS
	c := newConsole(t, s.simulator)

	if code, _, errs := c.run(t, "user", "list"); code != 1 || !strings.Contains(errs, "registrar migrate") {
		t.Errorf("before migrate: exit %d, %q; want it to name the command that helps", code, errs)
	}
	migrateStoreAlone(t, environment(c.environ, "REGISTRAR_STORE_DSN"))
	if code, _, errs := c.run(t, "serve"); code != 1 || !strings.Contains(errs, "job queue") || !strings.Contains(errs, "registrar migrate") {
		t.Errorf("before the job queue is migrated: exit %d, %q; want it to name the command that helps", code, errs)
	}
	c.must(t, "migrate")
	if out := c.must(t, "migrate"); !strings.HasPrefix(out, "0 migration") {
		t.Errorf("a second migrate says %q", out)
	}
	if out := c.must(t, "sync"); !strings.Contains(out, "Sync complete.") || !strings.Contains(out, "4 (4 new") {
		t.Errorf("sync says %q", out)
	}
	c.must(t, "org", "set", "NorthU", "--sso-slug", "northu")
	if out := c.must(t, "org", "list"); !strings.Contains(out, "northu") || !strings.Contains(out, "HarborX") {
		t.Errorf("organizations:\n%s", out)
	}
	c.must(t, "org", "create", "Third", "--name", "Third School")
	c.must(t, "program", "create", "third-x", "--org", "Third", "--uuid", "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10")
	c.must(t, "program", "rename", "third-x", "third-y")
	if out := c.must(t, "program", "list"); !strings.Contains(out, "third-y") || !strings.Contains(out, "masters-cs") {
		t.Errorf("programs:\n%s", out)
	}
	c.must(t, "group", "create", "NorthU registrars", "--org", "NorthU", "--role", "organization_read_write_enrollments")
	c.must(t, "user", "create", "sis-worker", "--group", "NorthU registrars")
	c.must(t, "user", "create", "other")
	c.must(t, "group", "add", "NorthU registrars", "other")
	c.must(t, "group", "remove", "NorthU registrars", "other")
	c.must(t, "group", "invite", "NorthU registrars", "new@example.edu")
	c.must(t, "group", "uninvite", "NorthU registrars", "new@example.edu")
	if code, _, errs := c.run(t, "group", "uninvite", "NorthU registrars", "new@example.edu"); code != 1 || strings.Contains(errs, "new@") {
		t.Errorf("an invitation taken back twice: exit %d, %q", code, errs)
	}
	c.must(t, "grant", "add", "other", "read_metadata", "--program", "masters-nursing")
	c.must(t, "grant", "remove", "other", "read_metadata", "--program", "masters-nursing")
	c.must(t, "user", "set", "other", "--active=false")
	if out := c.must(t, "group", "list"); !strings.Contains(out, "NorthU registrars") {
		t.Errorf("groups:\n%s", out)
	}
	if out := c.must(t, "user", "list"); !strings.Contains(out, "sis-worker") {
		t.Errorf("users:\n%s", out)
	}
	if code, _, errs := c.with("REGISTRAR_SERVER_LISTEN=127.0.0.1:1").run(t, "health"); code != 1 || errs == "" {
		t.Errorf("health of nothing: exit %d, %q", code, errs)
	}
	served := c.serve(t)
	if out := c.with("REGISTRAR_SERVER_LISTEN="+strings.TrimPrefix(served, "http://")).must(t, "health"); !strings.HasPrefix(out, "200") {
		t.Errorf("health says %q", out)
	}
	// A file that the running gateway refuses must not make it look ill.
	refused := c.with("REGISTRAR_SERVER_LISTEN=" + strings.TrimPrefix(served, "http://")).with("REGISTRAR_LIMITS_READ_PER=banana")
	if code, _, _ := refused.run(t, "check"); code != 1 {
		t.Errorf("check of a broken configuration: exit %d", code)
	}
	if code, out, errs := refused.run(t, "health"); code != 0 || !strings.HasPrefix(out, "200") || !strings.Contains(errs, "registrar check") {
		t.Errorf("health beside a broken configuration: exit %d, %q, %q", code, out, errs)
	}
	if reply := (&site{addresses: addresses{gateway: served, simulator: s.simulator}, tokens: &sync.Map{}}).get(t, demoClient, "/api/v3/programs/masters-cs/learners"); reply.StatusCode != 200 {
		t.Errorf("served site: %d\n%s", reply.StatusCode, reply.body)
	}
}

func TestCommandMistakes(t *testing.T) {
	t.Parallel()

	c := newConsole(t, "http://127.0.0.1:1")
	c.must(t, "migrate")
	cases := map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown command":  {[]string{"fly"}, 2, "unknown command"},
		"unknown word":     {[]string{"org", "fly"}, 2, `unknown command "fly" for "registrar org"`},
		"slip of a finger": {[]string{"srve"}, 2, `did you mean "serve"?`},
		"required flag":    {[]string{"group", "create", "g", "--org", "X"}, 2, "role"},
		"no such program":  {[]string{"program", "rename", "ghost", "p"}, 1, `program "ghost": Not found.`},
		"unknown flag":     {[]string{"serve", "--fast"}, 2, "unknown flag"},
		"missing argument": {[]string{"org", "create"}, 2, "accepts 1 arg"},
		"bad key":          {[]string{"org", "create", "North U"}, 1, "etters"},
		"bad role":         {[]string{"group", "create", "g", "--org", "X", "--role", "king"}, 1, "role"},
		"no target":        {[]string{"grant", "add", "u", "read_metadata"}, 2, "--org KEY"},
		"two targets":      {[]string{"grant", "add", "u", "read_metadata", "--org", "X", "--program", "y"}, 2, "once"},
		"unknown user":     {[]string{"user", "set", "ghost", "--active=false"}, 1, "ghost"},
		"unknown group":    {[]string{"user", "create", "u", "--group", "ghosts"}, 1, "ghosts"},
		"bad uuid":         {[]string{"program", "create", "p", "--org", "X", "--uuid", "1"}, 2, "--uuid"},
		"dead site":        {[]string{"sync"}, 1, "sync: organizations"},
		"missing config":   {[]string{"check", "--config", "/nowhere/registrar.yaml"}, 1, "registrar.yaml"},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			code, out, errs := c.run(t, k.args...)
			if code != k.code || !strings.Contains(errs, k.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, errs, k.code, k.says)
			}
			if strings.Contains(errs, "sql:") || strings.Contains(errs, "constraint") {
				t.Errorf("the database speaks: %q", errs)
			}
			if strings.Contains(out, "complete") {
				t.Errorf("a failed command prints %q", out)
			}
		})
	}
	c.must(t, "user", "create", "twice")
	if code, _, errs := c.run(t, "user", "create", "twice"); code != 1 || strings.Contains(errs, "constraint") {
		t.Errorf("a second user of the name: exit %d, %q", code, errs)
	}
	for _, family := range []string{"org", "program", "user", "group", "grant"} {
		if out := c.must(t, family); !strings.Contains(out, "registrar "+family+" [command]") {
			t.Errorf("%s without a word says %q, want its help", family, out)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()

	if out := newConsole(t, "http://127.0.0.1:1").must(t, "check"); !strings.Contains(out, "good") {
		t.Errorf("check says %q", out)
	}
	file := filepath.Join(t.TempDir(), "registrar.yaml")
	if err := os.WriteFile(file, []byte("server:\n  listen: nowhere\n  drain_delya: 1s\nlms:\n  timeout: soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := console{}.run(t, "check", "--config", file)
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	for _, want := range []string{"server.listen", "drain_delya", "lms.timeout", "lms.url", "auth.issuers", ":2", ":3", ":5"} {
		if !strings.Contains(errs, want) {
			t.Errorf("check does not name %s:\n%s", want, errs)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()

	if out := (console{}).must(t, "version"); !strings.HasPrefix(out, "registrar dev") {
		t.Errorf("version says %q", out)
	}
	if out := (console{}).must(t, "--help"); !strings.Contains(out, "serve") || !strings.Contains(out, "sync") {
		t.Errorf("help says %q", out)
	}
}

// The example is a whole configuration but for what only the site knows.
func TestExampleConfiguration(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "registrar.yaml")
	if err := os.WriteFile(file, config.Example(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := console{environ: []string{"REGISTRAR_LMS_CLIENT_SECRET=s", "REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=a-secret-of-some-length"}}
	c.must(t, "check", "--config", file)
}

// serve runs "registrar serve" until the test ends and returns its base URL.
func (c console) serve(t *testing.T) string {
	t.Helper()
	// Not t.Context, which ends before the cleanup that waits for the drain.
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan addresses, 1)
	ended := make(chan int, 1)
	var log safeBuffer
	environ := c.with("REGISTRAR_SERVER_LISTEN=127.0.0.1:0").with("REGISTRAR_SERVER_DRAIN_DELAY=0s").environ
	p := process{environ: environ, out: &log, err: &log, ready: func(a addresses) { ready <- a }}
	go func() { ended <- run(ctx, []string{"serve"}, p) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("serve ended with exit %d\n%s", code, log.String())
		}
	})
	select {
	case a := <-ready:
		return a.gateway
	case code := <-ended:
		ended <- code
		t.Fatalf("serve ended at once with exit %d\n%s", code, log.String())
	}
	return ""
}

// What check calls good, serve must accept: so it reads the keys as serve does.
func TestCheckReadsTheKeys(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct{ set, secret, want string }{
		"no RSA key":   {`{"keys":[{"kty":"oct","k":"canary"}]}`, "", "only RSA keys"},
		"private key":  {`{"keys":[{"kty":"RSA","d":"canary","n":"AQAB","e":"AQAB"}]}`, "", "private key"},
		"short key":    {`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, "", "2048"},
		"blank secret": {"", " ", "has no key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := newConsole(t, "http://127.0.0.1:1")
			c.environ = append(slices.DeleteFunc(c.environ, func(v string) bool { return strings.Contains(v, "HS256") }),
				"REGISTRAR_AUTH_ISSUERS_0_JWK_SET="+tc.set, "REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET="+tc.secret)
			code, _, errs := c.run(t, "check")
			if code != 1 || !strings.Contains(errs, tc.want) || strings.Contains(errs, "canary") {
				t.Errorf("exit %d, %q; want 1 and %q", code, errs, tc.want)
			}
		})
	}
}
