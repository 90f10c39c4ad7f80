package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

func TestProgramGrades(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/courses/" + csRun + "/grades/"
	rows := s.get(path).status(207).page().Results
	want := map[string]any{"student_key": "S-0001", "letter_grade": "A", "percent": json.Number("0.91"), "passed": true}
	if diff := cmp.Diff(want, row(t, rows, "student_key", "S-0001")); diff != "" {
		t.Errorf("S-0001 (-want +got):\n%s", diff)
	}
	want = map[string]any{"student_key": "S-0006", "letter_grade": nil, "percent": json.Number("0.41"), "passed": false}
	if diff := cmp.Diff(want, row(t, rows, "student_key", "S-0006")); diff != "" {
		t.Errorf("S-0006 (-want +got):\n%s", diff)
	}
	if got := row(t, rows, "student_key", "S-0008"); len(got) != 2 || got["error"] == "" {
		t.Errorf("S-0008 = %v, want an error and no grade", got)
	}
	row(t, rows, "student_key", "S-0007") // inactive, and yet here
	linked := 0
	for _, r := range s.get(csPath + "/courses/" + csRun + "/enrollments/").page().Results {
		if r["account_exists"] == true {
			linked++
		}
	}
	if len(rows) != linked {
		t.Errorf("%d grades, want %d: those with an account", len(rows), linked)
	}
}

// The status speaks of the page: alone on a page, the failing grade is a 422
// that still leads on.
func TestGradeStatusIsPerPage(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/courses/" + csRun + "/grades/?page_size=1"
	seen := map[int]int{}
	for range 200 {
		a := s.get(path)
		seen[a.code]++
		next := a.page().Next
		if a.code == 422 && (next == nil || len(a.page().Results) != 1) {
			t.Errorf("the 422 page = %s, want one row and a next", a.body)
		}
		if next == nil {
			break
		}
		path = strings.TrimPrefix(*next, s.url)
	}
	if seen[422] != 1 || seen[200] < 20 || len(seen) != 2 {
		t.Errorf("statuses = %v, want one 422 among 200s", seen)
	}
	empty := s.get(statPath + "/courses/" + s.sim.Programs()[2].CourseRuns[0].Key + "/grades/").status(204)
	if empty.body != "" {
		t.Errorf("204 with body %q", empty.body)
	}
}

func TestCourseGrades(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 90})
	path := "/api/grades/v1/courses/" + csRun + "/"
	want := []map[string]any{{"username": ana, "email": "", "course_id": csRun, "passed": true, "percent": json.Number("0.91"), "letter_grade": "A"}}
	if diff := cmp.Diff(want, s.get(path+"?username="+ana).status(200).list()); diff != "" {
		t.Errorf("one user (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.get("/api/grades/v1/courses/?username="+ana+"&course_id="+url.QueryEscape(csRun)).status(200).list()); diff != "" {
		t.Errorf("by query (-want +got):\n%s", diff)
	}
	users := map[string]string{}
	for _, r := range s.get(csPath + "/enrollments/").page().Results {
		users[text(r["student_key"])] = text(r["username"])
	}
	all := s.get(path + "?page_size=500").status(200).page().Results
	for _, r := range all {
		if r["username"] == users["S-0007"] || r["username"] == users["S-0008"] {
			t.Errorf("%v is in the list; want inactive and failing ones left out", r["username"])
		}
	}
	if got := row(t, all, "username", ana)["email"]; got != ana+"@northu.example.edu" {
		t.Errorf("email = %v in the list, where masters learners have one", got)
	}
	s.get(path + "?username=" + users["S-0007"]).status(200) // inactive is fine for one
	s.get(path + "?username=" + users["S-0008"]).status(500).html()
	for name, tc := range map[string]struct{ path, code string }{
		"user":     {path + "?username=nobody", "user_does_not_exist"},
		"seat":     {path + "?username=plain-worker", "user_not_enrolled"},
		"course":   {"/api/grades/v1/courses/course-v1:A+B+C/", "course_does_not_exist"},
		"key":      {"/api/grades/v1/courses/a+b+c/", "invalid_course_key"},
		"raw plus": {"/api/grades/v1/courses/?course_id=" + csRun, "invalid_course_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.get(tc.path).status(404).object()["error_code"]; got != tc.code {
				t.Errorf("error_code = %v, want %s", got, tc.code)
			}
		})
	}
	s.as("plain-worker", path).status(403)
}

func TestProgress(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := "/api/course_home/progress/" + csRun
	body := s.get(path + "/9007199254740993").status(200).object()
	summary := map[string]any{"complete_count": json.Number("18"), "incomplete_count": json.Number("6"), "locked_count": json.Number("0")}
	if diff := cmp.Diff(summary, body["completion_summary"]); diff != "" || body["username"] != ana || body["enrollment_mode"] != "masters" {
		t.Errorf("progress of S-0001: %s %v %v", diff, body["username"], body["enrollment_mode"])
	}
	if body := s.get("/api/course_home/v1/progress/" + csRun).status(200).object(); body["enrollment_mode"] != nil {
		t.Errorf("staff without a seat: enrollment_mode = %v", body["enrollment_mode"])
	}
	if got := s.as("plain-worker", path).status(401).body; got != `"User not enrolled."` {
		t.Errorf("401 = %s, want a bare string", got)
	}
	s.as("plain-worker", path+"/9007199254740993").status(404)
	for _, odd := range []string{path + "/9007199254740992", path + "/ana", "/api/course_home/progress/" + legacyRun + "/1002", "/api/course_home/progress/course-v1:A+B+C/1"} {
		if got := s.get(odd).status(404).object()["detail"]; got == nil {
			t.Errorf("%s: no detail", odd)
		}
	}
	off := start(t, simulator.Options{Build: simulator.Build{ProgressOff: true}})
	off.get(path + "/9007199254740993").status(404)
}

func TestAggregator(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 400})
	path := "/completion-aggregator/v1/course/" + csRun + "/"
	type page struct {
		Pagination struct {
			Count          int
			Next, Previous *string
		} `json:"pagination"`
		Results []map[string]any `json:"results"`
	}
	var one, first, all page
	s.get(path + "?username=" + ana + "&requested_fields=chapter,mean").status(200).decode(&one)
	want := map[string]any{"earned": json.Number("18.0"), "possible": json.Number("24.0"), "percent": json.Number("0.75")}
	if diff := cmp.Diff(want, one.Results[0]["completion"]); diff != "" || one.Pagination.Count != 1 {
		t.Errorf("S-0001: %s, count %d", diff, one.Pagination.Count)
	}
	if chapters, _ := one.Results[0]["chapter"].([]any); len(chapters) != 4 || one.Results[0]["mean"] == nil || one.Results[0]["username"] != nil {
		t.Errorf("requested fields = %v", one.Results[0])
	}
	s.get(path).status(200).decode(&first)
	if len(first.Results) != 10 || first.Pagination.Next == nil || first.Pagination.Previous != nil {
		t.Errorf("first page: %d rows, next %v, previous %v", len(first.Results), first.Pagination.Next, first.Pagination.Previous)
	}
	s.get(path + "?page_size=1000").status(200).decode(&all)
	if len(all.Results) != first.Pagination.Count || all.Pagination.Next != nil {
		t.Errorf("%d rows in all, count %d", len(all.Results), first.Pagination.Count)
	}
	unknown := 0
	for _, r := range all.Results {
		if done, _ := r["completion"].(map[string]any); done["possible"] == nil {
			unknown++
		}
	}
	if unknown == 0 || unknown > 40 {
		t.Errorf("%d of %d have possible null, want a few", unknown, len(all.Results))
	}
	s.get(path + "?page=99").status(404)
	s.get(path + "?requested_fields=cheese").status(400)
	s.get(path + "?username=nobody").status(404)
	s.as("plain-worker", path).status(403)
	s.as("plain-worker", path+"?username=plain-worker").status(404)
	absent := start(t, simulator.Options{Build: simulator.Build{NoAggregator: true}})
	absent.get(path).status(404).html()
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := "/api/certificates/v0/certificates/"
	detail := s.get(path + ana + "/courses/" + csRun + "/").status(200).object()
	if detail["status"] != "downloadable" || detail["is_passing"] != true || detail["grade"] != "0.91" {
		t.Errorf("detail = %v", detail)
	}
	if link, _ := detail["download_url"].(string); !strings.HasPrefix(link, "/certificates/") {
		t.Errorf("download_url = %v, want a relative one", detail["download_url"])
	}
	list := s.get(path + ana + "/").status(200).list()
	if got := row(t, list, "course_id", csRun); got["course_display_name"] == "" || got["course_organization"] != "NorthU" || got["uuid"] == "" {
		t.Errorf("list item = %v", got)
	}
	failing := text(row(t, s.get(csPath+"/enrollments/").page().Results, "student_key", "S-0006")["username"])
	if got := s.get(path + failing + "/courses/" + csRun + "/").status(200).object()["status"]; got != "notpassing" {
		t.Errorf("status of a failing learner = %v", got)
	}
	if got := s.get(path + failing + "/").status(200).list(); len(got) != 0 {
		t.Errorf("a failing learner's list = %v", got)
	}
	if got := s.get(path + "nobody/").status(200).body; got != "[]" {
		t.Errorf("list of nobody = %s", got)
	}
	for sub, code := range map[string]string{
		ana + "/courses/course-v1:A+B+C/": "course_id_not_valid", ana + "/courses/" + mathRun + "/": "no_certificate_configuration_for_course",
		"plain-worker/courses/" + csRun + "/": "no_certificate_for_user",
	} {
		if diff := cmp.Diff(map[string]any{"error_code": code}, s.get(path+sub).status(404).object()); diff != "" {
			t.Errorf("%s: %s", sub, diff)
		}
	}
	s.as("plain-worker", path+ana+"/").status(403)
	s.as("plain-worker", path+ana+"/courses/"+csRun+"/").status(403)
	s.as("plain-worker", path+"plain-worker/").status(200)
}

func TestCoursesAPI(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	if got := s.send("GET", "/api/courses/v1/courses/"+csRun+"/", nil, "").status(200).object(); got["course_id"] != csRun || got["org"] != "NorthU" {
		t.Errorf("course = %v", got)
	}
	s.get("/api/courses/v1/courses/course-v1:A+B+C/").status(404)
	blocks := "/api/courses/v1/blocks/?username=" + ana + "&course_id="
	body := s.get(blocks + url.QueryEscape(csRun)).status(200).object()
	if all, _ := body["blocks"].(map[string]any); len(all) != 5 || all[fmt.Sprint(body["root"])] == nil {
		t.Errorf("blocks = %v", body)
	}
	s.get(blocks + csRun).status(400) // a raw plus is a space
	s.get("/api/courses/v1/blocks/?course_id=" + url.QueryEscape(csRun)).status(400)
	s.as("plain-worker", blocks+url.QueryEscape(csRun)).status(403)
}

func TestLearnerFacingViews(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	base := "/api/program_enrollments/v1/"
	if got := s.get(base + "programs/readonly_access/").status(200).list(); len(got) != 3 {
		t.Errorf("staff sees %d masters programs, want 3", len(got))
	}
	if got := s.get(base + "programs/enrollments/?type=micromasters").status(200).list(); len(got) != 1 || got[0]["slug"] != "micromasters/northu/micromasters-stats" {
		t.Errorf("micromasters = %v", got)
	}
	self := bearing("JWT", minted(t, s, map[string]any{"preferred_username": ana}))
	if got := s.send("GET", base+"programs/enrollments/", self, "").status(200).list(); len(got) != 2 {
		t.Errorf("S-0001 sees %v, want both of her programs", got)
	}
	courses := base + "users/" + ana + "/programs/" + simulator.MastersCSUUID + "/courses/"
	if got := s.send("GET", courses+"?page_size=3", self, "").status(200).page(); len(got.Results) != 3 || got.Next == nil {
		t.Errorf("courses of S-0001 = %+v", got)
	}
	s.get(courses).status(403).html() // staff is not enrolled
	other := strings.Replace(courses, ana, "somebody", 1)
	if got := s.send("GET", other, self, "").status(403).object()["developer_message"]; got == nil {
		t.Error("asking for another user: want a developer message")
	}
	s.write("POST", base+"integration-reset", "").status(501)
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	if got := s.send("GET", "/heartbeat", nil, "").status(200).object(); len(got) != 2 {
		t.Errorf("heartbeat = %v", got)
	}
	if got := s.send("GET", "/heartbeat?extended", nil, "").status(200).object(); len(got) != 5 {
		t.Errorf("extended heartbeat = %v", got)
	}
}
