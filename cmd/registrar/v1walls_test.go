package main

import (
	"net/http"
	"slices"
	"testing"

	"registrar/internal/registrar"
	"registrar/internal/simulator"
)

// v1Wall is one method of one route of v1 or v2, asked for NorthU's data.
type v1Wall struct {
	method, template, path string
	// needs is what the caller must hold on the program; empty for every caller.
	needs registrar.Permission
	// status is what who holds it is answered.
	status int
}

// v1Walls lists every route of v1 and v2, and of jobs in v3. Whoever adds one
// says what guards it.
func v1Walls() []v1Wall {
	const metadata, read, write = registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments
	const unknownJob = "0d9b3c52-6f0e-4c1b-8a55-3f2d6c7b8e90"
	walls := []v1Wall{
		{"GET", "/api/v3/jobs", "/api/v3/jobs", "", 200},
		{"GET", "/api/v3/jobs/:job_id", "/api/v3/jobs/" + unknownJob, "", 404},
	}
	for _, root := range []string{"/api/v1", "/api/v2"} {
		program, cs := root+"/programs/:program_key", root+"/programs/masters-cs"
		walls = append(walls,
			v1Wall{"GET", root + "/programs", root + "/programs?org=NorthU", "", 200},
			v1Wall{"GET", program, cs, metadata, 200},
			v1Wall{"GET", program + "/courses", cs + "/courses", metadata, 200},
			v1Wall{"GET", program + "/reports", cs + "/reports", registrar.ReadReports, 200},
			v1Wall{"GET", root + "/jobs", root + "/jobs", "", 200},
			v1Wall{"GET", root + "/jobs/:job_id", root + "/jobs/" + unknownJob, "", 404},
		)
		for _, export := range []string{"/enrollments", "/course_enrollments"} {
			walls = append(walls,
				v1Wall{"GET", program + export, cs + export, read, 202},
				v1Wall{"HEAD", program + export, cs + export, read, 405})
		}
		for _, export := range []string{"/enrollments", "/grades"} {
			walls = append(walls,
				v1Wall{"GET", program + "/courses/+" + export, cs + "/courses/CS-501-FA26" + export, read, 202},
				v1Wall{"HEAD", program + "/courses/+" + export, cs + "/courses/CS-501-FA26" + export, read, 405})
		}
		// Nothing is sent along, so that who holds the permission is refused for that.
		for _, method := range []string{"POST", "PATCH"} {
			walls = append(walls,
				v1Wall{method, program + "/enrollments", cs + "/enrollments", write, 400},
				v1Wall{method, program + "/courses/+/enrollments", cs + "/courses/CS-501-FA26/enrollments", write, 400})
		}
		for _, upload := range []string{"/enrollments/upload", "/course_enrollments/upload"} {
			walls = append(walls, v1Wall{"POST", program + upload, cs + upload, write, 400})
		}
	}
	return walls
}

func TestV1Walls(t *testing.T) {
	t.Parallel()

	for name, r := range roles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s, store := walledSite(t)
			if r.client != "" {
				s.get(t, r.client, "/api/v3/jobs") // a user exists once it was seen
			}
			if r.grant != nil {
				r.grant(t, store)
			}
			s.requests(t) // forget that of the caller's own token
			for _, refused := range []bool{true, false} {
				for _, w := range v1Walls() {
					want := w.expect(r)
					if (want == http.StatusUnauthorized || want == http.StatusForbidden) != refused {
						continue
					}
					for _, path := range []string{w.path, slashed(w.path)} {
						if reply := s.do(t, w.method, r.client, path); reply.StatusCode != want {
							t.Errorf("%s %s: %d, want %d\n%s", w.method, path, reply.StatusCode, want, reply.body)
						}
					}
				}
				if !refused {
					continue
				}
				if asked := s.requests(t); len(asked) > 0 {
					t.Errorf("refused requests asked the site: %q", asked)
				}
			}
		})
	}
}

// expect is the status for a caller of role r.
func (w v1Wall) expect(r role) int {
	switch {
	case r.client == "":
		return http.StatusUnauthorized
	case w.needs != "" && !slices.Contains(r.holds, w.needs):
		return http.StatusForbidden
	}
	return w.status
}

// In v1 as in v3, a list shows nobody the programs of another school.
func TestV1ListShowsNoOtherSchool(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	for client, want := range map[string]bool{demoClient: true, demoHarbor: false, demoService: false, "plain-worker": false} {
		reply := s.get(t, client, "/api/v1/programs/?org=NorthU")
		if shown := len(reply.body) > len("[]"); reply.StatusCode != http.StatusOK || shown != want {
			t.Errorf("%s: %d %s", client, reply.StatusCode, reply.body)
		}
	}
}
