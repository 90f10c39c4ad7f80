package tracking

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
)

// maxWord bounds a value in the log.
const maxWord = 255

// line writes e to the log: what was asked and how it ended, without the caller.
// What the caller wrote stands in it only when it led somewhere: the words of a
// request that was refused may be anything, the name of a learner included.
func (t *Tracker) line(ctx context.Context, e Event) {
	attrs := []slog.Attr{
		slog.String("event", e.Name), slog.String("request_id", e.RequestID), slog.Int("status_code", e.Status),
	}
	for _, name := range loggable(e.Status) {
		if value, ok := e.Properties[name]; ok {
			attrs = append(attrs, slog.String(name, word(value)))
		}
	}
	t.log.LogAttrs(ctx, slog.LevelInfo, "tracked", attrs...)
}

// loggable lists the properties that say nothing about a person.
func loggable(status int) []string {
	ours := []string{"failure", "missing_permissions", "job_state"}
	if status >= http.StatusBadRequest {
		return ours
	}
	return append(ours, "program_key", "course_id", "job_id", "organization_filter", "permission_filter", "result_format", "min_created_date")
}

func word(value any) string {
	text := fmt.Sprint(value)
	return text[:min(len(text), maxWord)]
}
