package enroll

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"registrar/internal/registrar"
)

// book tells the index and the cache which rows of b the LMS accepted. Neither
// can undo the write, so their failures are for the log; time heals both.
func (s *Service) book(ctx context.Context, w registrar.EnrollmentWrite, b batch, a registrar.WriteAnswer) {
	at := time.Now()
	keys := changed(w, b, a)
	if len(keys) == 0 {
		return
	}
	// The cache first: it is what the caller's next read meets.
	if s.deps.Cache != nil {
		var run *registrar.CourseKey
		if w.Run != nil {
			run = &w.Run.Key
		}
		s.tell(ctx, w, "cache", func(ctx context.Context) error {
			return s.deps.Cache.EnrollmentsWritten(ctx, w.Program, run, keys)
		})
	}
	if rows := enrollments(w, keys, a); len(rows) > 0 && s.deps.Index != nil {
		s.tell(ctx, w, "link index", func(ctx context.Context) error {
			return s.deps.Index.RecordWrites(ctx, w.Program, rows, at)
		})
	}
}

// changed are the keys of b whose enrollments the LMS changed; all of them when
// it says that it accepted the batch and not what became of it.
func changed(w registrar.EnrollmentWrite, b batch, a registrar.WriteAnswer) []registrar.StudentKey {
	if a.Results == nil && isGood(a) {
		return b.keys
	}
	var keys []registrar.StudentKey
	for _, key := range b.keys {
		if accepted(w, a.Results[key]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// accepted reports whether code is the status that an enrollment now has; any
// other code says why it has not changed.
func accepted(w registrar.EnrollmentWrite, code string) bool {
	if w.Run != nil {
		return code == string(registrar.CourseActive) || code == string(registrar.CourseInactive)
	}
	return slices.Contains(registrar.ProgramStatuses(), registrar.ProgramStatus(code))
}

// enrollments are the index's rows of an accepted program write; it keeps none of
// course runs.
func enrollments(w registrar.EnrollmentWrite, keys []registrar.StudentKey, a registrar.WriteAnswer) []registrar.ProgramEnrollment {
	if w.Run != nil {
		return nil
	}
	var rows []registrar.ProgramEnrollment
	for _, key := range keys {
		if code := a.Results[key]; accepted(w, code) {
			rows = append(rows, registrar.ProgramEnrollment{
				StudentKey: key, Status: registrar.ProgramStatus(code), Curriculum: w.Curriculum,
				Account: registrar.Account{State: registrar.Pending},
			})
		}
	}
	return rows
}

func (s *Service) tell(ctx context.Context, w registrar.EnrollmentWrite, whom string, f func(context.Context) error) {
	if err := s.shortly(ctx, f); err != nil {
		s.log.WarnContext(ctx, "enroll: an accepted write could not be told",
			append(about(w), slog.String("to", whom), slog.Any("error", err))...)
	}
}

// shortly runs f within the time of the books, whether or not the caller is
// still there.
func (s *Service) shortly(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Bookkeeping)
	defer cancel()
	return f(ctx)
}
