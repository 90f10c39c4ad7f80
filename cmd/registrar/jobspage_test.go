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

// In a browser the page has cookies and no token: what its user does there counts, and
// what another page makes the browser do does not.
func TestJobsPageInABrowser(t *testing.T) {
	t.Parallel()

	w := newWorld(t, sqliteTemplate(t)(t), newIssuerKey(t))
	const cancel = routes.JobsPath + "/api/jobs/cancel"
	for name, tc := range map[string]struct {
		origin, site string
		good         bool
	}{
		"its own":      {w.url(), "same-origin", true},
		"another page": {"https://elsewhere.example.org", "cross-site", false},
		"no browser":   {w.url(), "", false},
	} {
		for _, caller := range []string{"staff", "stem_admin"} {
			want := `"csrf_failed"`
			switch {
			case tc.good && caller == "staff":
				want = `{"message":"Job not found: 4711."}` // as the page's own library says it
			case tc.good:
				want = `"Not found."` // the path does not exist
			}
			r := w.as(caller).inCookies(http.MethodPost, cancel)
			asked := w.as(caller).request(http.MethodPost, cancel, strings.NewReader(`{"ids":["4711"]}`))
			asked.Header = r.Header
			asked.Header.Set("Origin", tc.origin)
			asked.Header.Set("Sec-Fetch-Site", tc.site)
			asked.Header.Set("Content-Type", "application/json")
			reply := send(t, asked)
			if !strings.Contains(string(reply.body), want) || tc.good && reply.StatusCode != http.StatusNotFound {
				t.Errorf("%s, as %s: %d %s, want %s", name, caller, reply.StatusCode, reply.body, want)
			}
		}
	}
}
