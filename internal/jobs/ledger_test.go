package jobs_test

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"registrar/internal/registrar"
)

// ledger doubles the link store, with the rules of its jobs and a real database
// for River's share of a transaction.
type ledger struct {
	db *sql.DB

	mu      sync.Mutex
	entries map[registrar.JobID]*entry
	events  chan event
	claims  int
	// before, if set, is asked before each call and may fail it.
	before func(call string, id registrar.JobID) error
}

type entry struct {
	job     registrar.Job
	order   registrar.JobOrder
	lease   time.Time
	steps   map[int][]byte
	outcome registrar.JobOutcome
	forgot  bool
}

// event is a call that changed a job.
type event struct {
	call string
	id   registrar.JobID
}

func newLedger(db *sql.DB) *ledger {
	return &ledger{db: db, entries: make(map[registrar.JobID]*entry), events: make(chan event, 10_000)}
}

func conflict(code string) error {
	return &registrar.Error{Kind: registrar.Conflict, Code: code, Detail: "No."}
}

// change runs f on a job under the lock and tells of it.
func (l *ledger) change(call string, id registrar.JobID, f func(e *entry) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.before != nil {
		if err := l.before(call, id); err != nil {
			return err
		}
	}
	e, ok := l.entries[id]
	if !ok {
		return registrar.Fail(registrar.NotFound, "No such job.", nil)
	}
	if err := f(e); err != nil {
		return err
	}
	l.events <- event{call, id}
	return nil
}

// own is change for who holds the job.
func (l *ledger) own(call string, id registrar.JobID, attempt int, f func(e *entry)) error {
	return l.change(call, id, func(e *entry) error {
		if e.job.Attempt != attempt || e.job.State != registrar.JobInProgress {
			return conflict("job_lost")
		}
		f(e)
		return nil
	})
}

func (l *ledger) CreateJob(ctx context.Context, job registrar.Job, order registrar.JobOrder, enqueue func(context.Context, *sql.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.before != nil {
		if err := l.before("create", job.ID); err != nil {
			return err
		}
	}
	for _, e := range l.entries {
		if job.Kind.Writes() && e.job.Kind.Writes() && e.job.State.Processing() && e.order.Program.Key == order.Program.Key {
			return conflict("write_job_in_progress")
		}
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := enqueue(ctx, tx); err != nil {
		return err
	}
	job.State, job.Created = registrar.JobPending, time.Now()
	l.entries[job.ID] = &entry{job: job, order: order, steps: make(map[int][]byte)}
	return tx.Commit()
}

func (l *ledger) ClaimJob(_ context.Context, id registrar.JobID, lease time.Duration) (job registrar.Job, order registrar.JobOrder, err error) {
	err = l.change("claim", id, func(e *entry) error {
		if !e.job.State.Processing() || time.Now().Before(e.lease) {
			return conflict("job_claimed")
		}
		l.claims++
		e.job.State, e.job.Started, e.lease = registrar.JobInProgress, time.Now(), time.Now().Add(lease)
		e.job.Attempt++
		job, order = e.job, e.order
		return nil
	})
	return job, order, err
}

func (l *ledger) RenewJob(_ context.Context, id registrar.JobID, attempt int, lease time.Duration) error {
	return l.own("renew", id, attempt, func(e *entry) { e.lease = time.Now().Add(lease) })
}

func (l *ledger) ReleaseJob(_ context.Context, id registrar.JobID, attempt int) error {
	return l.own("release", id, attempt, func(e *entry) { e.lease, e.job.State = time.Time{}, registrar.JobRetrying })
}

func (l *ledger) FinishJob(_ context.Context, id registrar.JobID, attempt int, outcome registrar.JobOutcome) error {
	return l.own("finish", id, attempt, func(e *entry) {
		e.outcome, e.job.State, e.job.Finished, e.job.Result = outcome, outcome.State, time.Now(), outcome.Result
		e.steps = make(map[int][]byte)
	})
}

func (l *ledger) SaveStep(_ context.Context, id registrar.JobID, attempt, step int, outcome []byte) error {
	return l.own("step", id, attempt, func(e *entry) { e.steps[step] = outcome })
}

func (l *ledger) Steps(_ context.Context, id registrar.JobID) (map[int][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.entries[id].steps), nil
}

func (l *ledger) AbandonedJobs(_ context.Context, pendingFor time.Duration, limit int) ([]registrar.JobID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.before != nil {
		if err := l.before("abandoned", ""); err != nil {
			return nil, err
		}
	}
	var ids []registrar.JobID
	for id, e := range l.entries {
		pending := e.job.State == registrar.JobPending && time.Since(e.job.Created) > pendingFor
		held := e.job.State == registrar.JobInProgress || e.job.State == registrar.JobRetrying
		if len(ids) < limit && (pending || held && !time.Now().Before(e.lease)) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (l *ledger) DropLeases(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.lease = time.Time{}
	}
	return nil
}

func (l *ledger) Job(_ context.Context, id registrar.JobID) (registrar.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return registrar.Job{}, registrar.Fail(registrar.NotFound, "No such job.", nil)
	}
	return e.job, nil
}

func (l *ledger) AgedJobs(_ context.Context, before time.Time, limit int) ([]registrar.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var aged []registrar.Job
	for _, e := range l.entries {
		if len(aged) < limit && !e.forgot && !e.job.State.Processing() && e.job.Finished.Before(before) {
			aged = append(aged, e.job)
		}
	}
	return aged, nil
}

func (l *ledger) ForgetFile(_ context.Context, id registrar.JobID) error {
	return l.change("forget", id, func(e *entry) error {
		e.forgot, e.job.Result = true, ""
		return nil
	})
}

// add puts a job into the ledger that River knows nothing of.
func (l *ledger) add(job registrar.Job, order registrar.JobOrder, lease time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	job.Kind = order.Kind
	l.entries[job.ID] = &entry{job: job, order: order, lease: lease, steps: make(map[int][]byte)}
}

// await waits for a call on a job, and drops the events before.
func (l *ledger) await(t *testing.T, call string, id registrar.JobID) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case e := <-l.events:
			if e.call == call && (id == "" || e.id == id) {
				return
			}
		case <-late:
			t.Fatalf("no %s of job %q within a minute", call, id)
		}
	}
}

func (l *ledger) look(id registrar.JobID) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.entries[id]
}

func (l *ledger) ids() []registrar.JobID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.entries))
}
