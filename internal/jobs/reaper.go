package jobs

import (
	"context"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// reap looks for abandoned jobs, at once and then twice in the time of a lease,
// until the queue dies. Every replica does: whoever lives finds what others left.
func (q *Queue) reap() {
	ticker := time.NewTicker(q.cfg.Lease / 2)
	defer ticker.Stop()
	for {
		if err := safely(func() error { return q.reapOnce(q.alive) }); err != nil && q.alive.Err() == nil {
			q.deps.Log.WarnContext(q.alive, "abandoned jobs could not be looked for", slog.Any("error", err))
		}
		select {
		case <-q.alive.Done():
			return
		case <-ticker.C:
		}
	}
}

func (q *Queue) reapOnce(ctx context.Context) error {
	const most = 100
	ctx, cancel := context.WithTimeout(ctx, max(q.cfg.Lease, 10*time.Second))
	defer cancel()
	// A job is dispatched within a second; one that is Pending for longer may wait in
	// line, which redispatch sees, or River has lost it.
	ids, err := q.deps.Store.AbandonedJobs(ctx, max(q.cfg.Lease, time.Minute), most)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := q.takeUp(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) takeUp(ctx context.Context, id registrar.JobID) error {
	done, err := q.redispatch(ctx, id)
	if err == nil && done {
		q.deps.Log.InfoContext(ctx, "an abandoned job is taken up", slog.String("job_id", string(id)))
	}
	return err
}
