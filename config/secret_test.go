package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"registrar/config"
)

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	c := siteConfig() // its secrets hold the word canary
	c.Store.DSN = "postgres://u:canary@h/d"
	c.Discovery.ClientSecret = "canary"
	c.Auth.Issuers[0].JWKSet = "canary"

	dumps := map[string]func() (string, error){
		"JSON": func() (string, error) { b, err := json.Marshal(c); return string(b), err },
		"YAML": func() (string, error) { b, err := yaml.Marshal(c); return string(b), err },
		"text": func() (string, error) { b, err := c.Store.DSN.MarshalText(); return string(b), err },
		"slog as JSON": func() (string, error) {
			var b bytes.Buffer
			slog.New(slog.NewJSONHandler(&b, nil)).InfoContext(t.Context(), "config", slog.Any("all", c), slog.Any("secret", c.Store.DSN))
			return b.String(), nil
		},
		"slog as text": func() (string, error) {
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).InfoContext(t.Context(), "config", slog.Any("all", c), slog.Any("secret", c.Store.DSN))
			return b.String(), nil
		},
		"String": func() (string, error) { return c.Store.DSN.String(), nil },
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		dumps[verb] = func() (string, error) { return fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c), nil }
		dumps["alone "+verb] = func() (string, error) { return fmt.Sprintf(verb, c.Store.DSN), nil }
		dumps["pointer "+verb] = func() (string, error) { return fmt.Sprintf(verb, &c.Store.DSN), nil }
	}
	for name, dump := range dumps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := dump()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text, "canary") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", "canary")) {
				t.Errorf("a secret is shown: %s", text)
			}
			if !strings.Contains(text, "[redacted]") {
				t.Errorf("it does not tell that there is a secret: %s", text)
			}
		})
	}
}

func TestUnsetSecretShowsAsNothing(t *testing.T) {
	t.Parallel()
	var s config.Secret
	if got := fmt.Sprintf("%v|%s|%q|%#v", s, s, s, s); got != `||""|""` {
		t.Errorf("empty secret prints %s", got)
	}
}

func TestRevealReturnsTheSecret(t *testing.T) {
	t.Parallel()
	if got := config.Secret("canary").Reveal(); got != "canary" {
		t.Errorf("Reveal = %q", got)
	}
}

func TestMistakesAreCounted(t *testing.T) {
	t.Parallel()
	var err error = &config.Mistakes{List: []config.Mistake{{Key: "a", Problem: "is wrong", Want: "right"}}}
	if got := err.Error(); got != "config: 1 mistake\n  a: is wrong; want right" {
		t.Errorf("Error = %q", got)
	}
	if _, ok := errors.AsType[*config.Mistakes](fmt.Errorf("reload: %w", err)); !ok {
		t.Error("a wrapped list of mistakes is not found again")
	}
}
