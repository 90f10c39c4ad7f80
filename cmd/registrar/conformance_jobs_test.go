package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registrar/internal/registrar"
)

// jobs are all the jobs there are.
func (w *world) jobs(t *testing.T) []registrar.Job {
	t.Helper()
	jobs, _, err := w.store.Jobs(t.Context(), registrar.JobFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// plant records a job in a state, which no worker has ever heard of. The gateway
// runs before, for one that starts looks after the jobs that it finds.
func (w *world) plant(t *testing.T, owner registrar.Username, kind registrar.JobKind, program registrar.ProgramKey, state registrar.JobState) registrar.JobID {
	t.Helper()
	w.url()
	id := registrar.JobID(uuid.NewString())
	order := registrar.JobOrder{
		Kind: kind, Owner: owner, Format: registrar.CSVFile,
		Program: registrar.Program{Key: program, UUID: programUUIDs()[program], Organization: w.managing(t, program)},
	}
	j := registrar.Job{ID: id, Owner: owner, Kind: kind, Name: order.Name(), Program: program, State: state}
	leased, ended := sql.NullTime{}, sql.NullTime{Time: time.Now().UTC(), Valid: !state.Processing()}
	if state == registrar.JobInProgress || state == registrar.JobRetrying {
		leased = sql.NullTime{Time: time.Now().UTC().Add(time.Hour), Valid: true}
	}
	inState := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = $1, lease_until = $2, finished_at = $3 WHERE id = $4`, state, leased, ended, id)
		return err
	}
	if err := w.store.CreateJob(t.Context(), j, order, inState); err != nil {
		t.Fatalf("planting a %s job: %v", state, err)
	}
	return id
}

func (w *world) managing(t *testing.T, key registrar.ProgramKey) registrar.OrganizationKey {
	t.Helper()
	p, err := w.store.Program(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return p.Organization
}

func jobCases() []conformanceCase {
	return []conformanceCase{
		{"J01", unfinishedJobs},
		{"J02", func(t *testing.T, w *world) {
			w.as("stem_admin").get("jobs/").is(t, http.StatusOK, "[]")
			for _, state := range []registrar.JobState{registrar.JobSucceeded, registrar.JobFailed, registrar.JobCanceled} {
				w.plant(t, "stem_admin", registrar.ListProgramEnrollments, "masters-in-cs", state)
			}
			w.as("stem_admin").get("jobs/").is(t, http.StatusOK, "[]")
		}},
		{"J03", func(t *testing.T, w *world) {
			id := w.plant(t, "stem_admin", registrar.ListProgramEnrollments, "masters-in-cs", registrar.JobFailed)
			if j := w.as("stem_admin").job(string(id)); j.State != "Failed" || j.Result != nil || j.Text != nil {
				t.Errorf("the failed job: %+v", j)
			}
		}},
		{"J04", func(t *testing.T, w *world) {
			id := w.plant(t, "stem_admin", registrar.ListProgramEnrollments, "masters-in-cs", registrar.JobSucceeded)
			w.as("hum_admin").get("jobs/"+string(id)).is(t, http.StatusForbidden, d403)
		}},
		{"J05", func(t *testing.T, w *world) {
			w.as("stem_admin").get("jobs/"+uuid.NewString()).is(t, http.StatusNotFound, d404)
		}},
		{"J06", func(t *testing.T, w *world) {
			w.listing("enrollments/", alexAndNobody())
			j, file := w.exported(t, englishEnrollments)
			if !strings.Contains(*j.Result, "/job-results/"+j.ID+".json") || !json.Valid([]byte(file)) {
				t.Errorf("result %s:\n%s", *j.Result, file)
			}
		}},
	}
}

func unfinishedJobs(t *testing.T, w *world) {
	var want []string
	for _, state := range registrar.JobStates() {
		id := w.plant(t, "stem_admin", registrar.ListProgramEnrollments, "masters-in-cs", state)
		if state.Processing() {
			want = append(want, string(id))
		}
	}
	w.plant(t, "hum_admin", registrar.ListProgramEnrollments, "masters-in-english", registrar.JobPending)
	reply := w.as("stem_admin").get("jobs/")
	var got []job
	if err := json.Unmarshal(reply.body, &got); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", reply.StatusCode, reply.body)
	}
	created := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$`)
	ids := []string{}
	for _, j := range got {
		ids = append(ids, j.ID)
		if !created.MatchString(j.Created) {
			t.Errorf("created is %q", j.Created)
		}
	}
	slices.Sort(ids)
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), ids); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	form := regexp.MustCompile(`^\[(\{"job_id":"[^"]+","name":"masters-in-cs:read:list_program_enrollments","created":"[^"]+","state":"[^"]+","result":null,"text":null\},?)+\]$`)
	if !form.Match(reply.body) {
		t.Errorf("the list is not of the original's form: %s", reply.body)
	}
}
