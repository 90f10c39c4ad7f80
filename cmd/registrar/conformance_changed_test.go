package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"registrar/config"
	"registrar/internal/registrar"
)

// changedCases are the answers that differ from the original's on purpose.
func changedCases() []conformanceCase {
	upload := func(file, want string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.notUploaded(t, programUpload, file, http.StatusBadRequest, want) }
	}
	return []conformanceCase{
		{"N01", func(t *testing.T, w *world) {
			for _, who := range []string{"nobody", "stem_user"} {
				headStartsNothing(t, w, who, "masters-in-cs", "CompSci1_Fall", http.StatusForbidden, http.StatusMethodNotAllowed)
			}
		}},
		{"N02", func(t *testing.T, w *world) {
			headStartsNothing(t, w, "hum_admin", "masters-in-english", "ENG55-S19", http.StatusMethodNotAllowed)
		}},
		{"N03", func(t *testing.T, w *world) {
			w.program("masters-in-me", nil)
			w.as("stem_admin").get("programs?program_title=in-me").programs(t, "masters-in-me")
		}},
		{"N04", func(t *testing.T, w *world) {
			for _, value := range []string{"yesterday", "", "2019-02-30"} {
				reply := w.as("hum_admin").get(englishReports + "?min_created_date=" + value)
				if text := reply.loneText(t); reply.StatusCode != http.StatusBadRequest || !strings.Contains(text, "min_created_date") || !strings.Contains(text, "YYYY-MM-DD") {
					t.Errorf("%q: %d %s", value, reply.StatusCode, reply.body)
				}
			}
		}},
		{"N05", func(t *testing.T, w *world) {
			for _, file := range []string{"student_key,status\n\xff\xfe,enrolled\n", "\xff"} {
				reply := w.as("stem_admin").upload(programUpload, file)
				if reply.loneText(t); reply.StatusCode != http.StatusBadRequest {
					t.Errorf("%q: %d %s", file, reply.StatusCode, reply.body)
				}
			}
			w.hasNoJob(t, "stem_admin")
		}},
		{"N06", upload("", `["CSV is missing headers [status, student_key]"]`)},
		{"N07", func(t *testing.T, w *world) {
			w.as("stem_admin").raw(http.MethodPost, programUpload, "multipart/form-data; boundary=b",
				"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nstudent_key,status\r\n--b--\r\n").
				is(t, http.StatusBadRequest, `{"detail":"No file content uploaded"}`)
			w.hasNoJob(t, "stem_admin")
		}},
		{"N08", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = config.Flag{State: "on"}
			w.echoes()
			w.uploaded(t, courseUpload, "student_key,status,course_id,course_staff\n001,active,CompSci1_Fall\n", "200",
				"course_id,student_key,status\r\nCompSci1_Fall,001,active\r\n")
			if diff := gocmp.Diff([]row{{"student_key": "001", "status": "active"}}, w.writes()[0].items(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		}},
		{"N09", func(t *testing.T, w *world) {
			w.echoes()
			w.uploaded(t, programUpload, "\ufeffstudent_key,status\n001,enrolled\n", "200", "student_key,status\r\n001,enrolled\r\n")
		}},
		{"N10", func(t *testing.T, w *world) {
			w.on("", belowProgram("masters-in-cs", "enrollments/"), hangUp)
			w.as("stem_admin").do(http.MethodPost, csEnrollments, threeRows()).is(t, http.StatusUnprocessableEntity, threeErrors)
		}},
		{"N11", func(t *testing.T, w *world) {
			w.withoutTokens()
			w.as("stem_admin").do(http.MethodPost, csEnrollments, threeRows()).is(t, http.StatusUnprocessableEntity, threeErrors)
			w.wroteNothing(t)
		}},
		{"N12", garbledDiscovery},
		{"N13", func(t *testing.T, w *world) {
			w.program("masters-in-cs", func(doc map[string]any) { doc["curricula"] = []map[string]any{} })
			w.as("stem_admin").do(http.MethodPost, csEnrollments, threeRows()[:2]).
				is(t, http.StatusUnprocessableEntity, `{"001":"internal-error","002":"internal-error"}`)
			w.wroteNothing(t)
		}},
		{"N14", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = config.Flag{State: "on"}
			w.echoes()
			w.uploaded(t, courseUpload, "student_key,status,course_id,course_staff\n001,active,CompSci1_Fall,True\n001,active,CompSci2_Fall,False\n", "200",
				"course_id,student_key,status,course_staff\r\nCompSci1_Fall,001,active,True\r\nCompSci2_Fall,001,active,False\r\n")
		}},
		{"N15", func(t *testing.T, w *world) {
			w.on(http.MethodPut, belowProgram("masters-in-cs", "courses/"+cs111+"/enrollments/"), replyText(http.StatusOK, "application/json", `{"001":"active","stranger-77":"active"}`))
			w.uploaded(t, courseUpload, "student_key,status,course_id\n001,active,CompSci1_Fall\n", "200", "course_id,student_key,status\r\nCompSci1_Fall,001,active\r\n")
			if log := w.log.String(); strings.Contains(log, "stranger-77") || !strings.Contains(log, "not sent") && !strings.Contains(log, "stranger") {
				t.Error("the log does not tell of the stranger, or names it")
			}
		}},
		{"N16", brokenBatch},
		{"N17", func(t *testing.T, w *world) {
			for _, rest := range []string{"XYZ", "/a/b"} {
				w.as("hum_admin").get(englishReports+rest).isPage(t, http.StatusNotFound)
			}
			w.as("hum_admin").get(englishReports).is(t, http.StatusOK, "[]")
		}},
		{"N18", func(t *testing.T, w *world) {
			if err := w.store.SetUserActive(t.Context(), "stem_admin", false); err != nil {
				t.Fatal(err)
			}
			w.as("stem_admin").get("programs").is(t, http.StatusUnauthorized, bad)
		}},
	}
}

// headStartsNothing asks with HEAD on every route that begins a job.
func headStartsNothing(t *testing.T, w *world, who, program, course string, want ...int) {
	t.Helper()
	for _, path := range []string{"/enrollments", "/courses/" + course + "/enrollments", "/course_enrollments", "/courses/" + course + "/grades"} {
		reply := w.as(who).do(http.MethodHead, "programs/"+program+path, nil)
		if !slices.Contains(want, reply.StatusCode) {
			t.Errorf("%s: HEAD %s: %d, want one of %v", who, path, reply.StatusCode, want)
		}
	}
	if jobs := w.jobs(t); len(jobs) > 0 {
		t.Errorf("%d jobs began", len(jobs))
	}
	if asked := w.requests("/api/program_enrollments/"); len(asked) > 0 {
		t.Errorf("the LMS was asked %d times", len(asked))
	}
}

// loneText is the text of a body that is an array of one.
func (a answer) loneText(t *testing.T) string {
	t.Helper()
	var list []string
	if err := json.Unmarshal(a.body, &list); err != nil || len(list) != 1 {
		t.Fatalf("%s %s: want an array of one text: %s", a.Request.Method, a.Request.URL, a.body)
	}
	return list[0]
}

// withoutTokens lets the token endpoint fail.
func (w *world) withoutTokens() {
	w.on(http.MethodPost, "/oauth2/access_token", replyText(http.StatusInternalServerError, "text/html", "<h1>no</h1>"))
	w.on(http.MethodPost, "/oauth2/access_token/", replyText(http.StatusInternalServerError, "text/html", "<h1>no</h1>"))
}

func garbledDiscovery(t *testing.T, w *world) {
	uuid := string(programUUIDs()["masters-in-cs"])
	for _, end := range []string{"/api/v1/programs/" + uuid, "/api/v1/programs/" + uuid + "/"} {
		w.on(http.MethodGet, end, replyText(http.StatusOK, "application/json", `{"title": garbage`))
	}
	w.as("stem_admin").get("programs/masters-in-cs").is(t, http.StatusOK,
		`{"program_key":"masters-in-cs","program_title":"masters-in-cs","program_url":null,"program_type":null,"permissions":["read_metadata"]}`)
	for _, end := range []string{"/api/v1/programs/" + uuid, "/api/v1/programs/" + uuid + "/"} {
		w.on(http.MethodGet, end, replyJSON(http.StatusOK, catalogPrograms()["masters-in-cs"]))
	}
	reply := w.as("stem_admin").get("programs/masters-in-cs")
	if title := reply.object(t)["program_title"]; title != "masters in cs" {
		t.Errorf("the garbage was remembered: title %v", title)
	}
}

func brokenBatch(t *testing.T, w *world) {
	w.on(http.MethodPut, belowProgram("masters-in-cs", "enrollments/"), func(rw http.ResponseWriter, r *http.Request, body []byte) {
		if strings.Contains(string(body), `"026"`) {
			hangUp(rw, r, body)
			return
		}
		echo(rw, r, body)
	})
	file, _ := manyLines(52)
	var result strings.Builder
	result.WriteString("student_key,status\r\n")
	for i := 1; i <= 52; i++ {
		code := "enrolled"
		if i > 25 && i <= 50 {
			code = registrar.InternalError
		}
		result.WriteString(studentNumber(i) + "," + code + "\r\n")
	}
	w.uploaded(t, programUpload, file, "207", result.String())
}
