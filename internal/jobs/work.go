package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"registrar/internal/registrar"
)

// attempt is one worker's attempt at a job.
type attempt struct {
	queue *Queue
	job   registrar.Job
	order registrar.JobOrder
	hold  *hold
	begun time.Time

	patience patience
}

// work claims a job and does it. nil means that River has nothing more to do: the
// job has ended, or is somebody else's.
func (q *Queue) work(ctx context.Context, id registrar.JobID) error {
	begun := time.Now()
	job, order, err := q.deps.Store.ClaimJob(ctx, id, q.cfg.Lease)
	switch {
	case isKind(err, registrar.Conflict), isKind(err, registrar.NotFound):
		q.deps.Log.DebugContext(ctx, "a dispatched job is somebody else's or over", slog.String("job_id", string(id)))
		return nil
	case err != nil:
		return describe(id, err)
	}
	q.count(job.Kind, 1)
	defer q.count(job.Kind, -1)
	a := &attempt{queue: q, job: job, order: order, begun: begun}
	return a.run(ctx)
}

// run does the job under its lease and settles what came of it.
func (a *attempt) run(river context.Context) error {
	// Nobody sits waiting, and the upstream's log can be searched for the job.
	ctx := registrar.WithRequestID(registrar.WithBulk(river), string(a.job.ID))
	ctx, cancel := context.WithTimeoutCause(ctx, a.queue.cfg.Timeout, errTimeLimit)
	defer cancel()
	ctx, lose := context.WithCancelCause(ctx)
	a.hold = &hold{queue: a.queue, id: a.job.ID, attempt: a.job.Attempt, lose: lose}
	var keeping sync.WaitGroup
	keeping.Go(func() { a.hold.keep(ctx, a.begun) })
	defer keeping.Wait()
	defer lose(nil)

	var outcome registrar.JobOutcome
	err := safely(func() (err error) {
		outcome, err = a.do(ctx)
		return err
	})
	if err == nil {
		return a.finish(ctx, outcome)
	}
	return a.settle(ctx, err)
}

func (a *attempt) do(ctx context.Context) (registrar.JobOutcome, error) {
	if a.job.Attempt > a.queue.cfg.Attempts {
		return registrar.JobOutcome{}, gaveUp(a.job.Attempt-1, nil) // each one died without a word
	}
	switch a.job.Kind {
	case registrar.WriteProgramEnrollments, registrar.WriteCourseEnrollments:
		return a.upload(ctx)
	case registrar.ListProgramEnrollments, registrar.ListCourseEnrollments, registrar.ListAllCourseEnrollments, registrar.GetCourseGrades:
		return a.export(ctx)
	}
	return registrar.JobOutcome{}, &failure{code: "unknown_kind", reason: "The gateway does not know this kind of job."}
}

// settle decides what an attempt leaves behind that did not succeed. Why its
// context ended comes first, for an error may only be the consequence.
func (a *attempt) settle(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	f, isFailure := errors.AsType[*failure](err)
	switch {
	case errors.Is(cause, errLeaseLost):
		a.log().WarnContext(ctx, "a job was lost to another worker")
		return nil
	case errors.Is(cause, errTimeLimit):
		return a.fail(ctx, timeLimit(a.queue.cfg.Timeout))
	case errors.Is(cause, river.ErrJobCancelledRemotely):
		return errors.Join(river.JobCancel(cause), a.fail(ctx, stoppedByOperator(cause)))
	case cause != nil:
		a.log().InfoContext(ctx, "a job is handed back for a shutdown")
		a.release(ctx)
		return river.JobSnooze(0)
	case isFailure:
		return a.fail(ctx, f)
	case a.job.Attempt >= a.queue.cfg.Attempts:
		return a.fail(ctx, gaveUp(a.job.Attempt, err))
	}
	a.log().WarnContext(ctx, "a job met trouble of our own and is tried again", slog.Any("error", err))
	a.release(ctx)
	return describe(a.job.ID, err)
}

// fail ends the job as Failed.
func (a *attempt) fail(ctx context.Context, f *failure) error {
	a.log().WarnContext(ctx, "a job failed", slog.String("code", f.code), slog.Any("error", f))
	return a.finish(ctx, registrar.JobOutcome{State: registrar.JobFailed, Reason: f.reason, Code: f.code})
}

// finish stores how the job ended. If even that is impossible, the lease runs out
// and another attempt is made, which is cheap for what has been written.
func (a *attempt) finish(ctx context.Context, outcome registrar.JobOutcome) error {
	ctx, cancel := closing(ctx)
	defer cancel()
	err := a.queue.deps.Store.FinishJob(ctx, a.job.ID, a.job.Attempt, outcome)
	switch {
	case isKind(err, registrar.Conflict):
		a.log().WarnContext(ctx, "a job ended after it was lost to another worker")
		return nil
	case err != nil:
		return describe(a.job.ID, fmt.Errorf("finish: %w", err))
	}
	a.log().InfoContext(ctx, "a job ended", slog.String("state", string(outcome.State)), slog.String("text", outcome.Text))
	a.observe(outcome.State)
	return nil
}

// release gives the job back. A lease that cannot be given back runs out.
func (a *attempt) release(ctx context.Context) {
	ctx, cancel := closing(ctx)
	defer cancel()
	if err := a.queue.deps.Store.ReleaseJob(ctx, a.job.ID, a.job.Attempt); err != nil {
		a.log().WarnContext(ctx, "a job's lease could not be given back and runs out", slog.Any("error", err))
	}
	a.observe(registrar.JobRetrying)
}

func (a *attempt) observe(state registrar.JobState) {
	if a.queue.deps.Observe != nil {
		a.queue.deps.Observe(a.job.Kind, state, time.Since(a.begun))
	}
}

// log writes lines about the attempt.
func (a *attempt) log() *slog.Logger {
	return a.queue.deps.Log.With(
		slog.String("job_id", string(a.job.ID)), slog.String("kind", string(a.job.Kind)),
		slog.String("program", string(a.job.Program)), slog.Int("attempt", a.job.Attempt),
		slog.Duration("took", time.Since(a.begun)))
}
