package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/simulator"
)

const (
	harborRun   = "course-v1:HarborX+NU501+3T2026"
	enrollments = "/lms/api/enrollment/v1/enrollments"
)

// seat gives a user a seat in a course run, as the LMS's own staff does.
func (s *site) seat(t *testing.T, username, run string) {
	t.Helper()
	body := `{"user":"` + username + `","mode":"audit","course_details":{"course_id":"` + run + `"}}`
	request := newRequest(t, http.MethodPost, s.simulator+"/api/enrollment/v1/enrollment", strings.NewReader(body))
	request.Header.Set("Authorization", "JWT "+s.token(t, demoService))
	request.Header.Set("Content-Type", "application/json")
	if reply := send(t, request); reply.StatusCode != http.StatusOK {
		t.Fatalf("seat: %d %s", reply.StatusCode, reply.body)
	}
}

// runsOf lists the course runs of a learner's seats, as a client sees them.
func (s *site) runsOf(t *testing.T, client, username string) []string {
	t.Helper()
	reply := s.get(t, client, enrollments+"?username="+username)
	var page struct {
		Results []struct {
			Course string `json:"course_id"`
			User   string `json:"user"`
		} `json:"results"`
	}
	if err := json.Unmarshal(reply.body, &page); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%d %s: %v", reply.StatusCode, reply.body, err)
	}
	runs := []string{}
	for _, seat := range page.Results {
		if seat.User != username {
			t.Errorf("a seat of %q", seat.User)
		}
		runs = append(runs, seat.Course)
	}
	slices.Sort(runs)
	return runs
}

// A learner with seats at two schools: each school sees its own, whatever it asks.
func TestPassthroughBetweenTwoSchools(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	before := s.runsOf(t, demoClient, aloneUser)
	s.seat(t, aloneUser, harborRun)
	if after := s.runsOf(t, demoClient, aloneUser); !slices.Equal(before, after) || len(after) == 0 {
		t.Errorf("before %v, with a seat at the other school %v", before, after)
	}
	for _, run := range before {
		if !strings.Contains(run, "NorthU") {
			t.Errorf("NorthU sees %s", run)
		}
	}
	for name, ask := range map[string]struct {
		client, path string
		status       int
	}{
		"the other school's learner":         {demoHarbor, enrollments + "?username=" + aloneUser, http.StatusForbidden},
		"one's own run, the other's learner": {demoHarbor, "/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + harborRun, http.StatusForbidden},
		"one's own learner, the other's run": {demoClient, "/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + harborRun, http.StatusForbidden},
		"both one's own":                     {demoClient, "/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + aloneRun, http.StatusOK},
		"another filter":                     {demoClient, enrollments + "?username=" + aloneUser + "&course_id=" + harborRun, http.StatusBadRequest},
		"everybody":                          {demoClient, enrollments, http.StatusBadRequest},
		"two names":                          {demoClient, enrollments + "?username=" + aloneUser + ",ana_s0001", http.StatusBadRequest},
		"a shared endpoint of the LMS":       {demoClient, "/lms/api/grades/v1/courses/" + aloneRun + "/", http.StatusNotFound},
	} {
		if reply := s.get(t, ask.client, ask.path); reply.StatusCode != ask.status {
			t.Errorf("%s: %d, want %d\n%s", name, reply.StatusCode, ask.status, reply.body)
		}
	}
}

// A listing of several pages is walked through us, by links that are ours.
func TestPassthroughPages(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	whole := s.runsOf(t, demoClient, aloneUser)
	var walked []string
	for next := s.gateway + enrollments + "?page_size=2&username=" + aloneUser; next != ""; {
		path, ours := strings.CutPrefix(next, s.gateway)
		if !ours {
			t.Fatalf("the link %s leads elsewhere", next)
		}
		page := s.get(t, demoClient, path).object(t)
		results, _ := page["results"].([]any)
		for _, result := range results {
			seat, _ := result.(map[string]any)
			run, _ := seat["course_id"].(string)
			walked = append(walked, run)
		}
		next, _ = page["next"].(string)
		if len(walked) > len(whole) {
			break
		}
	}
	slices.Sort(walked)
	if !slices.Equal(whole, walked) || len(whole) < 3 {
		t.Errorf("walked %v, want %v", walked, whole)
	}
}

// All rules work on the simulated site, and what they ask is what it understands.
func TestPassthroughOfTheSite(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	const legacy = "NorthU/CS101/2019_T1"
	s.requests(t)
	for path, want := range map[string]string{
		"/lms/api/courses/v1/courses/" + aloneRun:                                     "GET /api/courses/v1/courses/" + aloneRun + "/?",
		"/lms/api/courses/v1/courses/" + legacy + "/":                                 "GET /api/courses/v1/courses/" + legacy + "/?",
		"/lms/api/courses/v1/blocks/?depth=1&course_id=" + aloneRun:                   "GET /api/courses/v1/blocks/?all_blocks=true&course_id=course-v1%3ANorthU%2BCS510%2B3T2026&depth=1",
		"/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + aloneRun: "GET /api/certificates/v0/certificates/" + aloneUser + "/courses/" + aloneRun + "/?",
		"/discovery/api/v1/course_runs/course-v1%3ANorthU%2BCS510%2B3T2026/":          "GET /api/v1/course_runs/" + aloneRun + "/?exclude_utm=1",
		enrollments + "/?username=" + aloneUser:                                       "GET /api/enrollment/v1/enrollments/?username=" + aloneUser,
	} {
		reply := s.get(t, demoClient, path)
		if reply.StatusCode != http.StatusOK || !strings.Contains(string(reply.body), "510") && !strings.Contains(path, legacy) {
			t.Errorf("%s: %d %s", path, reply.StatusCode, reply.body)
		}
		if asked := s.requests(t); !slices.Contains(asked, want) {
			t.Errorf("%s: the site was asked %v, want %s", path, asked, want)
		}
	}
	s.fault(t, map[string]any{"path": "/api/certificates/", "status": 500, "body": "Traceback"})
	broken := s.get(t, demoClient, "/lms/api/certificates/v0/certificates/"+aloneUser+"/courses/"+aloneRun)
	if broken.StatusCode != http.StatusBadGateway || strings.Contains(string(broken.body), "Traceback") {
		t.Errorf("a broken site: %d %s", broken.StatusCode, broken.body)
	}
	s.mend(t)
	if strings.Contains(s.log.String(), aloneUser) || strings.Contains(s.log.String(), "CS510") {
		t.Error("the log tells who was asked for")
	}
}

// The upstream counts what passes through with all else that our account asks, so
// it comes out of the same budget: no caller can spend the account's throttle.
func TestPassthroughDrawsOnTheBudget(t *testing.T) {
	t.Parallel()

	const calls = 20
	s := newSite(t, simulator.Options{Learners: 4}, func(c *config.Config) {
		c.Discovery.Budget = config.Budget{Bucket: config.Bucket{Rate: calls, Per: config.Duration(time.Hour), Burst: calls}}
		for i := range c.Passthrough.Rules {
			c.Passthrough.Rules[i].Cache = 0
		}
	})
	passed := 0
	for range calls + 1 {
		reply := s.get(t, demoClient, "/discovery/api/v1/course_runs/"+aloneRun)
		if reply.StatusCode == http.StatusOK {
			passed++
			continue
		}
		if reply.StatusCode != http.StatusServiceUnavailable || reply.Header.Get("Retry-After") == "" || !strings.Contains(string(reply.body), "budget_exhausted") {
			t.Errorf("over the budget: %d, Retry-After %q, %s", reply.StatusCode, reply.Header.Get("Retry-After"), reply.body)
		}
		break
	}
	if passed == 0 || passed > calls {
		t.Errorf("%d calls of Discovery with a budget of %d", passed, calls)
	}
}

// An LMS that is away is given a rest by what passes through too: 503 that says
// for how long, shown in the metrics, and over by itself. What it says of one
// question, a 404 or a 500, is no reason.
func TestPassthroughHasABreaker(t *testing.T) {
	t.Parallel()

	const (
		calls = 4
		path  = "/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + aloneRun
		state = `registrar_upstream_breaker_state{class="passthrough",state="open",upstream="lms"} `
	)
	s := newSite(t, simulator.Options{Learners: 4}, func(c *config.Config) {
		c.LMS.Breaker.MinCalls, c.LMS.Breaker.OpenFor = calls, config.Duration(3*time.Second)
	})
	for _, status := range []int{http.StatusNotFound, http.StatusInternalServerError} {
		s.fault(t, map[string]any{"path": "/api/certificates/", "status": status})
		for range 3 * calls {
			if reply := s.get(t, demoClient, path); reply.StatusCode == http.StatusServiceUnavailable {
				t.Fatalf("%d opened the breaker: %s", status, reply.body)
			}
		}
		s.mend(t)
	}
	s.fault(t, map[string]any{"path": "/api/certificates/", "status": http.StatusServiceUnavailable})
	for range 6 * calls { // as many failures as there were answers, and more
		if reply := s.get(t, demoClient, path); reply.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	s.requests(t)
	reply := s.get(t, demoClient, path)
	if after := reply.Header.Get("Retry-After"); reply.StatusCode != http.StatusServiceUnavailable || after < "1" || after > "3" || reply.object(t)["code"] != "breaker_open" {
		t.Errorf("%d, Retry-After %q, %s, want 503 breaker_open and up to 3 s", reply.StatusCode, after, reply.body)
	}
	if asked := s.requests(t); len(asked) != 0 {
		t.Errorf("the LMS was asked %v", asked)
	}
	if page := string(s.get(t, "", "/metrics").body); !strings.Contains(page, state+"1") {
		t.Errorf("the metrics lack %s1", state)
	}
	s.mend(t)
	eventually(t, "the breaker closes", func() bool {
		return s.get(t, demoClient, path).StatusCode == http.StatusOK && strings.Contains(string(s.get(t, "", "/metrics").body), state+"0")
	})
}
