package config_test

import (
	"errors"
	"strings"
	"testing"

	"registrar/config"
)

// FuzzParse holds that no file panics or hangs the loader, that every refusal is
// a list of mistakes, and that what loads is valid.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", site, planted, string(config.Example()), "&a [*a]", "lms: &a *a", "? {a: b}\n: c", "<<: *a", "!!map {}", "- - -", "\xff",
		"lms:\n  client_secret: |hunter2canary\n", "lms: {client_secret: \"hunter2canary\n", "server: {trusted_proxies: [~, [], {}]}",
	} {
		f.Add([]byte(seed), "")
	}
	f.Add([]byte(site), "[{issuer: a}, b]")
	f.Fuzz(func(t *testing.T, data []byte, issuers string) {
		c, err := config.Parse("fuzz.yaml", data, []string{"REGISTRAR_AUTH_ISSUERS=" + issuers})
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("what loads is not valid: %v", err)
			}
			return
		}
		all, ok := errors.AsType[*config.Mistakes](err)
		if !ok || len(all.List) == 0 {
			t.Fatalf("error = %T, want mistakes", err)
		}
	})
}

// FuzzSecret holds that no text after a secret, however broken, makes a mistake
// repeat the secret.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{"", "  x\n", ": x\n", "  client_secret: twice\n", "\t", "  url: 'open", "? |\n", "---\n"} {
		f.Add(seed, ": ")
	}
	f.Add("    x\n", ": |")
	f.Add("", ": \"")
	f.Add("", ": ? - ")
	f.Fuzz(func(t *testing.T, after, before string) {
		// Without a colon before it the secret is part of a key, and keys are shown.
		if !strings.HasPrefix(before, ": ") {
			return
		}
		_, err := config.Parse("fuzz.yaml", []byte("lms:\n  client_secret"+before+"hunter2canary\n"+after), nil)
		if err != nil && strings.Contains(err.Error(), "hunter2canary") {
			t.Errorf("the mistakes show the secret: %v", err)
		}
	})
}
