package config

import (
	"errors"
	"strings"
	"time"
)

// Duration is a time.Duration that is written with units in YAML, JSON and the
// environment: "300ms", "30s", "1h30m".
type Duration time.Duration

// durationPattern is what the schema tells editors; [Duration.UnmarshalText] decides.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`

// String returns the shortest spelling: "24h", where time.Duration says "24h0m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes the form of [Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a number with a unit, or several. A bare number is
// refused, for its unit would be a guess.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		// The cause repeats the value without saying what is wanted.
		return errors.New("want a duration with a unit, such as 300ms, 30s or 1h30m")
	}
	*d = Duration(parsed)
	return nil
}
