package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

func TestStopHandsJobsToAnotherReplica(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Grace = 50 * time.Millisecond
		first, id, free := w.busy()
		stop(t, first)
		w.ledger.await(t, "release", id)
		if state := w.ledger.look(id).job.State; state != registrar.JobRetrying {
			t.Fatalf("state %q after the stop, want Retrying", state)
		}
		close(free)
		w.start()
		if outcome, _ := w.ended(id); outcome.State != registrar.JobSucceeded {
			t.Errorf("outcome %+v, want Succeeded", outcome)
		}
	})
}

func TestStopLetsJobsFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.cfg.Grace = time.Minute
	q, id, free := w.busy()
	var stopping sync.WaitGroup
	stopping.Go(func() { stop(t, q) })
	close(free)
	stopping.Wait()
	if got := w.ledger.look(id); got.job.State != registrar.JobSucceeded || got.job.Attempt != 1 {
		t.Errorf("job %+v after the stop, want it done at the first attempt", got.job)
	}
}

func TestStopCutsTheGraceShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.cfg.Grace = time.Hour
	q, id, _ := w.busy()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Stop(over); err != nil {
		t.Errorf("stop: %v", err)
	}
	if state := w.ledger.look(id).job.State; state != registrar.JobRetrying {
		t.Errorf("state %q after the stop, want Retrying", state)
	}
}

// busy is a queue of one job, which goes on once free is closed.
func (w *world) busy() (q *jobs.Queue, id registrar.JobID, free chan struct{}) {
	w.t.Helper()
	begun, free := w.held()
	q = w.open()
	if err := q.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	id, err := q.Submit(w.t.Context(), programExport())
	if err != nil {
		w.t.Fatal(err)
	}
	<-begun
	return q, id, free
}
