package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/config"
)

func TestLoadLaysFileOverDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site+"cache:\n  views:\n    grades: {fresh: 7m}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := siteConfig()
	want.Cache.Views.Grades.Fresh = duration(7 * time.Minute)
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", []string{
		"REGISTRAR_AUTH_ISSUERS_0_ISSUER=https://lms.example.org/oauth2",
		"REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=issuer-canary",
		"REGISTRAR_LMS_URL=https://lms.example.org",
		"REGISTRAR_LMS_CLIENT_ID=registrar",
		"REGISTRAR_LMS_CLIENT_SECRET=lms-canary",
		"REGISTRAR_DISCOVERY_URL=https://discovery.example.org",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(siteConfig(), c); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadOfAnAbsentFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "absent.yaml"), nil)
	wantMistake(t, err, "", "absent.yaml: no such file")
}

func TestEnvironmentBeatsFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		variable string
		change   func(*config.Config)
	}{
		"text":              {"REGISTRAR_LMS_CLIENT_ID=other", func(c *config.Config) { c.LMS.ClientID = "other" }},
		"duration":          {"REGISTRAR_SERVER_DRAIN_DELAY=250ms", func(c *config.Config) { c.Server.DrainDelay = duration(250 * time.Millisecond) }},
		"size":              {"REGISTRAR_CACHE_MAX_BYTES=64MiB", func(c *config.Config) { c.Cache.MaxBytes = 64 << 20 }},
		"whole number":      {"REGISTRAR_LMS_RETRIES=0", func(c *config.Config) { c.LMS.Retries = 0 }},
		"number":            {"REGISTRAR_LMS_RETRY_BUDGET=0.25", func(c *config.Config) { c.LMS.RetryBudget = 0.25 }},
		"inlined section":   {"REGISTRAR_DISCOVERY_BREAKER_MIN_CALLS=3", func(c *config.Config) { c.Discovery.Breaker.MinCalls = 3 }},
		"view":              {"REGISTRAR_CACHE_VIEWS_LEARNER_GRADES_FRESH=0", func(c *config.Config) { c.Cache.Views.LearnerGrades.Fresh = 0 }},
		"texts with commas": {"REGISTRAR_SERVER_TRUSTED_PROXIES=10.0.0.0/8, ::1", func(c *config.Config) { c.Server.TrustedProxies = []string{"10.0.0.0/8", "::1"} }},
		"texts in brackets": {"REGISTRAR_SERVER_TRUSTED_PROXIES=[10.0.0.1]", func(c *config.Config) { c.Server.TrustedProxies = []string{"10.0.0.1"} }},
		"key of an item":    {"REGISTRAR_AUTH_ISSUERS_0_AUDIENCE=openedx", func(c *config.Config) { c.Auth.Issuers[0].Audience = "openedx" }},
		"whole list": {
			`REGISTRAR_AUTH_ISSUERS=[{issuer: a, hs256_secret: b}, {"issuer": "c", "hs256_secret": "d"}]`,
			func(c *config.Config) {
				c.Auth.Issuers = []config.Issuer{{Issuer: "a", HS256Secret: "b"}, {Issuer: "c", HS256Secret: "d"}}
			},
		},
		"boolean":        {"REGISTRAR_TELEMETRY_METRICS=false", func(c *config.Config) { c.Telemetry.Metrics = false }},
		"limit":          {"REGISTRAR_LIMITS_READ_RATE=7", func(c *config.Config) { c.Limits.Read.Rate = 7 }},
		"inlined budget": {"REGISTRAR_LMS_BUDGET_PER=1h", func(c *config.Config) { c.LMS.Budget.Per = duration(time.Hour) }},
		"default item":   {"REGISTRAR_PASSTHROUGH_RULES_2_CACHE=3s", func(c *config.Config) { c.Passthrough.Rules[2].Cache = duration(3 * time.Second) }},
		"no items":       {"REGISTRAR_PASSTHROUGH_RULES=[]", func(c *config.Config) { c.Passthrough.Rules = nil }},
		"free section": {
			`REGISTRAR_PASSTHROUGH_RULES_3_QUERY={username: "{username}", active: true}`,
			func(c *config.Config) {
				c.Passthrough.Rules[3].Query = map[string]string{"username": "{username}", "active": "true"}
			},
		},
		"empty is unset":      {"REGISTRAR_LMS_CLIENT_ID=", func(*config.Config) {}},
		"not one of ours":     {"REGISTRAR_SERVICE_HOST=10.96.0.12", func(*config.Config) {}},
		"not one of ours too": {"LMS_CLIENT_ID=other", func(*config.Config) {}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(file(t, site), []string{test.variable})
			if err != nil {
				t.Fatal(err)
			}
			want := siteConfig()
			test.change(&want)
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvironmentReplacesAMistakeOfTheFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site+"log:\n  level: loud\nserver:\n  idle_timeout: soon\n"),
		[]string{"REGISTRAR_LOG_LEVEL=warn", "REGISTRAR_SERVER_IDLE_TIMEOUT=9s"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "warn" || c.Server.IdleTimeout != duration(9*time.Second) {
		t.Errorf("level, idle timeout = %s, %s, want warn, 9s", c.Log.Level, c.Server.IdleTimeout)
	}
}

func TestNextIssuerByVariable(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site), []string{
		"REGISTRAR_AUTH_ISSUERS_1_ISSUER=https://other.example.org", "REGISTRAR_AUTH_ISSUERS_1_HS256_SECRET=s",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := append(siteConfig().Auth.Issuers, config.Issuer{Issuer: "https://other.example.org", HS256Secret: "s"})
	if diff := cmp.Diff(want, c.Auth.Issuers); diff != "" {
		t.Errorf("issuers (-want +got):\n%s", diff)
	}
}

func TestAddressesFollowTheLMS(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site), []string{
		"REGISTRAR_LMS_PUBLIC_URL=https://learn.example.org/", "REGISTRAR_LMS_TOKEN_URL=https://sso.example.org/token/",
		"REGISTRAR_DISCOVERY_URL=https://discovery.example.org/base/",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.LMS.PublicURL, c.LMS.TokenURL, c.Discovery.URL, c.Discovery.TokenURL}
	want := []string{
		"https://learn.example.org", "https://sso.example.org/token/",
		"https://discovery.example.org/base", "https://sso.example.org/token/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestAliasesAndEmptySections(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site+"server:\nlog:\n  level: ~\ncache:\n  views:\n    grades: &short {fresh: 7m}\n    completion: *short\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := siteConfig()
	want.Cache.Views.Grades.Fresh = duration(7 * time.Minute)
	want.Cache.Views.Completion.Fresh = duration(7 * time.Minute)
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// TestTextKeepsItsSpelling holds values that YAML would read as another type.
func TestTextKeepsItsSpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0123", "0x1F", "1e3", "true", "off", "'no'", `"12"`, ".inf", "1_000"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(file(t, site+"log: {format: text}\n"), []string{`REGISTRAR_AUTH_ISSUERS=[{issuer: ` + text + `, hs256_secret: s}]`})
			if err != nil {
				t.Fatal(err)
			}
			want := text
			if text[0] == '\'' || text[0] == '"' {
				want = text[1 : len(text)-1]
			}
			if got := c.Auth.Issuers[0].Issuer; got != want {
				t.Errorf("text = %q, want %q", got, want)
			}
		})
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	dsn := path("dsn", "postgres://registrar:pw@db/registrar\r\n")
	keys := path("jwks", `{"keys": [{"kty": "RSA"}]}`+"\n")
	secret := path("secret", " from a secret file \n")

	c, err := config.Load(file(t, site+"store:\n  dsn_file: "+dsn+"\nfiles:\n  link_key_file: "+secret+"\naudit:\n  key_file: "+secret+"\n"), []string{
		"REGISTRAR_LMS_CLIENT_SECRET_FILE=" + secret, // beats the text in the YAML
		"REGISTRAR_AUTH_ISSUERS_0_JWK_SET_FILE=" + keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Store.DSN.Reveal(), c.LMS.ClientSecret.Reveal(), c.Auth.Issuers[0].JWKSet.Reveal()}
	want := []string{"postgres://registrar:pw@db/registrar", " from a secret file ", `{"keys": [{"kty": "RSA"}]}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestSecretVariableBeatsFileOfTheYAML(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site+"store:\n  dsn_file: /absent\n"), []string{"REGISTRAR_STORE_DSN=sqlite:other.db"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.DSN.Reveal() != "sqlite:other.db" || c.Store.DSNFile != "" {
		t.Errorf("dsn, dsn_file = %q, %q, want the variable's alone", c.Store.DSN.Reveal(), c.Store.DSNFile)
	}
}

func TestValidateAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	if err := siteConfig().Validate(); err != nil {
		t.Error(err)
	}
	if n := len(mistakes(t, config.Default().Validate())); n != 5 {
		t.Errorf("mistakes of the defaults alone = %d, want the 5 required keys", n)
	}
}

// TestRulesReplaceTheDefaultOnes holds that a site's list is the whole list, and
// that what it leaves out of a rule has the rule's own defaults.
func TestRulesReplaceTheDefaultOnes(t *testing.T) {
	t.Parallel()
	c, err := config.Load(file(t, site+`passthrough:
  rules:
    - name: program
      upstream: discovery
      path: "/api/v1/programs/{program_uuid}/"
      query: {exclude_utm: 1}
      permission: read_metadata
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.PassthroughRule{{
		Name: "program", Upstream: "discovery", Path: "/api/v1/programs/{program_uuid}/", Permission: "read_metadata",
		Query: map[string]string{"exclude_utm": "1"}, Methods: []string{"GET"}, MaxBody: 1 << 20, Timeout: duration(30 * time.Second),
	}}
	if diff := cmp.Diff(want, c.Passthrough.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestKeySourceMayBeAnAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://lms.example.org/jwks?all=1", "http://localhost:8081/jwks", "http://127.0.0.1/jwks", "http://[::1]:80/jwks"} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(file(t, strings.Replace(site, "hs256_secret: issuer-canary", "jwks_url: "+url, 1)), nil)
			if err != nil || c.Auth.Issuers[0].JWKSURL != url {
				t.Errorf("jwks_url = %q, %v", c.Auth.Issuers[0].JWKSURL, err)
			}
		})
	}
}

// TestReplicasShareTheirSecrets holds that what only works when all replicas have
// the same secret is not left to chance where there may be several.
func TestReplicasShareTheirSecrets(t *testing.T) {
	t.Parallel()
	_, err := config.Load(file(t, site+"store: {dsn: \"postgres://registrar:pw@db/registrar\"}\n"), nil)
	var got []string
	for _, m := range mistakes(t, err) {
		got = append(got, m.Key)
	}
	if diff := cmp.Diff([]string{"audit.key", "files.link_key"}, slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
	if _, err := config.Load(file(t, site+"files: {url: \"s3://bucket?region=eu-west-1\"}\naudit: {enabled: false}\nstore: {dsn: \"postgres://registrar:pw@db/registrar\"}\n"), nil); err != nil {
		t.Errorf("a bucket signs its own links, and no audit needs no key: %v", err)
	}
}
