package enroll

import (
	"context"
	"log/slog"

	"registrar/internal/registrar"
)

// judge tells the log what an operator must know of an answer. A batch that the
// LMS accepted without a word on some of its rows is told loudly: the caller hears
// a good status, and somebody must look what became of those.
func (s *Service) judge(ctx context.Context, w registrar.EnrollmentWrite, b batch, a registrar.WriteAnswer) {
	silent := 0
	for _, key := range b.keys {
		if _, told := a.Results[key]; !told {
			silent++
		}
	}
	attrs := append(about(w), slog.Int("status", a.Status), slog.Int("rows", len(b.keys)),
		slog.Int("without_result", silent), slog.Bool("readable", a.Results != nil))
	switch {
	case isGood(a) && silent > 0:
		s.log.ErrorContext(ctx, "enroll: the LMS accepted a batch and does not say what became of its rows", attrs...)
	case a.Results == nil:
		s.log.WarnContext(ctx, "enroll: the LMS refused a batch", attrs...)
	}
}

// isGood reports whether the LMS accepted the batch, or a part of it.
func isGood(a registrar.WriteAnswer) bool {
	return a.Status == 200 || a.Status == 201 || a.Status == 207
}
