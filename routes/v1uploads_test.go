package routes_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/routes"
)

const (
	uploadProgram = "/api/v1/programs/masters-cs/enrollments/upload"
	uploadCourse  = "/api/v1/programs/masters-cs/course_enrollments/upload"
	threeRows     = "student_key,status\nS-1,enrolled\nS-2,pending\nS-1,ended\n"
	uploadLimit   = 5_242_880
)

// form is a multipart body whose fields are name, file name and content in turn;
// without a file name a field is text.
func form(tb testing.TB, fields ...string) (media, body string) {
	tb.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i+2 < len(fields); i += 3 {
		part, err := w.CreateFormField(fields[i])
		if fields[i+1] != "" {
			part, err = w.CreateFormFile(fields[i], fields[i+1])
		}
		if err == nil {
			_, err = part.Write([]byte(fields[i+2]))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return w.FormDataContentType(), out.String()
}

// upload sends one file.
func (cl *client) upload(tb testing.TB, target, file string) response {
	tb.Helper()
	media, body := form(tb, "file", "x.csv", file)
	return cl.post(tb, "POST", target, media, body)
}

// idle is a world in which no program is being written to.
func idle(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb)
	w.jobs.jobs = nil
	return w
}

func TestAnUploadStartsAJob(t *testing.T) {
	t.Parallel()
	w := idle(t)
	w.config.APIRoot = "https://registrar.example.org/api/"
	got := newClient(t, w).upload(t, strings.Replace(uploadProgram, "v1", "v2", 1)+"/", "\ufeff"+threeRows)
	want := `{"job_id":"` + string(newJob) + `","job_url":"https://registrar.example.org/api/v2/jobs/` + string(newJob) + `"}`
	if got.status != 202 || got.body != want {
		t.Fatalf("%d %s, want 202 %s", got.status, got.body, want)
	}
	order := w.submitter.orders[0]
	active := allDetails(t)["masters-cs"].Curricula[0]
	if order.Name() != "masters-cs:write:write_program_enrollments" || order.Owner != "registrar" || order.Program.UUID != "1" ||
		order.Curriculum != active.UUID || order.Format != registrar.CSVFile || order.WithStaff || len(order.Runs) != len(active.Runs) {
		t.Errorf("ordered: %+v", order)
	}
	rows := []registrar.UploadRow{{StudentKey: "S-1", Status: "enrolled"}, {StudentKey: "S-2", Status: "pending"}, {StudentKey: "S-1", Status: "ended"}}
	if diff := cmp.Diff(rows, w.submitter.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	note := w.activities[len(w.activities)-1]
	touch := &registrar.Touch{Kind: registrar.TouchUpload, Program: "masters-cs", Job: newJob, Learner: []registrar.StudentKey{"S-1", "S-2"}}
	if diff := cmp.Diff(touch, note.Touch); diff != "" || note.Event != "registrar.v2.upload_program_enrollments" || note.Facts()["program_key"] != "masters-cs" {
		t.Errorf("event %q of %v, touch (-want +got):\n%s", note.Event, note.Facts(), diff)
	}
}

func TestAnUploadOfCourses(t *testing.T) {
	t.Parallel()
	const file = "course_id,status,student_key,course_staff\nc1,active,S-1,True\nc2,active,S-1,\nc1,active,S-2\n"
	text := func(s string) *string { return &s }
	for _, flag := range []bool{true, false} {
		w := idle(t)
		w.config.Flags = staffFor(flag)
		if got := newClient(t, w).upload(t, uploadCourse, file); got.status != 202 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		order, event := w.submitter.orders[0], w.activities[len(w.activities)-1].Event
		if order.Kind != registrar.WriteCourseEnrollments || order.WithStaff != flag || event != "registrar.v1.upload_course_enrollments" {
			t.Errorf("flag %v: %s, with roles %v, event %q", flag, order.Kind, order.WithStaff, event)
		}
		want := []registrar.UploadRow{
			{StudentKey: "S-1", Status: "active", Course: "c1"}, {StudentKey: "S-1", Status: "active", Course: "c2"}, {StudentKey: "S-2", Status: "active", Course: "c1"},
		}
		if flag {
			want[0].Staff, want[1].Staff = text("True"), text("")
		}
		if diff := cmp.Diff(want, w.submitter.rows); diff != "" {
			t.Errorf("flag %v: rows (-want +got):\n%s", flag, diff)
		}
	}
}

// Roles are nothing to a program, whoever uploads.
func TestAnUploadToAProgramHasNoRoles(t *testing.T) {
	t.Parallel()
	w := idle(t)
	w.config.Flags = staffFor(true)
	newClient(t, w).upload(t, uploadProgram, threeRows)
	if len(w.submitter.orders) != 1 || w.submitter.orders[0].WithStaff {
		t.Errorf("ordered: %+v", w.submitter.orders)
	}
}

func TestAFileWithoutRowsTouchesNobody(t *testing.T) {
	t.Parallel()
	w := idle(t)
	got := newClient(t, w).upload(t, uploadProgram, "student_key,status")
	if note := w.activities[len(w.activities)-1]; got.status != 202 || note.Touch != nil {
		t.Errorf("%d %s, touch %v", got.status, got.body, note.Touch)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	const (
		noFile   = `{"detail":"No file content uploaded"}`
		badForm  = `{"detail":"Multipart form parse error - the body is no well-formed form."}`
		tooLarge = `{"detail":"Upload too large. Must be under 5242880 bytes"}`
	)
	large := strings.Repeat("x", uploadLimit+1)
	fields := func(fields ...string) func(*testing.T) (string, string) {
		return func(t *testing.T) (string, string) { t.Helper(); return form(t, fields...) }
	}
	plain := func(media, body string) func(*testing.T) (string, string) {
		return func(*testing.T) (string, string) { return media, body }
	}
	for name, tc := range map[string]struct {
		body   func(*testing.T) (media, body string)
		status int
		want   string
	}{
		"JSON":                {plain("application/json", "[]"), 415, `{"detail":"Unsupported media type \"application/json\" in request."}`},
		"a form of one part":  {plain("application/x-www-form-urlencoded", "file=x"), 415, `{"detail":"Unsupported media type \"application/x-www-form-urlencoded\" in request."}`},
		"nothing":             {plain("application/json", ""), 400, noFile},
		"no boundary":         {plain("multipart/form-data", "x"), 400, badForm},
		"no form within":      {plain("multipart/form-data; boundary=b", "nonsense"), 400, noFile},
		"broken off":          {plain("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"+threeRows), 400, badForm},
		"another part":        {fields("upload", "x.csv", threeRows), 400, noFile},
		"text":                {fields("file", "", threeRows), 400, noFile},
		"too large":           {fields("file", "x.csv", large), 413, tooLarge},
		"too large, of many":  {fields("file", "x.csv", large, "file", "y.csv", threeRows), 413, tooLarge},
		"too large around it": {fields("file", "x.csv", threeRows, "other", "", large+large), 413, tooLarge},
		"headers":             {fields("file", "x.csv", "something,status\nS-1,enrolled"), 400, `["CSV is missing headers [student_key]"]`},
		"zero bytes":          {fields("file", "x.csv", ""), 400, `["CSV is missing headers [status, student_key]"]`},
		"no UTF-8":            {fields("file", "x.csv", "\xff"), 400, `["CSV is not valid UTF-8"]`},
		"a row":               {fields("file", "x.csv", threeRows+"S-4,\nS-5,"), 400, `["CSV is missing data at row #4. Required fields are [student_key, status]."]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := idle(t)
			media, body := tc.body(t)
			got := newClient(t, w).post(t, "POST", uploadProgram, media, body)
			if got.status != tc.status || got.body != tc.want {
				t.Errorf("%d %s, want %d %s", got.status, got.body, tc.status, tc.want)
			}
			note := w.activities[len(w.activities)-1]
			failure := map[int]any{400: "bad_request", 413: "request_entity_too_large"}[tc.status]
			if w.submitter.rows != nil || note.Touch != nil || note.Facts()["failure"] != failure {
				t.Errorf("rows %v, touch %v, failure %v", w.submitter.rows, note.Touch, note.Facts()["failure"])
			}
		})
	}
}

func TestTheLargestUpload(t *testing.T) {
	t.Parallel()
	const header = "student_key,status,comment\nS-1,enrolled,"
	w := idle(t)
	media, body := form(t, "note", "", "first", "file", "old.csv", "nonsense", "file", "x.csv", header+strings.Repeat("x", uploadLimit-len(header)), "after", "", "x")
	got := newClient(t, w).post(t, "POST", uploadProgram, media, body)
	if got.status != 202 || len(w.submitter.rows) != 1 {
		t.Errorf("%d %s, %d rows; of two files the last counts, to the last byte", got.status, got.body, len(w.submitter.rows))
	}
}

// A body whose length nobody announced is held to the same limits as it comes.
func TestAnUploadInChunks(t *testing.T) {
	t.Parallel()
	const header = "student_key,status,comment\nS-1,enrolled,"
	for name, tc := range map[string]struct{ file, around, want int }{
		"largest":             {uploadLimit, 0, 202},
		"too large":           {uploadLimit + 1, 0, 413},
		"far too large":       {2 * uploadLimit, 0, 413},
		"too large around it": {100, 2 * uploadLimit, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := idle(t)
			media, body := form(t, "around", "", strings.Repeat("x", tc.around), "file", "x.csv", header+strings.Repeat("x", tc.file-len(header)))
			request := httptest.NewRequest(http.MethodPost, uploadProgram, strings.NewReader(body))
			request.ContentLength, request.TransferEncoding = 0, []string{"chunked"}
			request.Header.Set("Authorization", "JWT registrar")
			request.Header.Set("Content-Type", media)
			if got := newClient(t, w).send(t, request); got.status != tc.want || len(w.submitter.orders) > 0 != (tc.want == 202) {
				t.Errorf("%d %s, %d jobs; want %d", got.status, got.body, len(w.submitter.orders), tc.want)
			}
		})
	}
}

// The doubles' registrar has a write job of masters-cs in progress. What is wrong
// with the form is told before that, what is wrong with the file is not.
func TestAProgramIsUploadedToOnceAtATime(t *testing.T) {
	t.Parallel()
	const conflict = `"Job already in progress for program"`
	w := newWorld(t)
	cl := newClient(t, w)
	for _, target := range []string{uploadProgram, uploadCourse} {
		for _, file := range []string{threeRows, "nonsense"} {
			if got := cl.upload(t, target, file); got.status != 409 || got.body != conflict {
				t.Errorf("%s: %d %s, want 409 %s", target, got.status, got.body, conflict)
			}
		}
		if got := cl.upload(t, target, strings.Repeat("x", uploadLimit+1)); got.status != 413 {
			t.Errorf("%s: %d, want 413", target, got.status)
		}
	}
	if len(w.submitter.orders) > 0 {
		t.Error("a job was ordered")
	}
	if got := cl.upload(t, strings.Replace(uploadProgram, "masters-cs", "masters-ds", 1), threeRows); got.status != 202 {
		t.Errorf("another program: %d %s", got.status, got.body)
	}
	// Another request gets there between the look and the order.
	late := idle(t)
	late.submitter.upload = func(o registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error) {
		if _, err := late.submitter.readUpload(o, rows); err != nil {
			return "", err
		}
		return "", fmt.Errorf("jobs: %w", &registrar.Error{Kind: registrar.Conflict, Code: "write_job_in_progress", Detail: "unlike the original"})
	}
	if got := newClient(t, late).upload(t, uploadProgram, threeRows); got.status != 409 || got.body != conflict {
		t.Errorf("late: %d %s, want 409 %s", got.status, got.body, conflict)
	}
}

func TestAnUploadThatCouldNotBeStarted(t *testing.T) {
	t.Parallel()
	w := idle(t)
	w.submitter.upload = func(o registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error) {
		if _, err := w.submitter.readUpload(o, rows); err != nil {
			return "", err
		}
		return "", registrar.Fail(registrar.Unavailable, "The service is not available at the moment.", errors.New("canary"))
	}
	got := newClient(t, w).upload(t, uploadProgram, threeRows)
	if note := w.activities[len(w.activities)-1]; got.status != 503 || note.Touch == nil || len(note.Touch.Learner) != 2 || note.Touch.Job != "" {
		t.Errorf("%d %s, touch %v; want 503, and whom it would have touched", got.status, got.body, note.Touch)
	}
}

func TestOnlyUploadsReadTheirBodiesThemselves(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		uploadProgram: true, uploadProgram + "/": true, strings.Replace(uploadCourse, "v1", "v2", 1): true,
		onProgram: false, onCourse: false, "/api/v1/programs": false, "/api/v3/programs/masters-cs/enrollments/upload": false, "/upload": false,
	} {
		if got := routes.StreamsBody(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
