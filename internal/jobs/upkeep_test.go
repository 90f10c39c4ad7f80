package jobs_test

import (
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
