package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"registrar/internal/registrar"
)

// sweepEvery is how often files are looked for that have outlived their use.
const sweepEvery = time.Hour

// sweepArgs orders one sweep.
type sweepArgs struct{}

// Kind names the work in River's tables.
func (sweepArgs) Kind() string { return "sweep_files" }

// upkeep has River order a sweep now and then, once for all replicas.
func (q *Queue) upkeep() []*river.PeriodicJob {
	if q.cfg.Keep <= 0 {
		return nil
	}
	order := func() (river.JobArgs, *river.InsertOpts) {
		return sweepArgs{}, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 1} // the next one is not far
	}
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(sweepEvery), order, &river.PeriodicJobOpts{RunOnStart: true})}
}

// sweeper is River's end of a sweep.
type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	queue *Queue
}

// Work deletes the files of jobs that ended long enough ago.
func (s *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return safely(func() error { return s.queue.sweep(ctx) })
}

// Timeout leaves the next sweep alone.
func (s *sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return sweepEvery / 2 }

// sweep goes on while it finds something and can delete all of it.
func (q *Queue) sweep(ctx context.Context) error {
	if q.cfg.Keep <= 0 {
		return nil // ordered by a replica with another configuration
	}
	const batch = 100
	before := time.Now().Add(-q.cfg.Keep)
	for swept := 0; ; {
		aged, err := q.deps.Store.AgedJobs(ctx, before, batch)
		if err != nil {
			return fmt.Errorf("jobs: aged jobs: %w", err)
		}
		var failed []error
		for _, job := range aged {
			failed = append(failed, q.forget(ctx, job))
		}
		if err := errors.Join(failed...); err != nil {
			return err
		}
		swept += len(aged)
		if len(aged) < batch {
			q.deps.Log.InfoContext(ctx, "files of old jobs were deleted", slog.Int("jobs", swept))
			return nil
		}
	}
}

// forget deletes the files first: a file that nobody knows of would stay.
func (q *Queue) forget(ctx context.Context, job registrar.Job) error {
	names := []string{job.Result}
	if job.Kind.Writes() {
		names = append(names, uploadName(job.ID))
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := q.deps.Files.Delete(ctx, name); err != nil {
			return describe(job.ID, err)
		}
	}
	if err := q.deps.Store.ForgetFile(ctx, job.ID); err != nil {
		return describe(job.ID, err)
	}
	return nil
}
