package main

import (
	"io"
	"log/slog"

	"registrar/config"
	"registrar/internal/telemetry"
)

// newLogger writes to w as the configuration says, from level on, which is set
// to the configured one. Lines within a trace carry its id.
func newLogger(w io.Writer, c config.Log, level *slog.LevelVar) *slog.Logger {
	setLevel(level, c)
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: withUnit}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if c.Format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(telemetry.LogHandler(handler))
}

// withUnit writes a duration with its unit, as "1.5s": the JSON handler's own form is
// a number of nanoseconds that does not say so.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// setLevel moves level; an unknown one cannot get past config.Load.
func setLevel(level *slog.LevelVar, c config.Log) {
	var configured slog.Level
	_ = configured.UnmarshalText([]byte(c.Level)) // validated
	level.Set(configured)
}
