package enroll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"registrar/internal/registrar"
)

// send returns the answers to the batches of p, the zero answer where none came.
func (s *Service) send(ctx context.Context, w registrar.EnrollmentWrite, p plan, progress Progress) ([]registrar.WriteAnswer, error) {
	answers := make([]registrar.WriteAnswer, len(p.batches))
	if w.Run == nil && w.Curriculum == "" {
		s.log.WarnContext(ctx, "enroll: nothing sent: the program has no active curriculum", about(w)...)
		return answers, nil
	}
	g, going := errgroup.WithContext(ctx)
	g.SetLimit(s.cfg.Concurrency)
	if p.twins {
		g.SetLimit(1)
	}
	for _, b := range open(p.batches, answers, progress) {
		g.Go(func() error {
			// One that could not be saved ends the write; those under way come to their end.
			if progress != nil && going.Err() != nil {
				return context.Cause(going)
			}
			return s.contained(ctx, func() (err error) {
				answers[b.number], err = s.batch(ctx, w, b, progress)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return answers, nil
}

// open returns the batches that are still to be sent, and puts the answers to
// the others in their places.
func open(batches []batch, answers []registrar.WriteAnswer, progress Progress) []batch {
	if progress == nil {
		return batches
	}
	var left []batch
	for _, b := range batches {
		if answer, ok := progress.Done(b.number); ok {
			answers[b.number] = answer
		} else {
			left = append(left, b)
		}
	}
	return left
}

// batch sends b once, tells what was accepted, and saves the answer.
func (s *Service) batch(ctx context.Context, w registrar.EnrollmentWrite, b batch, progress Progress) (registrar.WriteAnswer, error) {
	answer, err := s.ask(ctx, w, b)
	for progress != nil && isResting(err) && progress.Wait(ctx, registrar.RetryAfterOf(err)) {
		answer, err = s.ask(ctx, w, b)
	}
	if err != nil {
		if progress != nil && ctx.Err() != nil {
			return registrar.WriteAnswer{}, context.Cause(ctx) // it was cut off, and is sent again by the next attempt
		}
		s.log.WarnContext(ctx, "enroll: no answer to a batch",
			append(about(w), slog.Int("rows", len(b.keys)), slog.String("code", registrar.CodeOf(err)))...)
		answer = registrar.WriteAnswer{}
	} else {
		s.judge(ctx, w, b, answer)
	}
	s.book(ctx, w, b, answer)
	if progress == nil {
		return answer, nil
	}
	// Even when the job is to stop: what is saved is not sent a second time.
	err = s.shortly(ctx, func(ctx context.Context) error { return progress.Save(ctx, b.number, answer) })
	if err != nil {
		return registrar.WriteAnswer{}, fmt.Errorf("batch %d: %w", b.number, err)
	}
	return answer, nil
}

// isResting reports whether nothing was sent, since the LMS failed too often and is
// left alone for a while. Rows of a job need not be lost for that.
func isResting(err error) bool { return err != nil && registrar.CodeOf(err) == "breaker_open" }

func (s *Service) ask(ctx context.Context, w registrar.EnrollmentWrite, b batch) (registrar.WriteAnswer, error) {
	if w.Run != nil {
		return s.deps.LMS.WriteCourseEnrollments(ctx, w.Method, w.Program.UUID, w.Run.Key, b.items(w))
	}
	items, err := within(w.Curriculum, b.items(w))
	if err != nil {
		return registrar.WriteAnswer{}, err
	}
	return s.deps.LMS.WriteProgramEnrollments(ctx, w.Method, w.Program.UUID, items)
}

// contained turns a panic in f into an error and logs it with its stack: in a
// goroutine of ours nobody else would catch it. Its text may name a person, so only
// its type is told.
func (s *Service) contained(ctx context.Context, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			kind := fmt.Sprintf("%T", r)
			s.log.ErrorContext(ctx, "enroll: panic", slog.String("type", kind), slog.String("stack", string(debug.Stack())))
			err = registrar.Fail(registrar.Internal, "Something went wrong here.", errors.New("panic of "+kind))
		}
	}()
	return f()
}
