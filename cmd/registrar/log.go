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
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if c.Format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(telemetry.LogHandler(handler))
}

// setLevel moves level; an unknown one cannot get past config.Load.
func setLevel(level *slog.LevelVar, c config.Log) {
	var configured slog.Level
	_ = configured.UnmarshalText([]byte(c.Level)) // validated
	level.Set(configured)
}
