package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"registrar/config"
)

// row is one enrollment as a client writes it.
type row = map[string]any

// threeRows is the body that most cases write.
func threeRows() []row {
	return []row{
		{"student_key": "001", "status": "enrolled"},
		{"student_key": "002", "status": "enrolled"},
		{"student_key": "003", "status": "pending"},
	}
}

func manyRows(n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{"student_key": studentNumber(i + 1), "status": "enrolled"}
	}
	return rows
}

// studentNumber is "001" for 1.
func studentNumber(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

const (
	csEnrollments = "programs/masters-in-cs/enrollments"
	threeConflict = `{"001":"conflict","002":"conflict","003":"conflict"}`
	threeErrors   = `{"001":"internal-error","002":"internal-error","003":"internal-error"}`
)

// writing lets the LMS answer writes to the program masters-in-cs.
func (w *world) writing(status int, body string) {
	w.on("", belowProgram("masters-in-cs", "enrollments/"), replyText(status, "application/json", body))
}

// bothWays runs a write as POST and as PATCH.
func bothWays(t *testing.T, do func(method string)) {
	t.Helper()
	for _, method := range []string{http.MethodPost, http.MethodPatch} {
		do(method)
	}
}

func writeCases() []conformanceCase {
	refused := func(prepare func(w *world), who, path string, rows []row, status int, body string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			if prepare != nil {
				prepare(w)
			}
			bothWays(t, func(method string) { w.as(who).do(method, path, rows).is(t, status, body) })
			w.wroteNothing(t)
		}
	}
	answered := func(lms int, lmsBody string, rows []row, status int, body string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			w.writing(lms, lmsBody)
			w.as("stem_admin").do(http.MethodPost, csEnrollments, rows).is(t, status, body)
		}
	}
	one := threeRows()[:1]
	const lmsMap = `{"001":"enrolled","002":"enrolled","003":"pending"}`
	return []conformanceCase{
		{"W01", writeReachesTheLMS},
		{"W02", func(t *testing.T, w *world) {
			w.writing(http.StatusUnprocessableEntity, threeConflict)
			bothWays(t, func(method string) {
				w.as("stem_admin").do(method, csEnrollments, threeRows()).is(t, http.StatusUnprocessableEntity, threeConflict)
			})
		}},
		{"W03", func(t *testing.T, w *world) {
			w.writing(http.StatusMultiStatus, `{"001":"enrolled","002":"enrolled","003":"invalid-status"}`)
			rows := threeRows()
			rows[2]["status"] = "not_a_valid_value"
			w.as("stem_admin").do(http.MethodPost, csEnrollments, rows).
				is(t, http.StatusMultiStatus, `{"001":"enrolled","002":"enrolled","003":"invalid-status"}`)
			if sent := w.writes()[0].items(t); sent[2]["status"] != "not_a_valid_value" {
				t.Errorf("the LMS got %v", sent[2])
			}
		}},
		{"W04", func(t *testing.T, w *world) {
			for _, status := range []int{500, 404, 413} {
				w.writing(status, `{"001":"enrolled"}`)
				w.as("stem_admin").do(http.MethodPost, csEnrollments, threeRows()).is(t, http.StatusUnprocessableEntity, threeErrors)
			}
		}},
		{"W05", refused(nil, "stem_admin", csEnrollments, manyRows(26), http.StatusRequestEntityTooLarge, `{"detail":"Enrollment limit 25"}`)},
		{"W06", refused(nil, "hum_admin", csEnrollments, one, http.StatusForbidden, d403)},
		{"W07", refused(nil, "stem_user", csEnrollments, one, http.StatusForbidden, d403)},
		{"W08", refused(nil, "stem_admin", "programs/uan-salsa-dancing-with-sharks/enrollments/", one, http.StatusNotFound, d404)},
		{"W09", refused(func(w *world) { w.micro("masters-in-me") }, "stem_admin", "programs/masters-in-me/enrollments/", one, http.StatusForbidden, d403)},
		{"W10", refused(func(w *world) { w.program("masters-in-cs", nil) }, "stem_admin", csEnrollments, one, http.StatusForbidden, d403)},
		{"W11", func(t *testing.T, w *world) {
			w.on("", belowProgram("masters-in-cs", "enrollments/"), echo)
			rows := []row{{"student_key": "001", "status": "enrolled"}, {"student_key": "001", "status": "pending"}, {"student_key": "002", "status": "enrolled"}}
			w.as("stem_admin").do(http.MethodPost, csEnrollments, rows).is(t, http.StatusMultiStatus, `{"001":"duplicated","002":"enrolled"}`)
			if sent := w.writes()[0].items(t); len(w.writes()) != 1 || len(sent) != 1 || sent[0]["student_key"] != "002" {
				t.Errorf("the LMS got %v", sent)
			}
		}},
		{"W12", answered(http.StatusCreated, lmsMap, threeRows(), http.StatusOK, lmsMap)},
		{"W13", answered(http.StatusUnprocessableEntity, `"no"`, threeRows(), http.StatusUnprocessableEntity, threeErrors)},
		{"W14", answered(http.StatusBadRequest, lmsMap, threeRows(), http.StatusUnprocessableEntity, threeErrors)},
		{"W15", answered(http.StatusMultiStatus, `{"001":"enrolled"}`, threeRows(), http.StatusMultiStatus,
			`{"001":"enrolled","002":"internal-error","003":"internal-error"}`)},
		{"W16", senselessBodies},
		{"W17", otherBodies},
	}
}

func (w *world) wroteNothing(t *testing.T) {
	t.Helper()
	if sent := w.writes(); len(sent) > 0 {
		t.Errorf("the LMS got %d writes, the first %s %s", len(sent), sent[0].Method, sent[0].Path)
	}
}

func writeReachesTheLMS(t *testing.T, w *world) {
	const want = `{"001":"enrolled","002":"enrolled","003":"pending"}`
	w.writing(http.StatusOK, want)
	bothWays(t, func(method string) {
		before := len(w.writes())
		w.as("stem_admin").do(method, csEnrollments+"/", threeRows()).is(t, http.StatusOK, want)
		sent := w.writes()[before:]
		if len(sent) != 1 || sent[0].Method != method {
			t.Fatalf("%s: the LMS got %d writes", method, len(sent))
		}
		rows := threeRows()
		for _, r := range rows {
			r["curriculum_uuid"] = activeCurriculum
		}
		if diff := gocmp.Diff(rows, sent[0].items(t)); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", method, diff)
		}
		if got := sent[0].Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("%s: Content-Type %q", method, got)
		}
		if got := sent[0].Header.Get("Authorization"); got != "JWT service-token" {
			t.Errorf("%s: Authorization %q", method, got)
		}
	})
}

// senselessBodies are bodies of both enrollment routes that are no enrollments.
func senselessBodies(t *testing.T, w *world) {
	const (
		noList    = `["expected request body type: List"]`
		noDict    = `["expected items in request to be of type Dict"]`
		noStudent = `["expected request dicts to have string value for \"student_key\""]`
		noStatus  = `["expected request dicts to have string value for \"status\""]`
	)
	for _, path := range []string{csEnrollments, "programs/masters-in-cs/courses/CompSci1_Fall/enrollments"} {
		bothWays(t, func(method string) {
			for _, k := range []struct{ body, want string }{
				{`"a string"`, noList},
				{`{"student_key":"001","status":"enrolled"}`, noList},
				{`["s"]`, noDict},
				{`[null]`, noDict},
				{`[{"status":"enrolled"}]`, noStudent},
				{`[{"student_key":null,"status":"enrolled"}]`, noStudent},
				{`[{"student_key":"001"}]`, noStatus},
				{`[{"student_key":"001","status":1}]`, noStatus},
			} {
				w.as("stem_admin").raw(method, path, "application/json", k.body).is(t, http.StatusBadRequest, k.want)
			}
		})
	}
	w.wroteNothing(t)
}

func otherBodies(t *testing.T, w *world) {
	for _, body := range []string{`[{"student_key":`, `[NaN]`} {
		reply := w.as("stem_admin").raw(http.MethodPost, csEnrollments, "application/json", body)
		if detail, _ := reply.object(t)["detail"].(string); reply.StatusCode != http.StatusBadRequest || !strings.HasPrefix(detail, "JSON parse error - ") {
			t.Errorf("%s: %d %s", body, reply.StatusCode, reply.body)
		}
	}
	w.as("stem_admin").raw(http.MethodPost, csEnrollments, "text/plain", "[]").
		is(t, http.StatusUnsupportedMediaType, `{"detail":"Unsupported media type \"text/plain\" in request."}`)
	w.as("stem_admin").do(http.MethodPut, csEnrollments, threeRows()).is(t, http.StatusMethodNotAllowed, d405("PUT"))
	w.wroteNothing(t)
}

const (
	csCourse        = "course-v1:STEMx+CS333+F19"
	staffNotEnabled = `{"detail":"\"course_staff\" not accepted since role assignment is not enabled"}`
)

// courseWrites is the route of a course run of masters-in-cs, by either key.
func courseWrites(id string) string { return "programs/masters-in-cs/courses/" + id + "/enrollments" }

// staffRows are three rows with these values of course_staff.
func staffRows(values ...any) []row {
	rows := threeRows()[:len(values)]
	for i, v := range values {
		rows[i]["course_staff"] = v
		rows[i]["status"] = "active"
	}
	return rows
}

func courseWriteCases() []conformanceCase {
	const three = `{"001":"active","002":"active","003":"active"}`
	echoes := func(w *world) { w.on("", belowProgram("masters-in-cs", "courses/"+csCourse+"/enrollments/"), echo) }
	// reaches writes rows and holds the LMS to have got just them.
	reaches := func(flag config.Flag, who, method, id string, rows []row) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			echoes(w)
			w.cfg.Flags.CourseRoles = flag
			w.as(who).do(method, courseWrites(id), rows).is(t, http.StatusOK, three)
			sent := w.writes()
			if len(sent) != 1 || sent[0].Method != method || !strings.HasSuffix(sent[0].Path, "/courses/"+csCourse+"/enrollments/") {
				t.Fatalf("the LMS got %d writes: %v", len(sent), sent)
			}
			if diff := gocmp.Diff(rows, sent[0].items(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		}
	}
	refused := func(flag config.Flag, rows []row, status int, body string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			echoes(w)
			w.cfg.Flags.CourseRoles = flag
			w.as("stem_admin").do(http.MethodPost, courseWrites(csCourse), rows).is(t, status, body)
			w.wroteNothing(t)
		}
	}
	off, on := config.Flag{State: "off"}, config.Flag{State: "on"}
	group := func(name string) config.Flag { return config.Flag{State: "some", Groups: []string{name}} }
	return []conformanceCase{
		{"V01", reaches(off, "stem_admin", http.MethodPost, csCourse, staffRows(nil, nil, nil))},
		{"V02", reaches(off, "stem_admin", http.MethodPatch, "CompSci3_Fall", staffRows(nil, nil, nil))},
		{"V03", reaches(group("stem-admins"), "stem_admin", http.MethodPost, csCourse, staffRows(true, false, true))},
		{"V04", reaches(group("cs-program-admins"), "cs_program_admin", http.MethodPost, csCourse, staffRows(true, false, true))},
		{"V05", refused(off, staffRows(true), http.StatusForbidden, staffNotEnabled)},
		{"V06", refused(group("hum-admins"), staffRows(true), http.StatusForbidden, staffNotEnabled)},
		{"V07", refused(on, staffRows("course_staff_is_not_bool"), http.StatusBadRequest,
			`["expected request dicts to have boolean value for \"course_staff\""]`)},
		{"V08", func(t *testing.T, w *world) {
			w.as("stem_admin").do(http.MethodPost, courseWrites("course-v1:edX+DemoX+Demo_Course"), threeRows()).is(t, http.StatusNotFound, d404)
			w.wroteNothing(t)
		}},
		{"V09", refused(off, manyRows(26), http.StatusRequestEntityTooLarge, `{"detail":"Enrollment limit 25"}`)},
		{"V10", func(t *testing.T, w *world) {
			w.micro("masters-in-cs")
			w.as("stem_admin").do(http.MethodPost, courseWrites(csCourse), threeRows()).is(t, http.StatusForbidden, d403)
			w.wroteNothing(t)
		}},
		{"V11", func(t *testing.T, w *world) {
			w.on("", belowProgram("masters-in-cs", "courses/"+csCourse+"/enrollments/"), replyJSON(http.StatusInternalServerError, json.RawMessage(`{}`)))
			w.as("stem_admin").do(http.MethodPatch, courseWrites("CompSci3_Fall"), threeRows()).is(t, http.StatusUnprocessableEntity, threeErrors)
			if n := len(w.writes()); n != 1 {
				t.Errorf("the LMS got %d writes, want one", n)
			}
		}},
	}
}
