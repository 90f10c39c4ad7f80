package config_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"registrar/config"
)

func TestSizeReads(t *testing.T) {
	t.Parallel()
	tests := map[string]config.Size{
		"0": 0, "512": 512, "512B": 512, "1KiB": 1 << 10, "32MiB": 32 << 20, "3GiB": 3 << 30, "16 KiB": 16 << 10,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got config.Size
			if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
				t.Errorf("%s reads as %d, %v, want %d", text, got, err, want)
			}
		})
	}
}

func TestSizeRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "32MB", "32kB", "32 mib", "9007199254740992GiB", "1KiBB"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got config.Size
			if err := got.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("%q reads as %d, want an error", text, got)
			}
		})
	}
}

func TestSizeReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := config.Size(rapid.Int64Range(0, math.MaxInt64).Draw(t, "bytes"))
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got config.Size
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%d reads back from %s as %d, %v", want, text, got, err)
		}
	})
}
