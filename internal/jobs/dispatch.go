package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"registrar/internal/registrar"
)

// River's queues, one for each kind of work that must not wait for the others.
const (
	exportQueue = "exports"
	writeQueue  = "writes"
	upkeepQueue = "upkeep"
)

// dispatchArgs is what River keeps of a job: its id, to ask the store with.
type dispatchArgs struct {
	ID registrar.JobID `json:"job_id"`
}

// Kind names the work in River's tables.
func (dispatchArgs) Kind() string { return "job" }

// enqueue has River dispatch a job when tx is committed.
func (q *Queue) enqueue(ctx context.Context, tx *sql.Tx, id registrar.JobID, kind registrar.JobKind) error {
	_, err := q.client.InsertTx(ctx, tx, dispatchArgs{ID: id}, dispatchTo(queueOf(kind), id))
	if err != nil {
		return unavailable("enqueue", err)
	}
	return nil
}

// redispatch has River dispatch a job that nobody works on, unless it is in line
// already. Two replicas may both do so: the second worker finds it claimed. A job
// whose last dispatch an operator cancelled ends here, for no worker will hear of it.
func (q *Queue) redispatch(ctx context.Context, id registrar.JobID) (done bool, err error) {
	const last = 10 // dispatches of one job; it has more only after that many deaths
	former, err := q.client.JobList(ctx, river.NewJobListParams().TagsAll(string(id)).
		OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(last))
	if err != nil {
		return false, unavailable("look for "+string(id), err)
	}
	if slices.ContainsFunc(former.Jobs, waits) {
		return false, nil
	}
	queue := exportQueue // River forgets old dispatches, and the queue with them
	if len(former.Jobs) > 0 {
		if former.Jobs[0].State == rivertype.JobStateCancelled {
			return false, q.endCancelled(ctx, id)
		}
		queue = former.Jobs[0].Queue
	}
	if _, err := q.client.Insert(ctx, dispatchArgs{ID: id}, dispatchTo(queue, id)); err != nil {
		return false, unavailable("dispatch "+string(id), err)
	}
	return true, nil
}

// endCancelled ends a job that was cancelled in River while nobody worked on it.
func (q *Queue) endCancelled(ctx context.Context, id registrar.JobID) error {
	begun := time.Now()
	job, order, err := q.deps.Store.ClaimJob(ctx, id, q.cfg.Lease)
	switch {
	case isKind(err, registrar.Conflict), isKind(err, registrar.NotFound):
		return nil // another replica has done so
	case err != nil:
		return describe(id, err)
	}
	a := &attempt{queue: q, job: job, order: order, begun: begun}
	return a.fail(ctx, stoppedByOperator(nil))
}

// waits reports whether a dispatch will come to a worker by itself.
// One that is "running" may be a dead process's; River notices after an hour.
func waits(job *rivertype.JobRow) bool {
	return job.State == rivertype.JobStateAvailable || job.State == rivertype.JobStateRetryable || job.State == rivertype.JobStateScheduled
}

func queueOf(kind registrar.JobKind) string {
	if kind.Writes() {
		return writeQueue
	}
	return exportQueue
}

// dispatchTo tags the dispatch, for tags alone can be looked for on both engines.
func dispatchTo(queue string, id registrar.JobID) *river.InsertOpts {
	return &river.InsertOpts{Queue: queue, Tags: []string{string(id)}}
}

// worker is River's end of a job.
type worker struct {
	river.WorkerDefaults[dispatchArgs]
	queue *Queue
}

// Work does the job, or nothing when it is somebody else's or over. An error has
// River dispatch it again later.
func (w *worker) Work(ctx context.Context, job *river.Job[dispatchArgs]) error {
	return w.queue.work(ctx, job.Args.ID)
}

// retryPolicy says when a job is dispatched again after trouble of our own.
type retryPolicy struct{}

// NextRetry waits 1, 2, 4 … seconds, a minute at most.
func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	const doublings = 6
	return time.Now().Add(min(time.Second<<min(len(job.Errors), doublings), time.Minute))
}

// describe names a job in an error.
func describe(id registrar.JobID, err error) error { return fmt.Errorf("jobs: job %s: %w", id, err) }
