package jobs_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

func TestAbandonedUploadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Lease = 300 * time.Millisecond
		var mu sync.Mutex
		var sent []int
		w.write = func(ctx context.Context, e registrar.EnrollmentWrite, p jobs.Progress) (registrar.WriteReport, error) {
			return inBatches(ctx, e, p, func(_ context.Context, batch int) error {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, e.Len()*100+batch)
				return nil
			})
		}
		order := courseUpload(t)
		var rows strings.Builder
		for i := range 60 {
			fmt.Fprintf(&rows, `,{"student_key":"s%02d","status":"active","course_id":"Comp%d"}`, i, i/30) // two groups of two batches
		}
		w.files.kept["uploads/"+string(someJob)+".json"] = []byte("[" + rows.String()[1:] + "]")
		w.ledger.add(registrar.Job{ID: someJob, State: registrar.JobInProgress, Attempt: 1}, order, time.Now())
		answers := `{"Status":207,"Results":{"s25":"conflict","s26":"active","s27":"active","s28":"active","s29":"active"}}`
		w.ledger.entries[someJob].steps = map[int][]byte{0: []byte(`{"Status":200,"Results":{"s00":"first"}}`), 1: []byte(answers)}
		w.start()
		outcome, file := w.ended(someJob)
		slices.Sort(sent)
		if diff := cmp.Diff([]int{3000, 3001}, sent); diff != "" { // of the second group alone
			t.Errorf("batches sent (-want +got):\n%s", diff)
		}
		if outcome.State != registrar.JobSucceeded || !strings.Contains(file, "Comp0,s25,conflict\r\n") || !strings.Contains(file, "Comp1,s59,enrolled\r\n") {
			t.Errorf("outcome %+v, file %q", outcome, file)
		}
		if got := w.ledger.look(someJob).job.Attempt; got != 2 {
			t.Errorf("attempt %d, want 2", got)
		}
	})
}

func TestRestartAloneResumesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return listed(nil, page(200))
	}
	w.ledger.add(registrar.Job{ID: someJob, State: registrar.JobInProgress, Attempt: 1}, programExport(), time.Now().Add(time.Hour))
	w.start()
	if outcome, _ := w.ended(someJob); outcome.State != registrar.JobSucceeded {
		t.Errorf("outcome %+v, want Succeeded", outcome)
	}
}

func TestJobsInLineAreNotDispatchedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.cfg = jobs.Config{Exports: 1, Lease: 300 * time.Millisecond}
	begun, free := w.held()
	looks := make(chan struct{}, 1000)
	w.ledger.before = func(call string, _ registrar.JobID) error {
		if call == "abandoned" {
			looks <- struct{}{}
		}
		return nil
	}
	q := w.start()
	for range 2 {
		if _, err := q.Submit(t.Context(), programExport()); err != nil {
			t.Fatal(err)
		}
	}
	<-begun
	if diff := cmp.Diff(map[registrar.JobKind]int{registrar.ListProgramEnrollments: 1}, q.Running()); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
	w.ledger.mu.Lock()
	for _, e := range w.ledger.entries { // one of them is Pending, and seems to be for long
		e.job.Created = time.Now().Add(-time.Hour)
	}
	for len(looks) > 0 {
		<-looks
	}
	w.ledger.mu.Unlock()
	for range 3 { // the third look begins after the second has dispatched what it found
		<-looks
	}
	if n := w.dispatches(); n != 2 {
		t.Errorf("%d dispatches of 2 jobs", n)
	}
	close(free)
	w.ledger.await(t, "finish", "")
	w.ledger.await(t, "finish", "")
}

func TestPendingJobThatRiverLostIsTakenUp(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Lease = 300 * time.Millisecond
		w.ledger.add(registrar.Job{ID: someJob, State: registrar.JobPending, Created: time.Now().Add(-time.Hour)}, programExport(), time.Time{})
		w.start()
		if outcome, _ := w.ended(someJob); outcome.State != registrar.JobSucceeded {
			t.Errorf("outcome %+v, want Succeeded", outcome)
		}
	})
}

func TestJobThatKillsItsWorkersIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.ledger.add(registrar.Job{ID: someJob, State: registrar.JobInProgress, Attempt: 10}, programExport(), time.Time{})
	w.start()
	if outcome, _ := w.ended(someJob); outcome.State != registrar.JobFailed || outcome.Code != "gave_up" {
		t.Errorf("outcome %+v, want Failed, gave_up", outcome)
	}
}

// An operator cancels a job in River's page while it waits. River tells nobody, and
// a job that only River forgot would be dispatched again.
func TestJobThatIsCancelledInLineEnds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Lease = 300 * time.Millisecond
		id, err := w.open().Submit(t.Context(), programExport()) // nobody works yet
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.ExecContext(t.Context(), `UPDATE river_job SET state = 'cancelled', finalized_at = CURRENT_TIMESTAMP`); err != nil {
			t.Fatal(err)
		}
		w.ledger.mu.Lock()
		w.ledger.entries[id].job.Created = time.Now().Add(-time.Hour)
		w.ledger.mu.Unlock()
		w.start()
		if outcome, _ := w.ended(id); outcome.State != registrar.JobFailed || outcome.Code != "stopped_by_operator" {
			t.Errorf("outcome %+v, want Failed, stopped_by_operator", outcome)
		}
	})
}
