package enroll_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// What is saved is not sent again, and the report is that of one attempt.
func TestResumedWriteSendsWhatIsLeft(t *testing.T) {
	t.Parallel()
	odd := func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
		switch s.keys()[0] {
		case "S-0001":
			return away(ctx, s)
		case "S-0026":
			return registrar.WriteAnswer{Status: 500}, nil
		case "S-0051":
			return registrar.WriteAnswer{Status: 207, Results: map[registrar.StudentKey]string{"S-0051": "conflict", "S-9999": "ended"}}, nil
		}
		return echo(ctx, s)
	}
	items := append(students(120), item("S-0120", "twice"))
	whole, err := service(&lms{answer: odd}, nil, nil).Write(t.Context(), programWrite(items...), nil)
	if err != nil {
		t.Fatal(err)
	}
	progress := &saved{most: 3}
	first := &lms{answer: odd}
	if _, err := service(first, nil, nil).Write(t.Context(), programWrite(items...), progress); !errors.Is(err, errFull) {
		t.Fatalf("the answer that could not be saved: %v", err)
	}
	progress.most = 0
	done := len(progress.answers)
	second, b := &lms{answer: odd}, &books{}
	resumed, err := service(second, b, nil).Write(t.Context(), programWrite(items...), progress)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, resumed); diff != "" {
		t.Error(diff)
	}
	if len(second.got) != 5-done || len(progress.answers) != 5 {
		t.Errorf("%d of 5 batches were done, %d were sent again", done, len(second.got))
	}
	third := &lms{answer: odd}
	again, err := service(third, nil, nil).Write(t.Context(), programWrite(items...), progress)
	if diff := cmp.Diff(whole, again); diff != "" || err != nil || len(third.got) != 0 {
		t.Errorf("%d requests, %v %s", len(third.got), err, diff)
	}
}

// An answer that comes while the job is told to stop is saved; a batch that was
// cut off is not, and is nobody's internal error.
func TestStoppedJobKeepsItsAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("the worker stops")
		ctx, stop := context.WithCancelCause(t.Context())
		l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
			<-ctx.Done()
			if s.keys()[0] == "S-0001" {
				return echo(ctx, s)
			}
			return registrar.WriteAnswer{}, ctx.Err()
		}}
		progress := &saved{}
		ended := make(chan error)
		go func() {
			_, err := service(l, nil, nil).Write(ctx, programWrite(students(60)...), progress)
			ended <- err
		}()
		synctest.Wait()
		if n := len(l.requests()); n != 3 {
			t.Errorf("%d batches on their way, want 3", n)
		}
		stop(stopped)
		if err := <-ended; !errors.Is(err, stopped) {
			t.Errorf("got %v, want the reason to stop", err)
		}
		if a, ok := progress.Done(0); !ok || a.Status != 200 || len(a.Results) != 25 || len(progress.answers) != 1 {
			t.Errorf("saved %+v", progress.answers)
		}
	})
}

// A job that is over before it begins sends nothing.
func TestStoppedJobSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	l := &lms{answer: echo}
	_, err := service(l, nil, nil).Write(ctx, programWrite(students(60)...), &saved{})
	if !errors.Is(err, context.Canceled) || len(l.got) != 0 {
		t.Errorf("%v after %d requests", err, len(l.got))
	}
}

// A job waits while the LMS is given a rest, for nothing is sent to it; when that
// takes too long the rows are the LMS's fault, and when the job stops nobody's.
func TestJobWaitsForALMSAtRest(t *testing.T) {
	t.Parallel()
	stopped := errors.New("the worker stops")
	cases := map[string]struct {
		waits int
		stop  time.Duration
		code  string
		err   error
	}{
		"until it is well":      {waits: 10, code: "enrolled"},
		"no longer than it may": {waits: 1, code: registrar.InternalError},
		"no longer than it is":  {waits: 10, stop: 7 * time.Second, err: stopped},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				if tc.stop > 0 {
					time.AfterFunc(tc.stop, func() { stop(stopped) })
				}
				well := time.Now().Add(12 * time.Second)
				l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
					if time.Now().Before(well) {
						return registrar.WriteAnswer{}, &registrar.Error{Kind: registrar.Unavailable, Code: "breaker_open", RetryAfter: 5 * time.Second}
					}
					return echo(ctx, s)
				}}
				progress := &saved{waits: tc.waits}
				report, err := service(l, nil, nil).Write(ctx, programWrite(students(1)...), progress)
				if !errors.Is(err, tc.err) || err == nil && report.Results[0].Code != tc.code {
					t.Errorf("%v, %v; want %s, %v", report.Results, err, tc.code, tc.err)
				}
				if tc.err != nil && len(progress.answers) != 0 {
					t.Errorf("saved %v of a batch that was not sent", progress.answers)
				}
			})
		})
	}
}
