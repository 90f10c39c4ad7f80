package jobs_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"registrar/internal/registrar"
)

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
