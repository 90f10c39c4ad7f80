package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"registrar/config"
)

// A duration says its unit, in both formats and within groups.
func TestDurationsInTheLogHaveAUnit(t *testing.T) {
	t.Parallel()

	for format, want := range map[string][]string{
		"json": {`"wait":"1.5s"`, `"of":{"a":"250ms"}`, `"n":3`},
		"text": {"wait=1.5s", "of.a=250ms", "n=3"},
	} {
		var out bytes.Buffer
		log := newLogger(&out, config.Log{Level: "info", Format: format}, &slog.LevelVar{})
		log.Info("x", slog.Duration("wait", 1500*time.Millisecond), slog.Group("of", slog.Duration("a", 250*time.Millisecond)), slog.Int("n", 3))
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: %s lacks %s", format, out.String(), text)
			}
		}
	}
}
