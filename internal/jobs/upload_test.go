package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

func staff(s string) *string { return &s }

func programUpload() registrar.JobOrder {
	return registrar.JobOrder{Kind: registrar.WriteProgramEnrollments, Owner: "ann", Program: theProgram(), Curriculum: "77777777-4444-2222-1111-000000000000"}
}

func courseUpload(t *testing.T) registrar.JobOrder {
	t.Helper()
	order := programUpload()
	order.Kind = registrar.WriteCourseEnrollments
	for i := range 3 {
		order.Runs = append(order.Runs, registrar.CourseRun{
			Key: courseKey(t, fmt.Sprintf("course-v1:STEMx+CS%d+F19", i)), ExternalKey: fmt.Sprintf("Comp%d", i),
		})
	}
	return order
}

// upload submits rows and returns how the job ended, and its file.
func (w *world) upload(q *jobs.Queue, order registrar.JobOrder, rows ...registrar.UploadRow) (registrar.JobOutcome, string) {
	w.t.Helper()
	id, err := q.SubmitUpload(w.t.Context(), order, uploadRows(nil, rows...))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.ended(id)
}

func TestProgramUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	var got registrar.EnrollmentWrite
	var report registrar.WriteReport
	w.write = func(_ context.Context, e registrar.EnrollmentWrite, _ jobs.Progress) (registrar.WriteReport, error) {
		got = e
		return report, nil
	}
	q := w.start()
	order := programUpload()
	rows := []registrar.UploadRow{
		{StudentKey: "b<&>", Status: "enrolled", Course: "dropped", Staff: staff("True")}, {StudentKey: "a,1", Status: "odd"},
	}
	cases := map[string]struct {
		report registrar.WriteReport
		text   string
	}{
		"good":    {registrar.WriteReport{Good: true}, "200"},
		"both":    {registrar.WriteReport{Good: true, Bad: true}, "207"},
		"bad":     {registrar.WriteReport{Bad: true}, "422"},
		"neither": {registrar.WriteReport{}, "422"}, // there were rows, and nothing is known to be good
	}
	for name, tc := range cases {
		report = tc.report
		report.Results = []registrar.WriteResult{{StudentKey: "a,1", Code: "invalid-status"}, {StudentKey: "b<&>", Code: "enrolled"}, {StudentKey: "0", Code: "stranger"}}
		outcome, file := w.upload(q, order, rows...)
		if outcome.State != registrar.JobSucceeded || outcome.Text != tc.text {
			t.Errorf("%s: outcome %+v, want text %s", name, outcome, tc.text)
		}
		if want := "student_key,status\r\n\"a,1\",invalid-status\r\nb<&>,enrolled\r\n0,stranger\r\n"; file != want {
			t.Errorf("%s: file %q, want %q", name, file, want)
		}
	}
	wantWrite := `{"Method":"PUT","Program":{"Key":"masters-in-cs","UUID":"6f4a2d4e-0000-4000-8000-000000000001","Organization":"stem"},"Run":null,` +
		`"Curriculum":"77777777-4444-2222-1111-000000000000","Items":null,"Rows":[{"student_key":"b\u003c\u0026\u003e","status":"enrolled"},{"student_key":"a,1","status":"odd"}]}`
	if text, err := json.Marshal(got); err != nil || string(text) != wantWrite {
		t.Errorf("the enroller got\n%s, want\n%s (%v)", text, wantWrite, err)
	}
}

func TestUploadsWithoutRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	w.write = func(context.Context, registrar.EnrollmentWrite, jobs.Progress) (registrar.WriteReport, error) {
		return registrar.WriteReport{}, errors.New("nothing was to be written")
	}
	q := w.start()
	for _, tc := range []struct {
		order registrar.JobOrder
		want  string
	}{{programUpload(), "student_key,status\r\n"}, {courseUpload(t), "course_id,student_key,status\r\n"}} {
		outcome, file := w.upload(q, tc.order)
		if outcome.State != registrar.JobSucceeded || outcome.Text != "204" || file != tc.want {
			t.Errorf("%s: outcome %+v, file %q; want text 204 and %q", tc.order.Kind, outcome, file, tc.want)
		}
	}
}

func TestCourseUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	var mu sync.Mutex
	sent := map[string]string{}
	w.write = func(_ context.Context, e registrar.EnrollmentWrite, _ jobs.Progress) (registrar.WriteReport, error) {
		var list []registrar.WriteItem
		counts := map[registrar.StudentKey]int{}
		for i := range e.Len() {
			list = append(list, e.Item(i))
			counts[e.Key(i)]++
		}
		items, err := json.Marshal(list)
		mu.Lock()
		defer mu.Unlock()
		sent[fmt.Sprint(e.Run.Key, " ", e.Curriculum, len(sent))] = string(items)
		report := registrar.WriteReport{Good: true, Results: []registrar.WriteResult{{StudentKey: "stranger", Code: "active"}}}
		for key, n := range counts {
			code := "active"
			if n > 1 {
				code, report.Bad = registrar.Duplicated, true
			}
			report.Results = append(report.Results, registrar.WriteResult{StudentKey: key, Code: code})
		}
		slices.SortFunc(report.Results, func(a, b registrar.WriteResult) int {
			return strings.Compare(string(a.StudentKey), string(b.StudentKey))
		})
		return report, err
	}
	q := w.start()
	order := courseUpload(t)
	order.WithStaff = true
	outcome, file := w.upload(q, order,
		registrar.UploadRow{Course: "Comp1", StudentKey: "zoe", Status: "active", Staff: staff("True")},
		registrar.UploadRow{Course: "course-v1:STEMx+CS2+F19", StudentKey: "zoe", Status: "active", Staff: staff("False")},
		registrar.UploadRow{Course: "invalid, course", StudentKey: "serena", Status: "active"},
		registrar.UploadRow{Course: "Comp1", StudentKey: "amy", Status: "active"},
		registrar.UploadRow{Course: "invalid, course", StudentKey: "adam", Status: "active", Staff: staff("")},
		registrar.UploadRow{Course: "invalid, course", StudentKey: "serena", Status: "active"},
		registrar.UploadRow{Course: "course-v1:STEMx+CS1+F19", StudentKey: "amy", Status: "active"},
		registrar.UploadRow{Course: "course-v1:STEMx+CS1+F19", StudentKey: "amy", Status: "inactive"},
	)
	want := "course_id,student_key,status,course_staff\r\n" +
		"Comp1,amy,active,\r\nComp1,zoe,active,True\r\n" +
		"course-v1:STEMx+CS2+F19,zoe,active,False\r\n" +
		"\"invalid, course\",serena,course-not-found,\r\n\"invalid, course\",adam,course-not-found,\r\n\"invalid, course\",serena,course-not-found,\r\n" +
		"course-v1:STEMx+CS1+F19,amy,duplicated,\r\n"
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if outcome.State != registrar.JobSucceeded || outcome.Text != "207" {
		t.Errorf("outcome %+v, want Succeeded with text 207", outcome)
	}
	items := slices.Sorted(func(yield func(string) bool) {
		for run, text := range sent {
			if !yield(run[:len(run)-1] + text) {
				return
			}
		}
	})
	if diff := cmp.Diff([]string{
		`course-v1:STEMx+CS1+F19 [{"course_staff":"True","status":"active","student_key":"zoe"},{"status":"active","student_key":"amy"}]`,
		`course-v1:STEMx+CS1+F19 [{"status":"active","student_key":"amy"},{"status":"inactive","student_key":"amy"}]`,
		`course-v1:STEMx+CS2+F19 [{"course_staff":"False","status":"active","student_key":"zoe"}]`,
	}, items); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if log := w.log.String(); !strings.Contains(log, "learners who were not sent") || strings.Contains(log, "stranger") {
		t.Errorf("the log does not count strangers, or names one:\n%s", log)
	}

	order.WithStaff = false
	outcome, file = w.upload(q, order, registrar.UploadRow{Course: "nowhere", StudentKey: "x", Status: "active", Staff: staff("True")})
	if want := "course_id,student_key,status\r\nnowhere,x,course-not-found\r\n"; outcome.Text != "422" || file != want {
		t.Errorf("outcome %+v, file %q; want text 422 and %q", outcome, file, want)
	}
}

func TestUploadThatIsRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	q := w.open()
	row := registrar.UploadRow{StudentKey: "a", Status: "enrolled"}
	bad := &registrar.Error{Kind: registrar.Invalid, Shape: registrar.DetailList, Detail: "row #2"}
	if _, err := q.SubmitUpload(t.Context(), programUpload(), uploadRows(bad, row)); !errors.Is(err, bad) {
		t.Errorf("error = %v, want that of the rows", err)
	}
	if len(w.files.names()) > 0 || len(w.ledger.ids()) > 0 {
		t.Fatalf("files %v and jobs %v are left", w.files.names(), w.ledger.ids())
	}
	first, err := q.SubmitUpload(t.Context(), programUpload(), uploadRows(nil, row))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(string(first)); err != nil || id.Version() != 4 || id.String() != string(first) {
		t.Errorf("job id %q is no UUIDv4 in lower case", first)
	}
	if _, err := q.SubmitUpload(t.Context(), courseUpload(t), uploadRows(nil, row)); registrar.CodeOf(err) != "write_job_in_progress" {
		t.Errorf("second upload: %v, want write_job_in_progress", err)
	}
	if diff := cmp.Diff([]string{"uploads/" + string(first) + ".json"}, w.files.names()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := w.files.text("uploads/" + string(first) + ".json"); got != `[{"student_key":"a","status":"enrolled"}]` {
		t.Errorf("stored rows = %s", got)
	}
	w.files.fail = errAway
	if _, err := q.SubmitUpload(t.Context(), programUpload(), uploadRows(nil, row)); !errors.Is(err, errAway) {
		t.Errorf("without a place for files: %v, want %v", err, errAway)
	}
	if _, err := q.Submit(t.Context(), programUpload()); registrar.KindOf(err) != registrar.Invalid {
		t.Errorf("an upload without rows: %v, want Invalid", err)
	}
}

func TestUploadWhoseRowsAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	q := w.open()
	submit := func(order registrar.JobOrder, program registrar.ProgramKey) registrar.JobID {
		order.Program.Key = program
		id, err := q.SubmitUpload(t.Context(), order, uploadRows(nil, registrar.UploadRow{StudentKey: "a", Status: "b"}))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	missing, damaged := submit(programUpload(), "one"), submit(programUpload(), "two")
	if err := w.files.Delete(t.Context(), "uploads/"+string(missing)+".json"); err != nil {
		t.Fatal(err)
	}
	w.files.mu.Lock()
	w.files.kept["uploads/"+string(damaged)+".json"] = []byte(`[{"student_key":"a"},{"stud`)
	w.files.mu.Unlock()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q) })
	for range 2 {
		w.ledger.await(t, "finish", "")
	}
	for id, code := range map[registrar.JobID]string{missing: "upload_missing", damaged: "upload_damaged"} {
		if got := w.ledger.look(id).outcome; got.State != registrar.JobFailed || got.Code != code || got.Reason == "" {
			t.Errorf("outcome %+v, want Failed with code %s", got, code)
		}
	}
}
