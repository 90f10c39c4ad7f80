package simulator_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

// enroll renders a batch of program rows, "key status" each.
func enroll(rows ...string) string {
	var out []string
	for _, r := range rows {
		key, status, _ := strings.Cut(r, " ")
		out = append(out, fmt.Sprintf(`{"student_key":%q,"status":%q,"curriculum_uuid":"b7f0c1de-8d1e-4b0c-9a54-60a2b8b6f0aa"}`, key, status))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func repeated(row string, n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = strings.ReplaceAll(row, "#", strconv.Itoa(i))
	}
	return enroll(rows...)
}

func TestProgramWrites(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, body string
		status       int
		want         map[string]any
	}{
		"create":            {"POST", enroll("N-1 enrolled", "N-2 pending"), 200, map[string]any{"N-1": "enrolled", "N-2": "pending"}},
		"some conflict":     {"POST", enroll("N-1 enrolled", "S-0001 enrolled"), 207, map[string]any{"N-1": "enrolled", "S-0001": "conflict"}},
		"all conflict":      {"POST", enroll("S-0001 enrolled"), 422, map[string]any{"S-0001": "conflict"}},
		"update":            {"PATCH", `[{"student_key":"S-0001","status":"canceled"}]`, 200, map[string]any{"S-0001": "canceled"}},
		"update unknown":    {"PATCH", enroll("N-1 enrolled"), 422, map[string]any{"N-1": "not-in-program"}},
		"put both":          {"PUT", enroll("N-1 enrolled", "S-0001 ended"), 200, map[string]any{"N-1": "enrolled", "S-0001": "ended"}},
		"status first":      {"PATCH", enroll("N-1 graduated"), 422, map[string]any{"N-1": "invalid-status"}},
		"key without case":  {"PATCH", enroll("s-0001 ended"), 200, map[string]any{"s-0001": "ended"}},
		"trimmed":           {"POST", `[{"student_key":"  N-1 ","status":"enrolled","curriculum_uuid":"` + simulator.MastersCSUUID + `"}]`, 200, map[string]any{"N-1": "enrolled"}},
		"number as key":     {"POST", `[{"student_key":20417,"status":"enrolled","curriculum_uuid":"` + simulator.MastersCSUUID + `","more":1}]`, 200, map[string]any{"20417": "enrolled"}},
		"twice":             {"POST", enroll("ABC enrolled", "abc enrolled"), 422, map[string]any{"abc": "duplicated"}},
		"third copy":        {"POST", enroll("ABC enrolled", "abc enrolled", "ABC ended"), 207, map[string]any{"abc": "duplicated", "ABC": "ended"}},
		"third as second":   {"POST", enroll("ABC enrolled", "abc enrolled", "abc ended"), 422, map[string]any{"abc": "duplicated"}},
		"among others":      {"POST", enroll("N-1 enrolled", "A enrolled", "a enrolled", "N-2 enrolled"), 207, map[string]any{"N-1": "enrolled", "a": "duplicated", "N-2": "enrolled"}},
		"unanswered":        {"POST", enroll("N-1 enrolled", "LOST enrolled"), 200, map[string]any{"N-1": "enrolled"}},
		"of 25":             {"POST", repeated("N-# enrolled", 25), 200, nil},
		"colon":             {"POST", enroll("a:b enrolled"), 200, map[string]any{"a:b": "enrolled"}},
		"empty":             {"POST", "[]", 204, nil},
		"of 26":             {"POST", repeated("N-# enrolled", 26), 413, nil},
		"bad row of 26":     {"POST", strings.Replace(repeated("N-# enrolled", 26), `"N-3"`, `""`, 1), 400, nil},
		"no list":           {"POST", `{"student_key":"N-1"}`, 400, nil},
		"no JSON":           {"POST", `[`, 400, nil},
		"no curriculum":     {"PUT", `[{"student_key":"N-1","status":"enrolled"}]`, 400, nil},
		"text for uuid":     {"PUT", `[{"student_key":"N-1","status":"enrolled","curriculum_uuid":"None"}]`, 400, nil},
		"over 255":          {"POST", repeated(strings.Repeat("x", 256)+" enrolled", 1), 500, nil},
		"method of no view": {"DELETE", "", 405, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulator.Options{Learners: 10, Courses: 3, Build: simulator.Build{UnansweredStudent: "LOST"}})
			a := s.write(tc.method, csPath+"/enrollments/", tc.body).status(tc.status)
			if tc.want != nil {
				if diff := cmp.Diff(tc.want, a.object()); diff != "" {
					t.Errorf("words (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestProgramWriteErrorBodies(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 10, Courses: 3})
	path := csPath + "/enrollments/"
	required := []any{"This field is required."}
	for name, tc := range map[string]struct {
		body string
		want any
	}{
		"rows": {`[{"student_key":"A","status":"enrolled"},` + strings.Trim(enroll("B enrolled"), "[]") + `,7]`, []any{
			map[string]any{"curriculum_uuid": required},
			map[string]any{},
			map[string]any{"non_field_errors": []any{"Invalid data. Expected a dictionary, but got int."}},
		}},
		"all members": {`[{"student_key":" ","status":null,"curriculum_uuid":"x"}]`, []any{map[string]any{
			"student_key": []any{"This field may not be blank."}, "status": []any{"This field may not be null."}, "curriculum_uuid": []any{"Must be a valid UUID."},
		}}},
		"kinds":   {`[{"student_key":true,"status":[],"curriculum_uuid":null}]`, []any{map[string]any{"student_key": []any{"Not a valid string."}, "status": []any{"Not a valid string."}, "curriculum_uuid": []any{"This field may not be null."}}}},
		"no list": {`{}`, map[string]any{"non_field_errors": []any{`Expected a list of items but got type "dict".`}}},
		"no JSON": {`[1] 2`, "JSON parse error - malformed document"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.write("POST", path, tc.body).status(400).object()["developer_message"]
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("developer_message (-want +got):\n%s", diff)
			}
		})
	}
	if body := s.write("POST", path, repeated("N-# enrolled", 26)).body; body != `"got 25 enrollments, the limit is 26"` {
		t.Errorf("413 = %s, want a bare string with its numbers swapped", body)
	}
	header := bearing("JWT", s.jwt)
	header.Set("Content-Type", "text/csv")
	s.send("POST", path, header, "a,b").status(415)
	if got := s.write("DELETE", path, "").header.Get("Allow"); got != "GET, PATCH, POST, PUT" {
		t.Errorf("Allow = %q", got)
	}
}

func TestProgramWritesAreKept(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/enrollments/"
	find := func(key string) map[string]any {
		return row(t, s.get(path+"?page_size=500").page().Results, "student_key", key)
	}
	before := find("S-0001")["curriculum_uuid"]
	s.write("PUT", path, enroll("S-0001 suspended", "N-1 pending")).status(200)
	if got := find("S-0001"); got["status"] != "suspended" || got["curriculum_uuid"] != before {
		t.Errorf("S-0001 = %v, want a new status and the old curriculum", got)
	}
	if got := find("N-1"); got["status"] != "pending" || got["curriculum_uuid"] != "b7f0c1de-8d1e-4b0c-9a54-60a2b8b6f0aa" || got["account_exists"] != false {
		t.Errorf("N-1 = %v", got)
	}
	s.write("POST", path, enroll("n-1 enrolled")).status(422) // exists, whatever the case
	s.write("PATCH", path, enroll("n-1 ended")).status(200)
	if got := find("N-1"); got["status"] != "ended" {
		t.Errorf("N-1 = %v, want the first spelling with the new status", got)
	}
}

// S-0070 is of masters-ds only and has an account: a new row in masters-cs is
// linked at creation, unless its key is spelled in another case.
func TestLinkingAtCreation(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	var keys []string
	for _, r := range s.get(dsPath + "/enrollments/?page_size=500").page().Results {
		if key := text(r["student_key"]); key > "S-0060" && r["account_exists"] == true {
			keys = append(keys, key)
		}
	}
	s.write("POST", csPath+"/enrollments/", enroll(keys[0]+" enrolled", strings.ToLower(keys[1])+" enrolled")).status(200)
	rows := s.get(csPath + "/enrollments/?page_size=500").page().Results
	if got := row(t, rows, "student_key", keys[0]); got["account_exists"] != true || got["username"] == "" {
		t.Errorf("%v, want it linked", got)
	}
	if got := row(t, rows, "student_key", strings.ToLower(keys[1])); got["account_exists"] != false {
		t.Errorf("%v, want it unlinked for its case", got)
	}
	// The other school's S-0001 is nobody's here, and NorthU's is nobody's there.
	s.write("POST", nuPath+"/enrollments/", enroll(keys[0]+" enrolled")).status(200)
	if got := row(t, s.get(nuPath+"/enrollments/?page_size=500").page().Results, "student_key", keys[0]); got["account_exists"] != false {
		t.Errorf("%v, want no link across schools", got)
	}
}

func TestBuildSwitchesOfWrites(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Build: simulator.Build{OldBuild: true, NoOrganization: true, UncachedProgram: "masters-ds"}})
	old := s.get(csPath + "/enrollments/?page_size=1").page().Results[0]
	if _, ok := old["username"]; ok || len(old) != 4 {
		t.Errorf("row of an old build = %v, want no username and email", old)
	}
	s.get(nuPath + "/enrollments/").status(200)
	s.write("PUT", nuPath+"/enrollments/", enroll("H-0001 enrolled")).status(500).html()
	s.write("PUT", csPath+"/enrollments/", enroll("S-0001 enrolled")).status(200)
	if got := s.get(dsPath + "/enrollments/").status(404).object()["error_code"]; got != "program_does_not_exist" {
		t.Errorf("error_code = %v", got)
	}
	s.get("/api/v1/programs/" + simulator.MastersDSUUID + "/").status(200) // Discovery knows it
}

func courseRows(rows ...string) string {
	var out []string
	for _, r := range rows {
		key, status, _ := strings.Cut(r, " ")
		status, staff, _ := strings.Cut(status, " ")
		if staff != "" {
			staff = `,"course_staff":` + staff
		}
		out = append(out, fmt.Sprintf(`{"student_key":%q,"status":%q%s}`, key, status, staff))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func TestCourseWrites(t *testing.T) {
	t.Parallel()
	cs, ds := csPath+"/courses/"+csRun+"/enrollments/", dsPath+"/courses/"+csRun+"/enrollments/"
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		want               map[string]any
	}{
		"not in program":   {"POST", cs, courseRows("N-1 active"), 422, map[string]any{"N-1": "not-in-program"}},
		"conflict":         {"POST", cs, courseRows("S-0001 active"), 422, map[string]any{"S-0001": "conflict"}},
		"not found":        {"PATCH", csPath + "/courses/" + legacyRun + "/enrollments/", courseRows("S-0002 active"), 422, map[string]any{"S-0002": "not-found"}},
		"canceled is in":   {"PUT", cs, courseRows("S-0004 inactive"), 200, map[string]any{"S-0004": "inactive"}},
		"status first":     {"PUT", cs, courseRows("N-1 enrolled"), 422, map[string]any{"N-1": "invalid-status"}},
		"duplicates":       {"PUT", cs, courseRows("S-0001 active", "s-0001 active", "S-0003 active"), 207, map[string]any{"s-0001": "duplicated", "S-0003": "active"}},
		"other program":    {"PUT", ds, courseRows("s-0001 active"), 422, map[string]any{"S-0001": "conflict"}},
		"inactive is fine": {"PUT", ds, courseRows("S-0001 inactive"), 200, map[string]any{"S-0001": "inactive"}},
		"staff null":       {"PUT", cs, courseRows("S-0001 active null"), 400, nil},
		"staff text":       {"PUT", cs, courseRows(`S-0001 active "maybe"`), 400, nil},
		"empty":            {"PUT", cs, "[]", 204, nil},
		"of 26":            {"PUT", cs, strings.ReplaceAll(repeated("N-# active", 26), "curriculum_uuid", "x"), 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulator.Options{Learners: 12})
			a := s.write(tc.method, tc.path, tc.body).status(tc.status)
			if tc.want != nil {
				if diff := cmp.Diff(tc.want, a.object()); diff != "" {
					t.Errorf("words (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestCourseNotFounds(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	nursing := s.sim.Programs()[3].CourseRuns[0].Key
	for name, tc := range map[string]struct{ path, code string }{
		"program":    {"/api/program_enrollments/v1/programs/00000000-0000-4000-8000-000000000000/courses/nonsense+a+b", "program_does_not_exist"},
		"key":        {csPath + "/courses/nonsense+a+b", "invalid_course_key"},
		"space":      {csPath + "/courses/course-v1:NorthU+CS%20501+x", "invalid_course_key"},
		"course":     {csPath + "/courses/course-v1:NorthU+CS999+3T2026", "course_does_not_exist"},
		"case":       {csPath + "/courses/course-v1:northu+CS501+3T2026", "course_does_not_exist"},
		"membership": {csPath + "/courses/" + nursing, "course_not_in_program"},
		"curriculum": {dsPath + "/courses/course-v1:NorthU+DS401+1T2020", "course_not_in_program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, view := range []string{"/enrollments/", "/grades/"} {
				if got := s.get(tc.path + view).status(404).object()["error_code"]; got != tc.code {
					t.Errorf("%s: error_code = %v, want %s", view, got, tc.code)
				}
			}
			s.write("POST", tc.path+"/enrollments/", "nonsense").status(404) // before the body is read
		})
	}
}

func TestCourseStaffHasThreeStates(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/courses/" + csRun + "/enrollments/"
	for i, tc := range []struct {
		sent string
		want bool
	}{{"S-0003 active", false}, {"S-0003 active true", true}, {"S-0003 inactive", true}, {"S-0003 active false", false}} {
		s.write("PUT", path, courseRows(tc.sent)).status(200)
		got := row(t, s.get(path).page().Results, "student_key", "S-0003")
		if got["course_staff"] != tc.want {
			t.Errorf("step %d, %s: course_staff = %v", i, tc.sent, got["course_staff"])
		}
	}
}

// Course rows of linked learners move the real seat; a paid mode stays.
func TestCourseWritesMoveSeats(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	path := csPath + "/courses/" + csRun + "/enrollments/"
	seat := func(key string) map[string]any {
		who := row(t, s.get(csPath+"/enrollments/").page().Results, "student_key", key)["username"]
		return s.get(fmt.Sprintf("/api/enrollment/v1/enrollment/%s,%s", who, csRun)).status(200).object()
	}
	s.write("PUT", path, courseRows("S-0001 inactive", "S-0005 inactive")).status(200)
	if got := seat("S-0001"); got["is_active"] != false || got["mode"] != "masters" {
		t.Errorf("seat of S-0001 = %v %v", got["is_active"], got["mode"])
	}
	s.write("PUT", path, courseRows("S-0005 active")).status(200)
	if got := seat("S-0005"); got["is_active"] != true || got["mode"] != "verified" {
		t.Errorf("seat of S-0005 = %v %v, want its mode kept", got["is_active"], got["mode"])
	}
}

func TestSlashes(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	for name, tc := range map[string]struct {
		path string
		want int
	}{
		"program enrollments":  {csPath + "/enrollments?page_size=2", 301},
		"course enrollments":   {csPath + "/courses/" + csRun + "/enrollments", 301},
		"open end":             {csPath + "/courses/" + csRun + "/enrollments/extra", 200},
		"encoded plus":         {csPath + "/courses/" + strings.ReplaceAll(csRun, "+", "%2B") + "/enrollments/", 200},
		"encoded colon":        {csPath + "/courses/" + strings.ReplaceAll(csRun, ":", "%3A") + "/enrollments/", 200},
		"encoded twice":        {csPath + "/courses/" + strings.ReplaceAll(csRun, "+", "%252B") + "/enrollments/", 404},
		"legacy":               {csPath + "/courses/" + legacyRun + "/enrollments/", 200},
		"enrollment list":      {"/api/enrollment/v1/enrollments", 200},
		"enrollment slash":     {"/api/enrollment/v1/enrollment/", 404},
		"accounts slash":       {"/api/user/v1/accounts/", 404},
		"providers slash":      {"/api/third_party_auth/v0/providers/saml-northu/users/", 404},
		"grades":               {"/api/grades/v1/courses/" + csRun, 301},
		"discovery":            {"/api/v1/programs", 301},
		"discovery uppercase":  {"/api/v1/programs/" + strings.ToUpper(simulator.MastersCSUUID) + "/", 404},
		"lms uuid with letter": {"/api/program_enrollments/v1/programs/xyz/enrollments/", 404},
		"nowhere":              {"/api/nowhere", 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.get(tc.path).status(tc.want)
			path, query, _ := strings.Cut(tc.path, "?")
			if query != "" {
				query = "?" + query
			}
			if tc.want == http.StatusMovedPermanently && a.header.Get("Location") != path+"/"+query {
				t.Errorf("Location = %q", a.header.Get("Location"))
			}
			if tc.want == http.StatusNotFound {
				a.html()
			}
		})
	}
}
