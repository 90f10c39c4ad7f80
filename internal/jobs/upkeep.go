package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
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

// Work deletes the files of jobs that ended long enough ago, and those of none.
func (s *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return safely(func() error { return errors.Join(s.queue.sweep(ctx), s.queue.tidy(ctx)) })
}

// Timeout leaves the next sweep alone.
func (s *sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return sweepEvery / 2 }

// sweep goes on while it finds something and can delete all of it.
func (q *Queue) sweep(ctx context.Context) error {
	if q.cfg.Keep <= 0 {
		return nil
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
			if swept > 0 {
				q.deps.Log.InfoContext(ctx, "files of old jobs were deleted", slog.Int("jobs", swept))
			}
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

// tidy deletes what a process left that died between a file and its job: rows of an
// upload that nobody ordered, results of an attempt after which the job failed, and
// halves of files. Whether a file has an owner is asked, for its age says nothing
// about a job that waited while everything was down.
func (q *Queue) tidy(ctx context.Context) error {
	const rest = 24 * time.Hour // nobody writes one file for that long
	now := time.Now()
	for _, folder := range []string{uploadFolder, resultFolder} {
		n, err := q.deps.Files.Tidy(ctx, folder, now.Add(-max(q.cfg.Keep, rest)), func(name string) (bool, error) {
			if q.cfg.Keep <= 0 {
				return false, nil
			}
			return q.isOrphan(ctx, name, now.Add(-q.cfg.Keep))
		})
		if n > 0 {
			q.deps.Log.InfoContext(ctx, "files without a job were deleted", slog.String("folder", folder), slog.Int("files", n))
		}
		if err != nil {
			return fmt.Errorf("jobs: tidy %s: %w", folder, err)
		}
	}
	return nil
}

// isOrphan reports whether a file is named after a job that is not there, or that
// ended before a time and so was asked for its files. Other names are not ours.
func (q *Queue) isOrphan(ctx context.Context, name string, before time.Time) (bool, error) {
	id, _, _ := strings.Cut(name, ".")
	if ours := uuid.Validate(id) == nil; !ours {
		return false, nil
	}
	job, err := q.deps.Store.Job(ctx, registrar.JobID(id))
	switch {
	case isKind(err, registrar.NotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	return !job.State.Processing() && job.Finished.Before(before), nil
}
