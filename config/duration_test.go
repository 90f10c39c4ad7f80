package config_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"registrar/config"
)

func TestDurationIsWrittenShort(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Duration{
		"24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "1m15s": 75 * time.Second, "10m": 10 * time.Minute,
		"1h0m5s": time.Hour + 5*time.Second, "300ms": 300 * time.Millisecond, "0s": 0, "20s": 20 * time.Second,
	}
	for want, d := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if got := config.Duration(d).String(); got != want {
				t.Errorf("String = %s, want %s", got, want)
			}
		})
	}
}

func TestDurationReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := config.Duration(rapid.Int64().Draw(t, "nanoseconds"))
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got config.Duration
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%d reads back from %s as %d, %v", want, text, got, err)
		}
	})
}
