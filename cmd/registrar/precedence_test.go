package main

import (
	"net/http"
	"strings"
	"testing"

	"registrar/internal/simulator"
)

// TestWhatIsAnsweredFirst holds v1 and v2 to the original's order: an address that
// names nothing, then who asks, then whether the program is there, then the method.
func TestWhatIsAnsweredFirst(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	const (
		page     = "<!doctype html>"
		nobody   = `{"detail":"Authentication credentials were not provided."}`
		notFound = `{"detail":"Not found."}`
		noMethod = `{"detail":"Method \"DELETE\" not allowed."}`
	)
	for name, tc := range map[string]struct {
		path            string
		nobody, somehow string // the body, without credentials and with
	}{
		"a program":                 {"/programs/masters-cs", nobody, noMethod},
		"its courses":               {"/programs/masters-cs/courses", nobody, noMethod},
		"its enrollments":           {"/programs/masters-cs/enrollments/", nobody, noMethod},
		"an upload":                 {"/programs/masters-cs/enrollments/upload", nobody, noMethod},
		"its reports":               {"/programs/masters-cs/reports", nobody, noMethod},
		"a course run":              {"/programs/masters-cs/courses/a+b+c/enrollments", nobody, noMethod},
		"somebody else's":           {"/programs/masters-nursing", nobody, noMethod},
		"jobs":                      {"/jobs/", nobody, noMethod},
		"a job":                     {"/jobs/abc-123", nobody, noMethod},
		"programs":                  {"/programs", nobody, noMethod},
		"no program":                {"/programs/nope", nobody, notFound},
		"no program's enrollments":  {"/programs/nope/enrollments", nobody, notFound},
		"no program's course run":   {"/programs/nope/courses/a+b+c/grades/", nobody, notFound},
		"no program's upload":       {"/programs/nope/course_enrollments/upload", nobody, notFound},
		"no key of a program":       {"/programs/no.pe", page, page},
		"no key, encoded":           {"/programs/no%2Epe/enrollments", page, page},
		"no key of a course run":    {"/programs/masters-cs/courses/a.b/enrollments", page, page},
		"no id of a job":            {"/jobs/XYZ", page, page},
		"no id, capitals":           {"/jobs/5F3A9C1E-7B2D-4E60-8A11-0123456789AB", page, page},
		"two slashes":               {"/programs//courses", page, page},
		"below the reports":         {"/programs/masters-cs/reports/a", page, page},
		"no course in a known form": {"/programs/nope/courses/a.b/grades", page, page},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, version := range []string{"/api/v1", "/api/v2"} {
				for client, want := range map[string]string{"": tc.nobody, demoClient: tc.somehow} {
					reply := s.do(t, http.MethodDelete, client, version+tc.path)
					status := map[string]int{page: 404, notFound: 404, nobody: 401, noMethod: 405}[want]
					if reply.StatusCode != status || !strings.HasPrefix(string(reply.body), want) {
						t.Errorf("%s%s as %q: %d %s, want %d %s", version, tc.path, client, reply.StatusCode, reply.body, status, want)
					}
					if want == page && (reply.Header.Get("Content-Type") != "text/html; charset=utf-8" || reply.Header.Get("Allow") != "") {
						t.Errorf("%s%s: %v, want a page", version, tc.path, reply.Header)
					}
				}
			}
		})
	}
}
