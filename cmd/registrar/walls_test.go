package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"registrar/config"
	"registrar/internal/registrar"
	"registrar/internal/simulator"
	"registrar/linkstore"
	"registrar/routes"
)

const (
	aloneRun  = "course-v1:NorthU+CS510+3T2026"
	aloneUser = "emre_s0004"
)

// wall is one route, asked for NorthU's data.
type wall struct {
	path string
	// needs is what the caller must hold on the program. Empty: any caller gets
	// an answer, with nothing of NorthU's in it unless the caller may read it.
	needs registrar.Permission
}

// walls lists every private route of the gateway. A route that is missing here
// fails the test: whoever adds one says what guards it.
func walls() map[string]wall {
	const cs = "/api/v3/programs/masters-cs"
	const read = registrar.ReadEnrollments
	return map[string]wall{
		"/api/v3/programs":                                               {"/api/v3/programs?org=NorthU", ""},
		"/api/v3/programs/:program_key":                                  {cs, registrar.ReadMetadata},
		"/api/v3/programs/:program_key/learners":                         {cs + "/learners", read},
		"/api/v3/programs/:program_key/learners/:student_key":            {cs + "/learners/S-0001", read},
		"/api/v3/programs/:program_key/learners/:student_key/courses":    {cs + "/learners/S-0001/courses", read},
		"/api/v3/programs/:program_key/learners/:student_key/grades":     {cs + "/learners/S-0001/grades", read},
		"/api/v3/programs/:program_key/learners/:student_key/completion": {cs + "/learners/S-0001/completion", read},
		"/api/v3/programs/:program_key/grades":                           {cs + "/grades", read},
		"/api/v3/programs/:program_key/completion":                       {cs + "/completion", read},
		"/api/v3/programs/:program_key/course_enrollments":               {cs + "/course_enrollments", read},
		"/api/v3/programs/:program_key/courses/+/grades":                 {cs + "/courses/CS-501-FA26/grades", read},
		"/api/v3/programs/:program_key/courses/+/completion":             {cs + "/courses/CS-501-FA26/completion", read},
		"/api/v3/programs/:program_key/courses/+/enrollments":            {cs + "/courses/CS-501-FA26/enrollments", read},
		"/api/v3/learners/:student_key/programs":                         {"/api/v3/learners/S-0001/programs", ""},

		// The passthrough's rules: a course run and a learner of masters-cs alone.
		"/lms/api/courses/v1/courses/{course_key}":                              {"/lms/api/courses/v1/courses/" + aloneRun, registrar.ReadMetadata},
		"/lms/api/courses/v1/blocks":                                            {"/lms/api/courses/v1/blocks?course_id=" + aloneRun, registrar.ReadMetadata},
		"/lms/api/certificates/v0/certificates/{username}/courses/{course_key}": {"/lms/api/certificates/v0/certificates/" + aloneUser + "/courses/" + aloneRun, read},
		"/lms/api/enrollment/v1/enrollments":                                    {"/lms/api/enrollment/v1/enrollments?username=" + aloneUser, read},
		"/discovery/api/v1/course_runs/{course_key}":                            {"/discovery/api/v1/course_runs/" + aloneRun, registrar.ReadMetadata},
	}
}

// staffWalls lists the routes that exist for the LMS's staff alone.
func staffWalls() []string {
	return []string{"/api/internal/cache", "/api/internal/cache/:program_key", routes.JobsPath, routes.JobsPath + "/*"}
}

// role is a caller of the site and what was granted to it.
type role struct {
	client string // "" is nobody
	grant  func(t *testing.T, store *linkstore.Store)
	// holds are the caller's permissions on masters-cs.
	holds []registrar.Permission
}

func roles() map[string]role {
	member := func(target linkstore.Target, name registrar.Role) func(*testing.T, *linkstore.Store) {
		return func(t *testing.T, store *linkstore.Store) {
			t.Helper()
			for _, p := range name.Permissions() {
				if err := store.Grant(t.Context(), "plain-worker", p, target); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	metadata := []registrar.Permission{registrar.ReadMetadata}
	reader := []registrar.Permission{registrar.ReadMetadata, registrar.ReadEnrollments}
	writer := []registrar.Permission{registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments}
	return map[string]role{
		"nobody":                       {},
		"a caller without grants":      {client: "plain-worker"},
		"staff of the LMS":             {client: demoService},
		"HarborX":                      {client: demoHarbor},
		"NorthU":                       {client: demoClient, holds: append([]registrar.Permission{registrar.ReadReports}, writer...)},
		"reads NorthU's metadata":      {"plain-worker", member(linkstore.OnOrganization("NorthU"), "organization_read_metadata"), metadata},
		"reads NorthU's enrollments":   {"plain-worker", member(linkstore.OnOrganization("NorthU"), "organization_read_enrollments"), reader},
		"writes NorthU's enrollments":  {"plain-worker", member(linkstore.OnOrganization("NorthU"), "organization_read_write_enrollments"), writer},
		"reads another NorthU program": {"plain-worker", member(linkstore.OnProgram("masters-ds"), "program_read_enrollments"), nil},
		"reads this program":           {"plain-worker", member(linkstore.OnProgram("masters-cs"), "program_read_enrollments"), reader},
		"reads NorthU's reports":       {"plain-worker", member(linkstore.OnOrganization("NorthU"), "organization_read_reports"), []registrar.Permission{registrar.ReadMetadata, registrar.ReadReports}},
	}
}

func TestWalls(t *testing.T) {
	t.Parallel()

	for name, r := range roles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s, store := walledSite(t)
			if r.grant != nil {
				s.get(t, r.client, "/api/v3/programs") // a user exists once it was seen
				r.grant(t, store)
			}
			for template, w := range walls() {
				for _, path := range []string{w.path, slashed(w.path)} {
					reply := s.get(t, r.client, path)
					checkWall(t, template, reply, r, w)
					head := s.do(t, http.MethodHead, r.client, path)
					if head.StatusCode != reply.StatusCode || len(head.body) > 0 {
						t.Errorf("HEAD %s: %d with %d bytes, but GET gives %d", path, head.StatusCode, len(head.body), reply.StatusCode)
					}
				}
				for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPatch, http.MethodPut} {
					want := http.StatusMethodNotAllowed
					if r.client == "" {
						want = http.StatusUnauthorized
					}
					if reply := s.do(t, method, r.client, w.path); reply.StatusCode != want {
						t.Errorf("%s %s: %d, want %d", method, template, reply.StatusCode, want)
					}
				}
			}
		})
	}
}

func checkWall(t *testing.T, template string, reply answer, r role, w wall) {
	t.Helper()
	allowed := slices.Contains(r.holds, w.needs)
	want := http.StatusOK
	switch {
	case r.client == "":
		want = http.StatusUnauthorized
	case w.needs != "" && !allowed:
		want = http.StatusForbidden
	}
	if reply.StatusCode != want {
		t.Errorf("%s: %d, want %d\n%s", template, reply.StatusCode, want, reply.body)
		return
	}
	if len(r.holds) == 0 || want != http.StatusOK {
		for _, secret := range []string{"S-0002", "masters-cs\"", "Computer Science"} {
			if strings.Contains(string(reply.body), secret) {
				t.Errorf("%s: a stranger reads %q", template, secret)
			}
		}
	}
	if w.needs == "" && slices.Contains(r.holds, registrar.ReadEnrollments) {
		var page struct {
			Results []struct {
				ProgramKey string `json:"program_key"`
			}
		}
		if err := json.Unmarshal(reply.body, &page); err != nil || len(page.Results) == 0 {
			t.Errorf("%s: a reader finds nothing: %v\n%s", template, err, reply.body)
		}
	}
}

// The table above names every private route there is.
func TestWallsCoverEveryRoute(t *testing.T) {
	t.Parallel()

	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cfg := demoConfig("http://127.0.0.1:1", "127.0.0.1:0", folder, sim)
	sh, err := share(t.Context(), cfg, &safeBuffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sh.Close() }()
	store, err := openStore(t.Context(), cfg.Store, sh)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if _, err := migrateStore(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	rooms, err := build(t.Context(), cfg, store, sh)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rooms.Close() }()
	known := walls()
	private, staff := 0, map[string]bool{}
	for _, route := range rooms.gateway.Routes() {
		if route.Public {
			continue
		}
		if slices.Contains(staffWalls(), route.Path) {
			staff[route.Path] = true
			continue
		}
		private++
		inV1 := slices.ContainsFunc(v1Walls(), func(w v1Wall) bool { return w.method == route.Method && w.template == route.Path })
		if _, ok := known[route.Path]; !ok && !inV1 {
			t.Errorf("%s %s stands in no wall test", route.Method, route.Path)
		}
	}
	if want := len(known) + len(v1Walls()); private != want {
		t.Errorf("%d private routes, %d in the tables", private, want)
	}
	if len(staff) != len(staffWalls()) {
		t.Errorf("of %v the gateway has %v", staffWalls(), staff)
	}
}

// walledSite is a demo whose grants hold at once, and its link store.
func walledSite(t *testing.T) (*site, *linkstore.Store) {
	t.Helper()
	var dsn config.Store
	s := newSite(t, simulator.Options{Learners: 10}, func(cfg *config.Config) {
		cfg.Store.DirectoryTTL = 0
		dsn = cfg.Store
	})
	store, err := openStore(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return s, store
}

// slashed puts a trailing slash to the path of target.
func slashed(target string) string {
	path, query, found := strings.Cut(target, "?")
	if found {
		return path + "/?" + query
	}
	return path + "/"
}

// Only the LMS's staff purge; to others the routes do not exist.
func TestPurgeIsForStaff(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	const learners = "/api/v3/programs/masters-cs/learners"
	s.get(t, demoClient, learners)
	for client, want := range map[string]int{"": 401, "plain-worker": 404, demoHarbor: 404, demoClient: 404} {
		for _, path := range []string{"/api/internal/cache", "/api/internal/cache/masters-cs", "/api/internal/cache/nope"} {
			for _, method := range []string{
				http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodOptions,
			} {
				reply := s.do(t, method, client, path)
				if reply.StatusCode != want {
					t.Errorf("%q: %s %s: %d, want %d", client, method, path, reply.StatusCode, want)
				}
				if want == http.StatusNotFound && (reply.Header.Get("Allow") != "" || method != http.MethodHead && string(reply.body) != `{"detail":"Not found."}`) {
					t.Errorf("%q: %s %s: Allow %q, %s", client, method, path, reply.Header.Get("Allow"), reply.body)
				}
			}
		}
	}
	s.requests(t)
	if s.get(t, demoClient, learners); len(s.requests(t)) > 0 {
		t.Error("somebody who is not staff purged the cache")
	}
	for _, path := range []string{"/api/internal/cache", "/api/internal/cache/masters-cs"} {
		if reply := s.do(t, http.MethodGet, demoService, path); reply.StatusCode != http.StatusMethodNotAllowed || reply.Header.Get("Allow") != "DELETE, OPTIONS" {
			t.Errorf("staff: GET %s: %d, Allow %q, want 405", path, reply.StatusCode, reply.Header.Get("Allow"))
		}
		if reply := s.do(t, http.MethodDelete, demoService, path); reply.StatusCode != http.StatusNoContent {
			t.Errorf("staff: DELETE %s: %d %s", path, reply.StatusCode, reply.body)
		}
		if s.get(t, demoClient, learners); len(s.requests(t)) == 0 {
			t.Errorf("after DELETE %s nothing was asked again", path)
		}
	}
}
