package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/simulator"
)

// The questions of the README, each answered whole, and the second time from
// the cache.
func TestDemoAnswers(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	for _, path := range []string{
		"/api/v3/programs",
		"/api/v3/programs/masters-cs",
		"/api/v3/programs/masters-cs/learners",
		"/api/v3/learners/S-0001/programs",
		"/api/v3/programs/masters-cs/learners/S-0001",
		"/api/v3/programs/masters-cs/learners/S-0001/courses",
		"/api/v3/programs/masters-cs/learners/S-0001/grades",
		"/api/v3/programs/masters-cs/learners/S-0001/completion",
		"/api/v3/programs/masters-cs/course_enrollments",
		"/api/v3/programs/masters-cs/completion",
		"/api/v3/programs/masters-cs/grades?format=csv",
		"/api/v3/programs/masters-cs/grades?format=ndjson",
		"/api/v3/programs/masters-cs/grades",
	} {
		first := s.get(t, demoClient, path)
		if first.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d\n%s\n%s", path, first.StatusCode, first.body, s.log)
		}
		if complete := first.Header.Get("X-Registrar-Complete"); complete == "false" {
			t.Errorf("%s is incomplete:\n%s", path, first.body)
		}
		s.requests(t)
		second := s.get(t, demoClient, path)
		if asked := s.requests(t); len(asked) > 0 {
			t.Errorf("%s: the second answer asked upstream: %v", path, asked)
		}
		if tag := first.Header.Get("ETag"); tag != "" {
			if tag != second.Header.Get("ETag") {
				t.Errorf("%s: the ETag changed though nothing did", path)
			}
			if again := s.get(t, demoClient, path, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || len(again.body) > 0 {
				t.Errorf("%s with If-None-Match: %d with %d bytes, want 304 with none", path, again.StatusCode, len(again.body))
			}
		}
	}
}

// Everything that the demo prints to type leads somewhere, the original's API with
// an upload, an export, a job and its file too.
func TestDemoPrintsWhatWorks(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	var printed strings.Builder
	printDemo(&printed, s.addresses, t.TempDir(), "token")
	paths := regexp.MustCompile(`\$REGISTRAR_URL(/[^"\s]*)`).FindAllStringSubmatch(printed.String(), -1)
	jobs := 0
	for _, path := range paths {
		if strings.HasSuffix(path[1], "/upload/") {
			continue
		}
		reply := s.get(t, demoClient, path[1])
		if reply.StatusCode != http.StatusOK && reply.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d %s", path[1], reply.StatusCode, reply.body)
		}
		if strings.HasSuffix(path[1], "/reports") && !strings.Contains(string(reply.body), "/enrollments__") {
			t.Errorf("no report in %s", reply.body)
		}
		if reply.StatusCode == http.StatusAccepted {
			jobs++
			// What the printed line cuts out.
			if job := strings.Split(string(reply.body), `"`)[7]; !strings.HasPrefix(job, s.gateway+"/api/v1/jobs/") {
				t.Errorf("the eighth field of %s is %s", reply.body, job)
			}
		}
	}
	if len(paths) < 8 || jobs != 1 {
		t.Errorf("%d addresses and %d exports are printed:\n%s", len(paths), jobs, &printed)
	}
}

func TestLearnerRecord(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	record := s.get(t, demoClient, "/api/v3/programs/masters-cs/learners/s-0001").object(t) // the key's case does not matter
	if record["student_key"] != "S-0001" || record["status"] != "enrolled" || record["complete"] != true {
		t.Errorf("record = %v, %v, complete %v", record["student_key"], record["status"], record["complete"])
	}
	courses, _ := record["courses"].([]any)
	if len(courses) < 3 {
		t.Fatalf("the record has %d courses", len(courses))
	}
	filled := map[string]int{}
	for _, c := range courses {
		course, _ := c.(map[string]any)
		for _, member := range []string{"grade", "completion", "certificate", "status"} {
			if value, there := course[member]; !there {
				t.Errorf("a course has no member %s", member)
			} else if value != nil {
				filled[member]++
			}
		}
	}
	for _, member := range []string{"grade", "completion", "certificate", "status"} {
		if filled[member] == 0 {
			t.Errorf("S-0001 has no %s anywhere", member)
		}
	}
	pending := s.get(t, demoClient, "/api/v3/programs/masters-cs/learners/S-0002").object(t)
	account, _ := pending["account"].(map[string]any)
	if account["state"] != "pending" || account["username"] != nil || pending["complete"] != true {
		t.Errorf("the pending learner: account %v, complete %v", account, pending["complete"])
	}
	if missing := s.get(t, demoClient, "/api/v3/programs/masters-cs/learners/S-9999"); missing.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger: %d, want 404", missing.StatusCode)
	}
}

// One course's grades failing leaves the rest of the record, says so, and is
// not remembered.
func TestIncompleteRecord(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	const path = "/api/v3/programs/masters-cs/learners/S-0001"
	whole := s.get(t, demoClient, path).object(t)
	broken := courseWith(t, whole, "grade")

	s = newSite(t, simulator.Options{}, nil)
	s.fault(t, map[string]any{"path": "/api/grades/.*" + strings.NewReplacer("+", `\+`, ".", `\.`).Replace(broken), "status": 500, "body": "<h1>Server Error</h1>"})
	partial := s.get(t, demoClient, path)
	record := partial.object(t)
	if partial.StatusCode != http.StatusOK || record["complete"] != false || partial.Header.Get("X-Registrar-Complete") != "false" {
		t.Fatalf("%d, complete %v, header %q", partial.StatusCode, record["complete"], partial.Header.Get("X-Registrar-Complete"))
	}
	failed := failedSources(record)
	if len(failed) != 1 || failed[0] != "lms.grades "+broken {
		t.Errorf("failed sources = %v, want lms.grades of %s", failed, broken)
	}
	strict := s.get(t, demoClient, path, "Prefer", "handling=strict")
	if strict.StatusCode != http.StatusBadGateway || strict.object(t)["code"] != "incomplete" {
		t.Errorf("strict: %d %s, want 502 incomplete", strict.StatusCode, strict.body)
	}
	s.mend(t)
	if after := s.get(t, demoClient, path); after.object(t)["complete"] != true {
		t.Errorf("after the fault the record is still incomplete: %s", after.body)
	}
}

// With the LMS gone, what was read goes on as stale; what was not is an error
// that says when to come back.
func TestLMSDown(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, func(cfg *config.Config) {
		expire := func(v *config.View) { v.Fresh, v.StaleWhileRevalidate = config.Duration(time.Nanosecond), 0 }
		for _, v := range []*config.View{
			&cfg.Cache.Views.Enrollments, &cfg.Cache.Views.CourseEnrollments, &cfg.Cache.Views.Grades, &cfg.Cache.Views.Completion,
			&cfg.Cache.Views.LearnerGrades, &cfg.Cache.Views.LearnerCompletion, &cfg.Cache.Views.Certificates, &cfg.Cache.Views.Program,
		} {
			expire(v)
		}
		cfg.LMS.Timeout = config.Duration(500 * time.Millisecond)
		cfg.LMS.Retries = 0
	})
	const known = "/api/v3/programs/masters-cs/learners/S-0001"
	if first := s.get(t, demoClient, known); first.object(t)["complete"] != true {
		t.Fatalf("before the fault: %s", first.body)
	}
	s.fault(t, map[string]any{"path": "^/api/", "drop_connection": true})

	stale := s.get(t, demoClient, known)
	if stale.StatusCode != http.StatusOK || !strings.Contains(string(stale.body), `"state":"stale"`) {
		t.Errorf("known: %d, want 200 and a stale source\n%s", stale.StatusCode, stale.body)
	}
	for range 3 {
		missing := s.get(t, demoClient, "/api/v3/programs/masters-ds/learners/S-0001")
		if missing.StatusCode != 502 && missing.StatusCode != 503 && missing.StatusCode != 504 {
			t.Errorf("never read: %d, want 502, 503 or 504", missing.StatusCode)
		}
		if kind := missing.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
			t.Errorf("content type = %q, want a problem document", kind)
		}
	}
	if live := s.get(t, "", "/livez"); live.StatusCode != http.StatusOK {
		t.Errorf("/livez: %d", live.StatusCode)
	}
}

func TestFiftyMissesOneWalk(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	path := "/api/v3/programs/masters-cs/learners"
	token := s.token(t, demoClient)
	s.fault(t, map[string]any{"path": "/enrollments/$", "delay_ms": 300})
	s.requests(t)
	var wg sync.WaitGroup
	statuses := make([]int, 50)
	for i := range statuses {
		wg.Go(func() {
			request := newRequest(t, http.MethodGet, s.gateway+path, nil)
			request.Header.Set("Authorization", "JWT "+token)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			statuses[i] = response.StatusCode
		})
	}
	wg.Wait()
	for i, status := range statuses {
		if status != http.StatusOK {
			t.Errorf("caller %d got %d", i, status)
		}
	}
	walks := 0
	for _, line := range s.requests(t) {
		if strings.Contains(line, "/enrollments/?") {
			walks++
		}
	}
	if walks != 1 {
		t.Errorf("%d walks for 50 callers, want 1", walks)
	}
}

// Every spelling of a course key reaches the same course, in path and query.
func TestCourseKeySpellings(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, nil)
	program := s.get(t, demoClient, "/api/v3/programs/masters-cs").object(t)
	runs, _ := program["course_runs"].([]any)
	kinds := map[string]bool{}
	for _, r := range runs {
		run, _ := r.(map[string]any)
		key := fmt.Sprint(run["course_key"])
		kinds[strings.SplitAfter(key, ":")[0]] = true
		spellings := []string{key, url.PathEscape(key), url.QueryEscape(key), strings.ReplaceAll(key, "+", "%2b"), strings.ReplaceAll(key, ":", "%3a")}
		if external := fmt.Sprint(run["course_id"]); external != key {
			spellings = append(spellings, url.PathEscape(external))
		}
		for _, spelling := range spellings {
			for _, slash := range []string{"", "/"} {
				one := s.get(t, demoClient, "/api/v3/programs/masters-cs/courses/"+spelling+"/grades"+slash)
				wantOneCourse(t, "path "+spelling, one, key)
			}
			if !strings.Contains(spelling, "%20") || strings.Contains(spelling, " ") {
				many := s.get(t, demoClient, "/api/v3/programs/masters-cs/grades?course_id="+spelling)
				wantOneCourse(t, "query "+spelling, many, key)
			}
		}
	}
	if len(kinds) < 2 {
		t.Errorf("the program has only keys like %v; want a legacy one too", kinds)
	}
	unknown := s.get(t, demoClient, "/api/v3/programs/masters-cs/courses/course-v1:NorthU+NO+SUCH/grades")
	if unknown.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown course: %d, want 404", unknown.StatusCode)
	}
}

// Nothing of a learner, no token and no secret is ever logged, at the chattiest
// level and with everything going wrong.
func TestLogsHoldNoPersonalData(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{}, func(cfg *config.Config) { cfg.Log.Level = "debug" })
	record := s.get(t, demoClient, "/api/v3/programs/masters-cs/learners/S-0001").object(t)
	account, _ := record["account"].(map[string]any)
	s.fault(t, map[string]any{"path": "^/api/", "status": 500, "body": "<p>S-0001 canary@example.edu</p>"})
	for _, path := range []string{
		"/api/v3/programs/masters-ds/learners/S-0001", "/api/v3/programs/masters-ds/learners?student_key=S-0001",
		"/api/v3/learners/S-0001/programs?canary=canary@example.edu", "/api/v3/nowhere/S-0001",
	} {
		s.get(t, demoClient, path, "X-Canary", "canary@example.edu")
		s.get(t, "", path, "Authorization", "JWT canary.canary.canary")
	}
	log := s.log.String()
	if !strings.Contains(log, "request_id") {
		t.Fatalf("the log holds no request at all:\n%s", log)
	}
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"student key": "S-0001", "username": fmt.Sprint(account["username"]), "e-mail": "canary@example.edu", "token": s.token(t, demoClient),
		"bad token": "canary.canary", "client secret": secretOf(sim, demoService), "signing secret": sim.Secret(),
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds a %s", name)
		}
	}
}

func wantOneCourse(t *testing.T, name string, a answer, key string) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Errorf("%s: %d\n%s", name, a.StatusCode, a.body)
		return
	}
	courses, _ := a.object(t)["courses"].([]any)
	if len(courses) != 1 {
		t.Errorf("%s: %d courses, want 1", name, len(courses))
		return
	}
	course, _ := courses[0].(map[string]any)
	if course["course_key"] != key {
		t.Errorf("%s reached %v, want %s", name, course["course_key"], key)
	}
}

// courseWith returns the key of the first course of a record whose member is not null.
func courseWith(t *testing.T, record map[string]any, member string) string {
	t.Helper()
	courses, _ := record["courses"].([]any)
	for _, c := range courses {
		course, _ := c.(map[string]any)
		key := fmt.Sprint(course["course_key"])
		if course[member] != nil && strings.HasPrefix(key, "course-v1:") {
			return key
		}
	}
	t.Fatalf("no course has a %s", member)
	return ""
}

func failedSources(body map[string]any) []string {
	var failed []string
	sources, _ := body["sources"].([]any)
	for _, s := range sources {
		source, _ := s.(map[string]any)
		if source["state"] == "failed" {
			failed = append(failed, fmt.Sprint(source["name"], " ", source["course_key"]))
		}
	}
	return failed
}
