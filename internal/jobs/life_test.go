package jobs_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

const someJob registrar.JobID = "0b5f7d0e-5a55-4c7e-9d6d-000000000001"

func programExport() registrar.JobOrder {
	return registrar.JobOrder{Kind: registrar.ListProgramEnrollments, Owner: "ann", Program: theProgram(), Format: registrar.CSVFile}
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(w *world)) {
	t.Helper()
	for name, on := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, on)
			w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
				return listed(nil, page(200))
			}
			test(w)
		})
	}
}

// held makes an LMS whose listings wait: begun tells that one is asked for, and
// each ends when go is closed, or with its context.
func (w *world) held() (begun chan struct{}, free chan struct{}) {
	begun, free = make(chan struct{}, 100), make(chan struct{})
	w.lms.program = func(ctx context.Context, _ registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return func(yield func(registrar.LMSPage, error) bool) {
			begun <- struct{}{}
			select {
			case <-free:
				yield(page(200), nil)
			case <-ctx.Done():
				yield(registrar.LMSPage{}, ctx.Err())
			}
		}
	}
	return begun, free
}

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	for name, on := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, pool := on(t)
			if _, err := jobs.Open(t.Context(), jobs.Config{}, jobs.Deps{DB: db, Pool: pool}); registrar.CodeOf(err) != "schema_behind" {
				t.Errorf("open without tables: %v, want schema_behind", err)
			}
			var total atomic.Int64
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					n, err := jobs.Migrate(t.Context(), db, pool)
					total.Add(int64(n))
					if err != nil {
						t.Errorf("migrate: %v", err)
					}
				})
			}
			all.Wait()
			if again, err := jobs.Migrate(t.Context(), db, pool); total.Load() == 0 || again != 0 || err != nil {
				t.Errorf("%d migrations at first, then %d (%v); want some, then none", total.Load(), again, err)
			}
		})
	}
}

func TestJobsOnBothEngines(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		q := w.start()
		if got, file := w.done(q, programExport()); got.State != registrar.JobSucceeded || file == "" {
			t.Errorf("export: %+v with file %q", got, file)
		}
		if got, file := w.upload(q, programUpload(), registrar.UploadRow{StudentKey: "a", Status: "enrolled"}); got.Text != "200" || file != "student_key,status\r\na,enrolled\r\n" {
			t.Errorf("upload: %+v with file %q", got, file)
		}
		seen := []string{<-w.seen, <-w.seen}
		if diff := cmp.Diff([]string{"list_program_enrollments Succeeded", "write_program_enrollments Succeeded"}, seen); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
		if log := w.log.String(); !strings.Contains(log, "a job ended") || strings.Contains(log, "river") {
			t.Errorf("the log lacks the job's end, or has River's:\n%s", log)
		}
	})
}

func TestOrdersThatAreRolledBackAreNotDispatched(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		q := w.open()
		ctx, cancel := context.WithCancel(t.Context())
		w.ledger.before = func(call string, _ registrar.JobID) error {
			if call == "create" {
				cancel()
			}
			return nil
		}
		if _, err := q.Submit(ctx, programExport()); err == nil {
			t.Error("an order whose transaction could not begin was taken")
		}
		if n := w.dispatches(); n != 0 {
			t.Errorf("%d dispatches, want none", n)
		}
	})
}

// dispatches counts what River has of our jobs, in any state.
func (w *world) dispatches() int {
	w.t.Helper()
	var n int
	if err := w.db.QueryRowContext(w.t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'job'`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

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
				sent = append(sent, len(e.Items)*100+batch)
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

func TestStopHandsJobsToAnotherReplica(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Grace = 50 * time.Millisecond
		begun, free := w.held()
		first := w.open()
		if err := first.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		id, err := first.Submit(t.Context(), programExport())
		if err != nil {
			t.Fatal(err)
		}
		<-begun
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
	begun, free := w.held()
	q := w.open()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := q.Submit(t.Context(), programExport())
	if err != nil {
		t.Fatal(err)
	}
	<-begun
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
	begun, _ := w.held()
	q := w.open()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := q.Submit(t.Context(), programExport())
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Stop(over); err != nil {
		t.Errorf("stop: %v", err)
	}
	if state := w.ledger.look(id).job.State; state != registrar.JobRetrying {
		t.Errorf("state %q after the stop, want Retrying", state)
	}
}

func TestWorkerThatLosesItsLeaseStops(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world) error{
		"another worker has it": func(w *world) error {
			e := w.ledger.entries[someJob]
			e.job.Attempt, e.lease = e.job.Attempt+1, time.Now().Add(time.Hour)
			return nil // and the ledger says that it is lost
		},
		"the store is away until it is over": func(*world) error { return registrar.Fail(registrar.Unavailable, "Away.", errAway) },
	}
	for name, renewal := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite)
			w.cfg.Lease = 300 * time.Millisecond
			ended := make(chan error, 1)
			w.lms.program = func(ctx context.Context, _ registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
				return func(yield func(registrar.LMSPage, error) bool) {
					<-ctx.Done()
					w.ledger.mu.Lock()
					w.ledger.entries[someJob].lease = time.Now().Add(time.Hour) // no reaper may have it
					w.ledger.mu.Unlock()
					ended <- context.Cause(ctx)
					yield(registrar.LMSPage{}, ctx.Err())
				}
			}
			w.ledger.before = func(call string, _ registrar.JobID) error {
				switch call {
				case "renew":
					return renewal(w)
				case "release", "finish":
					t.Errorf("%s by a worker that has lost its job", call)
				}
				return nil
			}
			w.ledger.add(registrar.Job{ID: someJob, State: registrar.JobPending, Created: time.Now().Add(-time.Hour)}, programExport(), time.Time{})
			q := w.start()
			if cause := <-ended; cause == nil || !strings.Contains(cause.Error(), "lease is lost") {
				t.Errorf("the listing ended with %v, want the lost lease", cause)
			}
			stop(t, q)
		})
	}
}

func TestTroubleOfOurOwnIsTriedAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.files.fail = errAway
		q := w.start()
		id, err := q.Submit(t.Context(), programExport())
		if err != nil {
			t.Fatal(err)
		}
		w.ledger.await(t, "release", id)
		w.files.mu.Lock()
		w.files.fail = nil
		w.files.mu.Unlock()
		if outcome, _ := w.ended(id); outcome.State != registrar.JobSucceeded || w.ledger.look(id).job.Attempt != 2 {
			t.Errorf("outcome %+v at attempt %d, want Succeeded at 2", outcome, w.ledger.look(id).job.Attempt)
		}
		if got := []string{<-w.seen, <-w.seen}; got[0] != "list_program_enrollments Retrying" {
			t.Errorf("observed %v, want Retrying first", got)
		}
	})
}

func TestJobsFail(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context, _ registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return func(yield func(registrar.LMSPage, error) bool) {
			<-ctx.Done()
			yield(registrar.LMSPage{}, ctx.Err())
		}
	}
	cases := map[string]struct {
		cfg     jobs.Config
		prepare func(w *world)
		order   registrar.JobOrder
		code    string
		reason  string
	}{
		"after the last attempt":    {jobs.Config{Attempts: 1}, func(w *world) { w.files.fail = errAway }, programExport(), "gave_up", "The gateway began the job 1 times"},
		"at the time limit":         {jobs.Config{Timeout: 200 * time.Millisecond}, func(w *world) { w.lms.program = silent }, programExport(), "time_limit", "its time limit of 200ms."},
		"of a kind without workers": {jobs.Config{}, func(*world) {}, registrar.JobOrder{Kind: "guess", Program: theProgram()}, "unknown_kind", "this kind of job"},
		"of an unknown form":        {jobs.Config{}, func(*world) {}, registrar.JobOrder{Kind: registrar.ListProgramEnrollments, Format: "pdf"}, "unknown_format", "this form of file"},
		"by a panic": {jobs.Config{}, func(w *world) {
			w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] { panic("Alice Doe") }
		}, programExport(), "internal", "has a defect"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite)
			w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
				return listed(nil, page(200))
			}
			w.cfg = tc.cfg
			tc.prepare(w)
			got, _ := w.done(w.start(), tc.order)
			if got.State != registrar.JobFailed || got.Code != tc.code || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("outcome %+v, want Failed, %s, %q", got, tc.code, tc.reason)
			}
			if strings.Contains(w.log.String(), "Alice") {
				t.Error("the log holds the words of a panic")
			}
		})
	}
}

func TestUploadPanicsAndErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.cfg.Attempts = 1
	w.write = func(context.Context, registrar.EnrollmentWrite, jobs.Progress) (registrar.WriteReport, error) {
		panic("Alice Doe")
	}
	q := w.start()
	row := registrar.UploadRow{StudentKey: "a", Status: "b"}
	if got, _ := w.upload(q, programUpload(), row); got.State != registrar.JobFailed || got.Code != "internal" {
		t.Errorf("after a panic: %+v, want Failed", got)
	}
	w.write = func(context.Context, registrar.EnrollmentWrite, jobs.Progress) (registrar.WriteReport, error) {
		return registrar.WriteReport{}, errAway
	}
	if got, _ := w.upload(q, programUpload(), row); got.State != registrar.JobFailed || got.Code != "gave_up" {
		t.Errorf("after the last attempt: %+v, want Failed", got)
	}
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

func TestOldFilesAreDeleted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.cfg.Keep = time.Hour
		const young registrar.JobID = "0b5f7d0e-5a55-4c7e-9d6d-000000000002"
		for id, age := range map[registrar.JobID]time.Duration{someJob: 2 * time.Hour, young: time.Minute} {
			result := "job-results/" + string(id) + ".csv"
			w.ledger.add(registrar.Job{ID: id, State: registrar.JobSucceeded, Result: result, Finished: time.Now().Add(-age)}, programUpload(), time.Time{})
			w.files.kept[result], w.files.kept["uploads/"+string(id)+".json"] = []byte("x"), []byte("[]")
		}
		w.start()
		w.ledger.await(t, "forget", someJob)
		want := []string{"job-results/" + string(young) + ".csv", "uploads/" + string(young) + ".json"}
		if diff := cmp.Diff(want, w.files.names()); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
}

func TestPageOfQueues(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		q := w.start()
		w.done(q, programExport())
		page, err := q.UI("/internal/queues")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"/internal/queues/": "<html", "/internal/queues/api/jobs?limit=5": string(slices.Collect(maps.Keys(w.ledger.entries))[0])} {
			answer := httptest.NewRecorder()
			page.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.Code != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s: status %d (%v), body %.300s, want it to hold %q", path, answer.Code, err, body, want)
			}
		}
	})
}

func TestClaimThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return listed(nil, page(200))
	}
	var away atomic.Bool
	away.Store(true)
	w.ledger.before = func(call string, _ registrar.JobID) error {
		if call == "claim" && away.Swap(false) {
			return registrar.Fail(registrar.Unavailable, "Away.", errAway)
		}
		return nil
	}
	if got, _ := w.done(w.start(), programExport()); got.State != registrar.JobSucceeded {
		t.Errorf("outcome %+v, want Succeeded", got)
	}
}
