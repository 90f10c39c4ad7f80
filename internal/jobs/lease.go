package jobs

import (
	"context"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// hold is a worker's hold on a job: its context ends with [errLeaseLost] as the
// cause when the job may be somebody else's.
type hold struct {
	queue   *Queue
	id      registrar.JobID
	attempt int
	lose    context.CancelCauseFunc
}

// lost ends the worker's context: the store has said, or time has, that the job
// is not ours any more.
func (h *hold) lost() { h.lose(errLeaseLost) }

// keep renews the lease until ctx ends. claimed is when it was given. A lease
// that could not be renewed for its whole length counts as lost, for then it is.
func (h *hold) keep(ctx context.Context, claimed time.Time) {
	lease := h.queue.cfg.Lease
	ticker := time.NewTicker(lease / 3)
	defer ticker.Stop()
	for until := claimed.Add(lease); ; {
		select {
		case <-ctx.Done():
			return
		case asked := <-ticker.C:
			switch err := h.renew(ctx, until); {
			case err == nil:
				until = asked.Add(lease)
			case ctx.Err() != nil: // the job is over
				return
			case isKind(err, registrar.Conflict), isKind(err, registrar.NotFound), !time.Now().Before(until):
				h.lost()
				return
			default:
				h.queue.deps.Log.WarnContext(ctx, "a job's lease could not be renewed; another try follows",
					slog.String("job_id", string(h.id)), slog.Any("error", err))
			}
		}
	}
}

// renew does not wait past the end of the lease.
func (h *hold) renew(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return h.queue.deps.Store.RenewJob(ctx, h.id, h.attempt, h.queue.cfg.Lease)
}

// closing returns a context for what must be written although the worker's own
// has ended, such as giving the job back.
func closing(ctx context.Context) (context.Context, context.CancelFunc) {
	const enough = 5 * time.Second
	return context.WithTimeout(context.WithoutCancel(ctx), enough)
}
