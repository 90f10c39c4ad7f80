package jobs_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

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

// Files whose process died before there was a job, or after which the job failed,
// go; those of a job that still waits stay, however old they are.
func TestFilesWithoutAJobAreDeleted(t *testing.T) {
	t.Parallel()
	const failed, waiting, never = someJob, "0b5f7d0e-5a55-4c7e-9d6d-000000000003", "0b5f7d0e-5a55-4c7e-9d6d-000000000004"
	files := []string{
		"job-results/" + string(failed) + ".csv", "uploads/" + never + ".json", // to go
		"uploads/" + never + "-2.json", "uploads/" + waiting + ".json", "uploads/notes.txt",
	}
	for name, tc := range map[string]struct {
		keep time.Duration
		left []string
	}{"after an hour": {time.Hour, files[2:]}, "never": {0, files}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite)
			w.cfg.Keep = tc.keep
			w.ledger.add(registrar.Job{ID: failed, State: registrar.JobFailed, Finished: time.Now().Add(-48 * time.Hour)}, programExport(), time.Time{})
			w.ledger.add(registrar.Job{ID: waiting, State: registrar.JobInProgress, Created: time.Now()}, programUpload(), time.Now().Add(time.Hour))
			w.ledger.entries[failed].forgot = true // there was no result to forget
			w.files.old = make(map[string]bool)
			for _, name := range files {
				w.files.kept[name], w.files.old[name] = []byte("x"), true
			}
			q := w.open() // of a replica that works on no job
			if err := q.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(tc.left)), w.files.names()); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}
