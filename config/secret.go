package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that no print, log or encoder shows. An empty one prints as
// nothing, so that a dump tells whether it is set. [Secret.Reveal] is the only
// way to its content.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format hides the secret from every verb of fmt, %x and %#v included.
func (s Secret) Format(w fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || verb == 'v' && w.Flag('#') {
		text = `"` + text + `"`
	}
	// A fmt.State does not fail: it writes to memory.
	_, _ = io.WriteString(w, text)
}

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders of text, map keys included.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the secret from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML hides the secret from YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
