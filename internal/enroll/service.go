package enroll

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// Config says how enrollments are written. The zero value of a field is its
// default.
type Config struct {
	// Concurrency is how many batches of one write are on their way at the same
	// time; default 4.
	Concurrency int
	// Bookkeeping is how long the index, the cache and the progress may each take
	// for one batch, also when the caller has left; default 5 s.
	Bookkeeping time.Duration
}

// Deps are what a [Service] works with.
type Deps struct {
	LMS   LMS
	Index Index        // nil when there is none
	Cache Cache        // nil when there is none
	Log   *slog.Logger // nil is silent
}

// Service writes enrollments. It is safe for concurrent use.
type Service struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
}

// New returns a Service over deps. It does nothing in the background.
func New(cfg Config, deps Deps) *Service {
	if cfg.Concurrency < 1 {
		cfg.Concurrency = 4
	}
	cfg.Bookkeeping = cmp.Or(max(cfg.Bookkeeping, 0), 5*time.Second)
	log := deps.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, deps: deps, log: log}
}

// Write sends w and says what became of each student key. That the LMS is away
// is no error: its rows are [registrar.InternalError]. Nor is it one that the
// program has no curriculum to write into, upon which nothing is sent.
//
// progress is nil for a caller who waits, who gets a report even when the time is
// over. A job hands its own: what that says is done is not sent again, and an
// error tells that the write is not finished, because ctx ended or an answer could
// not be saved. The next attempt then goes on, and reports the same as one that was
// never interrupted.
func (s *Service) Write(ctx context.Context, w registrar.EnrollmentWrite, progress Progress) (registrar.WriteReport, error) {
	p := planOf(w)
	answers, err := s.send(ctx, w, p, progress)
	if err != nil {
		return registrar.WriteReport{}, fmt.Errorf("enroll: program %q: %w", w.Program.Key, err)
	}
	report, strangers := p.report(answers)
	if strangers > 0 {
		s.log.WarnContext(ctx, "enroll: the LMS named student keys that were not sent",
			append(about(w), slog.Int("strangers", strangers))...)
	}
	return report, nil
}

// about is what a log line may say of w.
func about(w registrar.EnrollmentWrite) []any {
	attrs := []any{slog.String("program", string(w.Program.Key)), slog.String("method", w.Method)}
	if w.Run != nil {
		attrs = append(attrs, slog.String("course", w.Run.Key.String()))
	}
	return attrs
}
