package jobs

import (
	"context"
	"log/slog"
	"strings"
)

// quietHandler is the log that River writes to. River tells of every step that it
// takes and of every job that it worked; below an error that is for debugging. The
// errors that it logs as texts name the database's host and user.
type quietHandler struct{ slog.Handler }

// Enabled says whether a record, at the level it gets here, is wanted.
func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, demoted(level))
}

// Handle writes a record at the level it gets here.
func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	quiet := slog.NewRecord(r.Time, demoted(r.Level), r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" {
			a.Value = slog.StringValue(cause(a.Value.String()))
		}
		quiet.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, quiet)
}

// cause is what stands last in a chain of errors, such as "connection refused":
// whom it was refused by stands before it.
func cause(text string) string { return strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:]) }

// WithAttrs keeps the handler quiet.
func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the handler quiet.
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

func demoted(level slog.Level) slog.Level {
	if level >= slog.LevelError {
		return level
	}
	return min(level, slog.LevelDebug)
}
