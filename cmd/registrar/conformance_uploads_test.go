package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"registrar/config"
	"registrar/internal/registrar"
)

const (
	programUpload = "programs/masters-in-cs/enrollments/upload"
	courseUpload  = "programs/masters-in-cs/course_enrollments/upload"
	cs111, cs222  = "course-v1:STEMx+CS111+F19", "course-v1:STEMx+CS222+JF19"
)

// echoes lets the LMS echo all writes to masters-in-cs.
func (w *world) echoes() {
	w.on(http.MethodPut, belowProgram("masters-in-cs", "enrollments/"), echo)
	for _, run := range []string{cs111, cs222, csCourse} {
		w.on(http.MethodPut, belowProgram("masters-in-cs", "courses/"+run+"/enrollments/"), echo)
	}
}

// uploaded sends a file as stem_admin, follows its job and holds it to a text and
// a result.
func (w *world) uploaded(t *testing.T, path, file, text, result string) job {
	t.Helper()
	p := w.as("stem_admin")
	j := p.finished(p.upload(path, file))
	if j.State != "Succeeded" || j.text() != text {
		t.Fatalf("the upload %s with text %s, want Succeeded with %s", j.State, j.text(), text)
	}
	if got := w.file(j); got != result {
		t.Errorf("result is\n%q, want\n%q", got, result)
	}
	return j
}

// notUploaded holds a file to be refused, without a job.
func (w *world) notUploaded(t *testing.T, path, file string, status int, body string) {
	t.Helper()
	w.as("stem_admin").upload(path, file).is(t, status, body)
	w.hasNoJob(t, "stem_admin")
}

func uploadCases() []conformanceCase {
	return []conformanceCase{
		{"U01", func(t *testing.T, w *world) {
			w.echoes()
			j := w.uploaded(t, programUpload, "student_key,status\n001,enrolled\n002,enrolled\n003,pending\n", "200",
				"student_key,status\r\n001,enrolled\r\n002,enrolled\r\n003,pending\r\n")
			if j.Name != "masters-in-cs:write:write_program_enrollments" {
				t.Errorf("the job is called %s", j.Name)
			}
			want := threeRows()
			for _, r := range want {
				r["curriculum_uuid"] = activeCurriculum
			}
			sent := w.writes()
			if len(sent) != 1 || sent[0].Method != http.MethodPut {
				t.Fatalf("the LMS got %d writes", len(sent))
			}
			if diff := gocmp.Diff(want, sent[0].items(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		}},
		{"U02", oneWriteAtATime},
		{"U03", func(t *testing.T, w *world) {
			w.echoes()
			w.plant(t, "hum_admin", registrar.WriteProgramEnrollments, "masters-in-cs", registrar.JobSucceeded)
			w.plant(t, "hum_admin", registrar.WriteCourseEnrollments, "masters-in-cs", registrar.JobFailed)
			w.plant(t, "hum_admin", registrar.WriteProgramEnrollments, "masters-in-english", registrar.JobInProgress)
			w.plant(t, "hum_admin", registrar.ListProgramEnrollments, "masters-in-cs", registrar.JobInProgress)
			w.uploaded(t, programUpload, "student_key,status\n001,enrolled\n", "200", "student_key,status\r\n001,enrolled\r\n")
		}},
		{"U04", func(t *testing.T, w *world) {
			w.notUploaded(t, programUpload, "something,status\n001,enrolled\n", http.StatusBadRequest, `["CSV is missing headers [student_key]"]`)
		}},
		{"U05", func(t *testing.T, w *world) {
			for _, second := range []string{"002,", "002"} {
				w.notUploaded(t, programUpload, "student_key,status\n001,enrolled\n"+second+"\n", http.StatusBadRequest,
					`["CSV is missing data at row #2. Required fields are [student_key, status]."]`)
			}
		}},
		{"U06", func(t *testing.T, w *world) {
			w.notUploaded(t, programUpload, "student_key,status\n001,enrolled,foo,bar\n", http.StatusBadRequest,
				`["CSV is missing data at row #1. Required fields are [student_key, status]."]`)
		}},
		{"U07", func(t *testing.T, w *world) {
			const limit = 5242880
			head := "student_key,status\n001,enrolled\n"
			w.notUploaded(t, programUpload, head+strings.Repeat("\n", limit+1-len(head)), http.StatusRequestEntityTooLarge,
				`{"detail":"Upload too large. Must be under 5242880 bytes"}`)
			w.echoes()
			w.uploaded(t, programUpload, head+strings.Repeat("\n", limit-len(head)), "200", "student_key,status\r\n001,enrolled\r\n")
		}},
		{"U08", func(t *testing.T, w *world) {
			for _, part := range []string{"", "--b\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"u.csv\"\r\n\r\nstudent_key,status\r\n"} {
				w.as("stem_admin").raw(http.MethodPost, programUpload, "multipart/form-data; boundary=b", part+"--b--\r\n").
					is(t, http.StatusBadRequest, `{"detail":"No file content uploaded"}`)
			}
			w.hasNoJob(t, "stem_admin")
		}},
		{"U09", func(t *testing.T, w *world) {
			for _, path := range []string{programUpload, courseUpload} {
				w.as("stem_admin").do(http.MethodPost, path, threeRows()).
					is(t, http.StatusUnsupportedMediaType, `{"detail":"Unsupported media type \"application/json\" in request."}`)
				w.as("stem_admin").get(path).is(t, http.StatusMethodNotAllowed, d405("GET"))
			}
		}},
		{"U10", func(t *testing.T, w *world) {
			w.echoes()
			w.uploaded(t, programUpload, "student_key,blood_type,status\n001,AB,enrolled\n", "200", "student_key,status\r\n001,enrolled\r\n")
			want := []row{{"student_key": "001", "status": "enrolled", "curriculum_uuid": activeCurriculum}}
			if diff := gocmp.Diff(want, w.writes()[0].items(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if stored := w.storedUploads(t); strings.Contains(stored, "blood") || !strings.Contains(stored, "enrolled") {
				t.Errorf("stored: %s", stored)
			}
		}},
		{"U11", func(t *testing.T, w *world) {
			const file = "student_key,status,course_id\n001,enrolled,CompSci1_Fall\n"
			for _, path := range []string{programUpload, courseUpload} {
				w.as("hum_admin").upload(path, file).is(t, http.StatusForbidden, d403)
				w.as("stem_user").upload(path, file).is(t, http.StatusForbidden, d403)
			}
			micro := newWorld(t, w.dsn, w.key) // the first one's gateway knows the program as it was
			micro.micro("masters-in-cs")
			for _, path := range []string{programUpload, courseUpload} {
				micro.as("stem_admin").upload(path, file).is(t, http.StatusForbidden, d403)
			}
			if jobs := w.jobs(t); len(jobs) > 0 {
				t.Errorf("%d jobs began", len(jobs))
			}
		}},
		{"U12", groupsOfCourses},
		{"U13", unknownCourses},
		{"U14", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = config.Flag{State: "some", Groups: []string{"stem-admins"}}
			w.echoes()
			w.uploaded(t, courseUpload, staffFile, "200", "course_id,student_key,status,course_staff\r\n"+
				"CompSci1_Fall,001,active,True\r\nCompSci1_Fall,002,active,False\r\nCompSci1_Fall,003,active,\r\n")
			want := []row{
				{"student_key": "001", "status": "active", "course_staff": "True"},
				{"student_key": "002", "status": "active", "course_staff": "False"},
				{"student_key": "003", "status": "active", "course_staff": ""},
			}
			if diff := gocmp.Diff(want, w.writes()[0].items(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		}},
		{"U15", func(t *testing.T, w *world) {
			w.echoes()
			w.uploaded(t, courseUpload, staffFile, "200", plainStaffResult)
			w.withoutStaff(t)
		}},
		{"U16", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = config.Flag{State: "on"}
			w.echoes()
			w.uploaded(t, courseUpload, "student_key,status,course_id\n001,active,CompSci1_Fall\n002,active,CompSci1_Fall\n003,active,CompSci1_Fall\n", "200", plainStaffResult)
			w.withoutStaff(t)
		}},
		{"U17", func(t *testing.T, w *world) {
			w.uploaded(t, programUpload, "student_key,status\n", "204", "student_key,status\r\n")
			w.uploaded(t, courseUpload, "student_key,status,course_id\n", "204", "course_id,student_key,status\r\n")
			w.wroteNothing(t)
		}},
		{"U18", func(t *testing.T, w *world) {
			w.echoes()
			file, result := manyLines(52)
			w.uploaded(t, programUpload, file, "200", result)
			sizes := []int{}
			for _, a := range w.writes() {
				sizes = append(sizes, len(a.items(t)))
			}
			slices.Sort(sizes)
			if diff := gocmp.Diff([]int{2, 25, 25}, sizes); diff != "" {
				t.Errorf("sizes of the writes (-want +got):\n%s", diff)
			}
		}},
		{"U19", mixedBatches},
		{"U20", func(t *testing.T, w *world) {
			w.on(http.MethodPut, belowProgram("masters-in-cs", "enrollments/"), replyText(http.StatusUnprocessableEntity, "application/json", `{"001":"conflict"}`))
			w.uploaded(t, programUpload, "student_key,status\n001,enrolled\n", "422", "student_key,status\r\n001,conflict\r\n")
		}},
	}
}

const (
	staffFile        = "student_key,status,course_id,course_staff\n001,active,CompSci1_Fall,True\n002,active,CompSci1_Fall,False\n003,active,CompSci1_Fall,\n"
	plainStaffResult = "course_id,student_key,status\r\nCompSci1_Fall,001,active\r\nCompSci1_Fall,002,active\r\nCompSci1_Fall,003,active\r\n"
)

// withoutStaff holds that course_staff went nowhere.
func (w *world) withoutStaff(t *testing.T) {
	t.Helper()
	for _, a := range w.writes() {
		if strings.Contains(string(a.Body), "course_staff") {
			t.Errorf("the LMS got %s", a.Body)
		}
	}
	if stored := w.storedUploads(t); strings.Contains(stored, "course_staff") {
		t.Errorf("stored: %s", stored)
	}
}

// storedUploads is what the uploads' files hold.
func (w *world) storedUploads(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(w.files, "registrar", "uploads", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d stored uploads, %v", len(names), err)
	}
	var all strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}

// manyLines is an upload of n students, and its result when all are taken.
func manyLines(n int) (file, result string) {
	var sent strings.Builder
	sent.WriteString("student_key,status\n")
	for i := range n {
		sent.WriteString(studentNumber(i+1) + ",enrolled\n")
	}
	return sent.String(), strings.ReplaceAll(sent.String(), "\n", "\r\n")
}

func oneWriteAtATime(t *testing.T, w *world) {
	const busy = `"Job already in progress for program"`
	for _, state := range []registrar.JobState{registrar.JobPending, registrar.JobInProgress, registrar.JobRetrying} {
		id := w.plant(t, "hum_admin", registrar.WriteCourseEnrollments, "masters-in-cs", state)
		w.as("stem_admin").upload(programUpload, "student_key,status\n001,enrolled\n").is(t, http.StatusConflict, busy)
		w.as("stem_admin").upload(courseUpload, "student_key,status,course_id\n001,active,CompSci1_Fall\n").is(t, http.StatusConflict, busy)
		if err := w.store.CancelJob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	w.hasNoJob(t, "stem_admin")
	w.wroteNothing(t)
}

func groupsOfCourses(t *testing.T, w *world) {
	w.echoes()
	w.uploaded(t, courseUpload, "student_key,status,course_id\n"+
		"b,active,CompSci1_Fall\nc,active,"+cs222+"\na,inactive,CompSci1_Fall\n", "200",
		"course_id,student_key,status\r\nCompSci1_Fall,a,inactive\r\nCompSci1_Fall,b,active\r\n"+cs222+",c,active\r\n")
	sent := map[string][]row{}
	for _, a := range w.writes() {
		sent[a.Path[strings.Index(a.Path, "/courses/"):]] = a.items(t)
	}
	want := map[string][]row{
		"/courses/" + cs111 + "/enrollments/": {{"student_key": "b", "status": "active"}, {"student_key": "a", "status": "inactive"}},
		"/courses/" + cs222 + "/enrollments/": {{"student_key": "c", "status": "active"}},
	}
	if diff := gocmp.Diff(want, sent); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func unknownCourses(t *testing.T, w *world) {
	w.echoes()
	w.uploaded(t, courseUpload, "student_key,status,course_id\nmarc,active,CompSci1_Fall\nserena,active,invalid-course\nanna,active,CompSci1_Fall\n", "207",
		"course_id,student_key,status\r\nCompSci1_Fall,anna,active\r\nCompSci1_Fall,marc,active\r\ninvalid-course,serena,course-not-found\r\n")
	before := len(w.writes())
	w.uploaded(t, courseUpload, "student_key,status,course_id\nserena,active,invalid-course\nmarc,active,another\n", "422",
		"course_id,student_key,status\r\ninvalid-course,serena,course-not-found\r\nanother,marc,course-not-found\r\n")
	if n := len(w.writes()) - before; n != 0 {
		t.Errorf("the LMS got %d writes for unknown courses", n)
	}
}

func mixedBatches(t *testing.T, w *world) {
	w.on(http.MethodPut, belowProgram("masters-in-cs", "enrollments/"), func(rw http.ResponseWriter, r *http.Request, body []byte) {
		var rows []row
		if err := json.Unmarshal(body, &rows); err != nil {
			t.Error(err)
		}
		switch rows[0]["student_key"] {
		case "001":
			echo(rw, r, body)
		case "026":
			codes := row{}
			for _, r := range rows {
				codes[r["student_key"].(string)] = "conflict" //nolint:forcetypeassert // we sent it
			}
			replyJSON(http.StatusUnprocessableEntity, codes)(rw, r, body)
		default:
			replyText(http.StatusInternalServerError, "text/html", "<h1>no</h1>")(rw, r, body)
		}
	})
	file, _ := manyLines(52)
	var result strings.Builder
	result.WriteString("student_key,status\r\n")
	for i := 1; i <= 52; i++ {
		code := "enrolled"
		if i > 25 {
			code = "conflict"
		}
		if i > 50 {
			code = registrar.InternalError
		}
		result.WriteString(studentNumber(i) + "," + code + "\r\n")
	}
	w.uploaded(t, programUpload, file, "207", result.String())
}
