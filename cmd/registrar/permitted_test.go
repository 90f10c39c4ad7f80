package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/config"
	"registrar/gateway"
	"registrar/internal/registrar"
	"registrar/linkstore"
	"registrar/routes"
)

// opening says whom a route is there for. It is decided here, and not asked of the
// code that is under test.
type opening string

const (
	toAnybody  opening = "anybody"
	toKnown    opening = "authenticated callers" // who read nothing of others there
	toStaff    opening = "the LMS's staff"
	toOwner    opening = "the job's owner, and who reads all jobs"
	toMetadata         = opening(registrar.ReadMetadata)
	toRead             = opening(registrar.ReadEnrollments)
	toWrite            = opening(registrar.WriteEnrollments)
	toReports          = opening(registrar.ReadReports)
)

// effect is the most that a request may do outside of the gateway.
type effect int

const (
	nothing effect = iota
	details        // Discovery may be asked about programs that the caller holds something on
	anything
)

// permission is one line of the table of what is permitted.
type permission struct {
	path   string
	opens  opening
	effect effect // of a permitted request
	status int    // of it; 0: not looked at
	list   bool   // of the programs of a school: a grant on any of them opens it
	passes bool   // through to the site; who holds the permission elsewhere may cost a look at that
}

const knownRun = "course-v1:STEMx+CS111+F19"

// permissions is the table: method and template of each route, and what it is for.
func permissions(job string) map[string]permission {
	const cs3 = "/api/v3/programs/masters-in-cs"
	const program3, course3 = "/api/v3/programs/:program_key", cs3 + "/courses/CompSci1_Fall"
	table := map[string]permission{
		"GET /api/v3/programs":          {path: "/api/v3/programs?org=stem-institute", opens: toMetadata, effect: details, status: 200, list: true},
		"GET " + program3:               {path: cs3, opens: toMetadata, effect: details, status: 200},
		"GET /api/v3/jobs":              {path: "/api/v3/jobs", opens: toKnown, status: 200},
		"GET /api/v3/jobs/:job_id":      {path: "/api/v3/jobs/" + job, opens: toOwner, status: 200},
		"GET " + program3 + "/learners": {path: cs3 + "/learners", opens: toRead, effect: anything, status: 200},
		"GET /api/v3/learners/:student_key/programs": {
			path: "/api/v3/learners/S-1/programs?org=stem-institute", opens: toRead, effect: anything, status: 200, list: true,
		},
		"DELETE /api/internal/cache":              {path: "/api/internal/cache", opens: toStaff, status: 204},
		"DELETE /api/internal/cache/:program_key": {path: "/api/internal/cache/masters-in-cs", opens: toStaff, status: 204},
	}
	for _, part := range []string{"", "/courses", "/grades", "/completion"} {
		table["GET "+program3+"/learners/:student_key"+part] = permission{path: cs3 + "/learners/S-1" + part, opens: toRead, effect: anything, status: 200}
	}
	for _, rows := range []string{"/grades", "/completion"} {
		table["GET "+program3+rows] = permission{path: cs3 + rows, opens: toRead, effect: anything, status: 200}
		table["GET "+program3+"/courses/+"+rows] = permission{path: course3 + rows, opens: toRead, effect: anything, status: 200}
	}
	table["GET "+program3+"/course_enrollments"] = permission{path: cs3 + "/course_enrollments", opens: toRead, effect: anything, status: 200}
	table["GET "+program3+"/courses/+/enrollments"] = permission{path: course3 + "/enrollments", opens: toRead, effect: anything, status: 200}
	addOriginal(table, job)
	addJobsPage(table)
	addPassthrough(table)
	addPublic(table)
	return table
}

// addOriginal adds v1 and v2.
func addOriginal(table map[string]permission, job string) {
	for _, root := range []string{"/api/v1", "/api/v2"} {
		program, cs := root+"/programs/:program_key", root+"/programs/masters-in-cs"
		add := func(method, below, path string, p permission) {
			p.path = cs + path
			table[method+" "+program+below] = p
		}
		table["GET "+root+"/programs"] = permission{path: root + "/programs?org=stem-institute", opens: toMetadata, effect: details, status: 200, list: true}
		table["GET "+root+"/jobs"] = permission{path: root + "/jobs", opens: toKnown, status: 200}
		table["GET "+root+"/jobs/:job_id"] = permission{path: root + "/jobs/" + job, opens: toOwner, status: 200}
		add("GET", "", "", permission{opens: toMetadata, effect: details, status: 200})
		add("GET", "/courses", "/courses", permission{opens: toMetadata, effect: details, status: 200})
		add("GET", "/reports", "/reports", permission{opens: toReports, status: 200})
		for template, path := range map[string]string{
			"/enrollments": "/enrollments", "/course_enrollments": "/course_enrollments",
			"/courses/+/enrollments": "/courses/CompSci1_Fall/enrollments", "/courses/+/grades": "/courses/" + knownRun + "/grades",
		} {
			add("GET", template, path, permission{opens: toRead, effect: anything, status: 202})
			add("HEAD", template, path, permission{opens: toRead, effect: details, status: 405}) // starts nothing
		}
		for _, method := range []string{"POST", "PATCH"} {
			add(method, "/enrollments", "/enrollments", permission{opens: toWrite, effect: anything, status: 200})
			add(method, "/courses/+/enrollments", "/courses/CompSci1_Fall/enrollments", permission{opens: toWrite, effect: anything, status: 200})
		}
		for _, upload := range []string{"/enrollments/upload", "/course_enrollments/upload"} {
			add("POST", upload, upload, permission{opens: toWrite, effect: anything, status: 202})
		}
	}
}

func addJobsPage(table map[string]permission) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		table[method+" "+routes.JobsPath] = permission{path: routes.JobsPath, opens: toStaff}
		table[method+" "+routes.JobsPath+"/*"] = permission{path: routes.JobsPath + "/api/jobs/cancel", opens: toStaff}
	}
}

// addPassthrough adds the rules that hold when nothing is configured.
func addPassthrough(table map[string]permission) {
	const lms = "/lms/api/"
	add := func(template, path string, opens opening) {
		table["GET "+template] = permission{path: path, opens: opens, effect: anything, status: 200, passes: true}
	}
	add(lms+"courses/v1/courses/{course_key}", lms+"courses/v1/courses/"+knownRun, toMetadata)
	add(lms+"courses/v1/blocks", lms+"courses/v1/blocks?course_id="+strings.ReplaceAll(knownRun, "+", "%2B"), toMetadata)
	add(lms+"certificates/v0/certificates/{username}/courses/{course_key}", lms+"certificates/v0/certificates/alex/courses/"+knownRun, toRead)
	add(lms+"enrollment/v1/enrollments", lms+"enrollment/v1/enrollments?username=alex", toRead)
	add("/discovery/api/v1/course_runs/{course_key}", "/discovery/api/v1/course_runs/"+knownRun, toMetadata)
}

func addPublic(table map[string]permission) {
	for _, path := range []string{
		"/livez", "/readyz", "/health", "/metrics", "/csrf/api/v1/token", "/api-docs/openapi.yaml",
		"/api-docs/swagger-ui.css", "/api-docs/swagger-ui-bundle.js", "/api-docs/swagger-ui-standalone-preset.js",
		"/api-docs/favicon-16x16.png", "/api-docs/favicon-32x32.png", "/api-docs/oauth2-redirect.html",
	} {
		table["GET "+path] = permission{path: path, opens: toAnybody, status: 200}
	}
	table["GET /api-docs"] = permission{path: "/api-docs", opens: toAnybody, status: 302}
	table["GET /api/media/:token/+"] = permission{path: "/api/media/forged/job-results/1.json", opens: toAnybody, status: 404}
}

// visitor is a caller, and what is permitted to it by the grants of the world.
type visitor struct {
	// prepare makes it what it is.
	prepare func(t *testing.T, w *world)
	as      func(w *world) *http.Header // credentials
	unknown bool                        // no caller at all
	// On masters-in-cs, on another program of its school, and at another school.
	here, beside, elsewhere []opening
	staff, allJobs          bool
	looksOnly               bool // its credentials are good for looking alone
}

// may tells how much a request of the method that is in line p of the table may do.
func (v visitor) may(method string, p permission) (effect, bool) {
	switch {
	case p.opens == toAnybody:
		return p.effect, true
	case v.unknown, v.looksOnly && (p.passes || method != http.MethodGet && method != http.MethodHead):
		return nothing, false
	}
	switch p.opens {
	case toKnown:
		return p.effect, true
	case toStaff:
		return p.effect, v.staff
	case toOwner:
		return p.effect, v.allJobs
	default:
	}
	switch {
	case slices.Contains(v.here, p.opens), p.list && slices.Contains(v.beside, p.opens):
		return p.effect, true
	case p.list: // empty
		return nothing, true
	case p.passes && slices.Contains(slices.Concat(v.beside, v.elsewhere), p.opens):
		return details, false
	}
	return nothing, false
}

func visitors() map[string]visitor {
	by := func(name string) func(w *world) *http.Header {
		return func(w *world) *http.Header { return &http.Header{"Authorization": {"JWT " + w.as(name).token()}} }
	}
	metadata, reader, writer := []opening{toMetadata}, []opening{toMetadata, toRead}, []opening{toMetadata, toRead, toWrite}
	granted := func(name string, on linkstore.Target, all ...registrar.Permission) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			for _, p := range all {
				if err := w.store.Grant(t.Context(), registrar.Username(name), p, on); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	member := func(name string, group linkstore.Group) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			if group.Role != "" {
				if err := w.store.CreateGroup(t.Context(), group); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.store.CreateUser(t.Context(), linkstore.User{Username: registrar.Username(name)}, group.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	super := func(active bool) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			if err := w.store.CreateUser(t.Context(), linkstore.User{Username: "root", Superuser: true}); err != nil {
				t.Fatal(err)
			}
			if err := w.store.SetUserActive(t.Context(), "root", active); err != nil {
				t.Fatal(err)
			}
		}
	}
	const stem = registrar.OrganizationKey("stem-institute")
	return map[string]visitor{
		"no token": {unknown: true, as: func(*world) *http.Header { return &http.Header{} }},
		"a token of nobody's key": {unknown: true, as: func(w *world) *http.Header {
			stranger := &world{key: newIssuerKey(w.t), t: w.t}
			return &http.Header{"Authorization": {"JWT " + stranger.as("stem_admin").token()}}
		}},
		"inactive":          {unknown: true, as: by("root"), prepare: super(false)},
		"newcomer":          {as: by("newcomer")},
		"nobody":            {as: by("nobody")},
		"staff":             {as: by("staff"), staff: true},
		"superuser":         {as: by("root"), prepare: super(true), here: append(slices.Clone(writer), toReports), allJobs: true},
		"another school":    {as: by("hum_admin"), elsewhere: append(slices.Clone(writer), toReports)},
		"metadata alone":    {as: by("stem_user"), here: metadata, beside: metadata},
		"reports alone":     {as: by("reporter"), prepare: member("reporter", linkstore.Group{Name: "stem-data", Role: "organization_read_reports", Target: linkstore.OnOrganization(stem)}), here: []opening{toMetadata, toReports}, beside: []opening{toMetadata, toReports}},
		"reads enrollments": {as: by("reader"), prepare: member("reader", linkstore.Group{Name: "stem-ops"}), here: reader, beside: reader},
		"writes alone":      {as: by("nobody"), prepare: granted("nobody", linkstore.OnOrganization(stem), registrar.WriteEnrollments), here: []opening{toWrite}, beside: []opening{toWrite}},
		"this program":      {as: by("cs_program_admin"), here: writer},
		"the next program":  {as: by("nobody"), prepare: granted("nobody", linkstore.OnProgram("masters-in-me"), registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments, registrar.ReadReports), beside: append(slices.Clone(writer), toReports)},
		"global":            {as: by("globe"), prepare: member("globe", linkstore.Group{Name: "GlobalReadAndWrite"}), here: writer, beside: writer, elsewhere: writer},
		"all jobs":          {as: by("nobody"), prepare: granted("nobody", linkstore.Global(), registrar.ReadAllJobs), allJobs: true},
		// A page that the user happens to look at makes the browser ask.
		"cookies alone": {
			as: func(w *world) *http.Header {
				h := w.as("stem_admin").inCookies(http.MethodGet, "programs").Header
				h.Set("Origin", "https://elsewhere.example.org")
				return &h
			},
			here: writer, beside: writer, allJobs: true, looksOnly: true,
		},
	}
}

// TestOnlyThePermittedCauseAnything asks every route by every method, in both of its
// forms, as every kind of caller: what is not permitted asks nothing of the site and
// starts no job. What is permitted is asked last, and works.
func TestOnlyThePermittedCauseAnything(t *testing.T) {
	t.Parallel()

	key, fresh := newIssuerKey(t), sqliteTemplate(t)
	for name, v := range visitors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := newWorld(t, fresh(t), key)
			w.cfg.Store.DirectoryTTL = config.Duration(time.Minute) // nothing is granted on the way
			if v.prepare != nil {
				v.prepare(t, w)
			}
			job := w.plant(t, "stem_admin", registrar.ListProgramEnrollments, "masters-in-cs", registrar.JobSucceeded)
			w.site()
			visit := walk{world: w, visitor: v, header: *v.as(w), table: permissions(string(job)), jobs: 1}
			visit.refused(t)
			visit.permitted(t)
			visit.discreet(t)
		})
	}
}

// site makes the stub answer everything that is asked of it.
func (w *world) site() {
	for _, listing := range []string{"enrollments/", "grades/"} {
		w.on(http.MethodGet, listing, replyRows(map[string]any{
			"student_key": "S-1", "status": "enrolled", "account_exists": true, "curriculum_uuid": activeCurriculum,
			"letter_grade": "A", "percent": 0.9, "passed": true,
		}))
	}
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut} {
		w.on(method, "enrollments/", echo)
	}
	w.on(http.MethodGet, "/courses/v1/courses/"+knownRun+"/", replyJSON(http.StatusOK, map[string]any{}))
	w.on(http.MethodGet, "/certificates/alex/courses/"+knownRun+"/", replyJSON(http.StatusOK, map[string]any{}))
	w.on(http.MethodGet, "/courses/v1/blocks/", replyJSON(http.StatusOK, map[string]any{}))
	w.on(http.MethodGet, "/course_runs/"+knownRun+"/", replyJSON(http.StatusOK, map[string]any{}))
}

// walk is one caller on the way through the routes.
type walk struct {
	world   *world
	visitor visitor
	header  http.Header
	table   map[string]permission
	jobs    int // that there are
}

// eachWay calls f for each route of the gateway with each method.
func (v *walk) eachWay(t *testing.T, f func(method string, route gateway.Route, p permission, mounted bool)) {
	t.Helper()
	seen := map[string]bool{}
	if mounted := len(v.world.routes); mounted != len(v.table) {
		t.Errorf("%d routes, and %d lines in the table of what is permitted", mounted, len(v.table))
	}
	for _, route := range v.world.routes {
		listed, ok := v.table[route.Method+" "+route.Path]
		if !ok {
			t.Fatalf("%s %s is not in the table of what is permitted", route.Method, route.Path)
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if seen[method+route.Path] {
				continue
			}
			seen[method+route.Path] = true
			p, mounted := v.table[method+" "+route.Path]
			if !mounted && method == http.MethodHead {
				p, mounted = v.table["GET "+route.Path]
			}
			p.path = listed.path
			f(method, route, p, mounted)
		}
	}
}

// refused asks for what may do nothing outside, and then for what may ask Discovery.
func (v *walk) refused(t *testing.T) {
	t.Helper()
	for _, most := range []effect{nothing, details} {
		v.eachWay(t, func(method string, route gateway.Route, p permission, mounted bool) {
			caused, permitted := nothing, false
			if mounted {
				caused, permitted = v.visitor.may(method, p)
			}
			if caused != most {
				return
			}
			forms := []string{p.path, slashed(p.path)}
			if !mounted && method != http.MethodHead && method != http.MethodOptions {
				forms = forms[:1] // one answer for every method that is not there
			}
			for _, path := range forms {
				before := len(v.world.requests(""))
				reply := v.send(t, method, path)
				v.innocent(t, method+" "+path, before, caused)
				switch {
				case permitted || method == http.MethodOptions && reply.StatusCode == http.StatusOK:
				case reply.StatusCode < http.StatusBadRequest:
					t.Errorf("%s %s: %d, though it is not permitted: %s", method, path, reply.StatusCode, reply.body)
				case strings.Contains(string(reply.body), "S-1") || strings.Contains(string(reply.body), "CS111"):
					t.Errorf("%s %s: %d tells of the program: %s", method, path, reply.StatusCode, reply.body)
				}
			}
		})
	}
}

// innocent holds what was asked of the site since before to what a request may cause.
func (v *walk) innocent(t *testing.T, request string, before int, most effect) {
	t.Helper()
	for _, a := range v.world.requests("")[before:] {
		if most == details && a.Method == http.MethodGet && strings.HasPrefix(a.Path, "/api/v1/programs/") {
			continue
		}
		t.Errorf("%s asked the site: %s %s", request, a.Method, a.Path)
	}
	if _, jobs, err := v.world.store.Jobs(t.Context(), registrar.JobFilter{Limit: 1}); err != nil || jobs != v.jobs {
		t.Errorf("%s: %d jobs, want %d (%v)", request, jobs, v.jobs, err)
		v.jobs = jobs
	}
}

// permitted asks for what the caller may have, and finds it.
func (v *walk) permitted(t *testing.T) {
	t.Helper()
	v.linkAlex(t)
	v.eachWay(t, func(method string, route gateway.Route, p permission, mounted bool) {
		if !mounted || p.status == 0 {
			return
		}
		if _, ok := v.visitor.may(method, p); !ok {
			return
		}
		path := p.path
		if route.Path == "/csrf/api/v1/token" {
			path = strings.TrimSuffix(path, "/") // it has one form
		}
		reply := v.send(t, method, path)
		if reply.StatusCode != p.status {
			t.Errorf("%s %s: %d, want %d: %s", method, path, reply.StatusCode, p.status, reply.body)
		}
		if p.status == http.StatusAccepted && method != http.MethodHead {
			v.jobs++
			v.await(t)
		}
	})
	if _, jobs, err := v.world.store.Jobs(t.Context(), registrar.JobFilter{Limit: 1}); err != nil || jobs != v.jobs {
		t.Errorf("%d jobs, want %d (%v)", jobs, v.jobs, err)
	}
}

// discreet holds the log to name no learner, no caller and no secret, whatever was
// asked.
func (v *walk) discreet(t *testing.T) {
	t.Helper()
	log := v.world.log.String()
	if !strings.Contains(log, `"msg":"request"`) {
		t.Fatalf("the log says nothing of requests:\n%s", log)
	}
	words := []string{"S-1", "alex", "@example.com", "/job-results/", "forged", "stem_admin"}
	for _, value := range slices.Concat(v.header["Authorization"], v.header["Cookie"]) {
		words = append(words, value[len(value)/2:len(value)/2+20])
	}
	for _, word := range words {
		if strings.Contains(log, word) {
			t.Errorf("the log says %q", word)
		}
	}
}

// linkAlex makes alex a learner of the program, whom the passthrough can be asked about.
func (v *walk) linkAlex(t *testing.T) {
	t.Helper()
	program, err := v.world.store.Program(t.Context(), "masters-in-cs")
	if err != nil {
		t.Fatal(err)
	}
	err = v.world.store.RecordSnapshot(t.Context(), program, []registrar.ProgramEnrollment{{
		StudentKey: "S-1", Status: "enrolled", Account: registrar.Account{State: registrar.Linked, Username: "alex"},
	}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until no job is at work: one program is written to by one at a time.
func (v *walk) await(t *testing.T) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for limit := time.After(time.Minute); ; {
		_, busy, err := v.world.store.Jobs(t.Context(), registrar.JobFilter{
			States: []registrar.JobState{registrar.JobPending, registrar.JobInProgress, registrar.JobRetrying}, Limit: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if busy == 0 {
			return
		}
		select {
		case <-poll.C:
		case <-limit:
			t.Fatal("a job takes longer than a minute")
		}
	}
}

// send asks as the caller, with a body that a permitted request would be taken with.
func (v *walk) send(t *testing.T, method, path string) answer {
	t.Helper()
	var body io.Reader
	mediaType := ""
	switch {
	case strings.Contains(path, "/upload"):
		mediaType, body = uploadBody(t)
	case method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut || method == http.MethodDelete:
		mediaType, body = "application/json", strings.NewReader(`[{"student_key":"S-1","status":"`+statusFor(path)+`"}]`)
	}
	r := newRequest(t, method, v.world.path(path), body)
	r.Header = v.header.Clone()
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return send(t, r)
}

func statusFor(path string) string {
	if strings.Contains(path, "/courses/") {
		return "active"
	}
	return "enrolled"
}

func uploadBody(t *testing.T) (mediaType string, body io.Reader) {
	t.Helper()
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	part, err := form.CreateFormFile("file", "upload.csv")
	if err == nil {
		_, err = io.WriteString(part, "student_key,status,course_id\nS-1,enrolled,CompSci1_Fall\n")
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	return form.FormDataContentType(), &text
}
