package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"registrar/internal/simulator"
	"registrar/routes"
)

// The page of queues is for the LMS's staff; to others it does not exist.
func TestJobsPageIsForStaff(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	for _, path := range []string{routes.JobsPath, routes.JobsPath + "/", routes.JobsPath + "/api/states", routes.JobsPath + "/api/jobs/cancel"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			for client, want := range map[string]int{"": 401, "plain-worker": 404, demoClient: 404} {
				if reply := s.do(t, method, client, path); reply.StatusCode != want {
					t.Errorf("%q: %s %s: %d, want %d", client, method, path, reply.StatusCode, want)
				}
			}
		}
	}
	page := s.get(t, demoService, routes.JobsPath+"/")
	if page.StatusCode != http.StatusOK || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("staff: %d %s", page.StatusCode, page.body)
	}
	// Everything that it shows comes from here.
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(page.body, -1)
	if len(links) == 0 {
		t.Fatalf("the page has no links:\n%s", page.body)
	}
	for _, link := range links {
		if target := string(link[1]); !strings.HasPrefix(target, routes.JobsPath+"/") {
			t.Errorf("the page links to %s", target)
		} else if reply := s.get(t, demoService, target); reply.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", target, reply.StatusCode)
		}
	}
	if reply := s.get(t, demoService, routes.JobsPath+"/api/states"); reply.StatusCode != http.StatusOK || !strings.Contains(string(reply.body), "running") {
		t.Errorf("states: %d %s", reply.StatusCode, reply.body)
	}
}
