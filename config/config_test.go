package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"registrar/config"
)

// TestMain adds -update, which rewrites the generated files instead of comparing
// them, and fails when a goroutine is left.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the generated files")
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// site is the least that a site must say.
const site = `
auth:
  issuers:
    - issuer: https://lms.example.org/oauth2
      hs256_secret: issuer-canary
lms:
  url: https://lms.example.org/
  client_id: registrar
  client_secret: lms-canary
discovery:
  url: https://discovery.example.org
`

// siteConfig is what site loads as.
func siteConfig() config.Config {
	c := config.Default()
	c.Auth.Issuers = []config.Issuer{{Issuer: "https://lms.example.org/oauth2", HS256Secret: "issuer-canary"}}
	c.LMS.URL = "https://lms.example.org"
	c.LMS.PublicURL = "https://lms.example.org"
	c.LMS.ClientID = "registrar"
	c.LMS.ClientSecret = "lms-canary"
	c.LMS.TokenURL = "https://lms.example.org/oauth2/access_token"
	c.Discovery.URL = "https://discovery.example.org"
	c.Discovery.TokenURL = c.LMS.TokenURL
	return c
}

// file writes text where a test may load it from.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registrar.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mistakes returns what err lists; nothing when it is nil.
func mistakes(t *testing.T, err error) []config.Mistake {
	t.Helper()
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[*config.Mistakes](err)
	if !ok {
		t.Fatalf("error = %T, want *config.Mistakes", err)
	}
	return all.List
}

// wantMistake fails unless err holds a mistake at key whose line contains text.
func wantMistake(t *testing.T, err error, key, text string) {
	t.Helper()
	for _, m := range mistakes(t, err) {
		if m.Key == key && strings.Contains(m.String(), text) {
			return
		}
	}
	t.Errorf("no mistake at %q that says %q in: %v", key, text, err)
}

func duration(d time.Duration) config.Duration { return config.Duration(d) }
