package jobs_test

import (
	"context"
	"iter"
	"strings"
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
