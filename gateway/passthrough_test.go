package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// Programs of the test site. The two schools share the run "Shared".
const (
	csUUID    = "5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11"
	nurseUUID = "e9a3d5c7-7f4b-4d12-9e68-2b3c4d5e6f44"
	statsUUID = "b2f7c9d4-3e1a-4f86-8c05-6d7e8f901a33"

	csRun     = "course-v1:NorthU+CS501+2026"
	statsRun  = "course-v1:NorthU+ST101+2026"
	nurseRun  = "course-v1:HarborX+NU501+2026"
	legacyRun = "NorthU/CS502/2026"

	serviceToken = "service-canary-token"
)

func campus() []registrar.Program {
	return []registrar.Program{
		{Key: "masters-cs", UUID: csUUID, Organization: "NorthU"},
		{Key: "masters-nursing", UUID: nurseUUID, Organization: "HarborX"},
		{Key: "stats", UUID: statsUUID, Organization: "NorthU"},
	}
}

func detailsFor(t *testing.T, slug string, keys ...string) registrar.ProgramDetails {
	t.Helper()
	d := registrar.ProgramDetails{TypeSlug: slug, Curricula: []registrar.Curriculum{{Active: true}}}
	for _, text := range keys {
		key, err := registrar.ParseCourseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		d.Curricula[0].Runs = append(d.Curricula[0].Runs, registrar.CourseRun{Key: key})
	}
	return d
}

// school is what the passthrough asks about callers.
type school struct {
	programs func() ([]registrar.Program, error)
	details  func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]
	accounts func(registrar.Username) ([]registrar.ProgramKey, error)
}

func (s school) Programs(context.Context) ([]registrar.Program, error) { return s.programs() }

func (s school) DetailsOf(_ context.Context, among []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
	return s.details(among)
}

func (s school) ProgramsOfUsername(_ context.Context, name registrar.Username) ([]registrar.ProgramKey, error) {
	return s.accounts(name)
}

func (s school) StudentKeysOfUsername(ctx context.Context, program registrar.ProgramKey, name registrar.Username) ([]registrar.StudentKey, error) {
	in, err := s.ProgramsOfUsername(ctx, name)
	if err != nil || !slices.Contains(in, program) {
		return nil, err
	}
	return []registrar.StudentKey{registrar.StudentKey("S-" + name + "-" + registrar.Username(program))}, nil
}

// newSchool knows the campus: "bo" studies at both schools, "al" at HarborX alone.
func newSchool(t *testing.T) school {
	t.Helper()
	all := map[registrar.ProgramKey]registrar.ProgramDetails{
		"masters-cs":      detailsFor(t, "masters", csRun, legacyRun),
		"masters-nursing": detailsFor(t, "masters", nurseRun),
		"stats":           detailsFor(t, "micromasters", statsRun),
	}
	return school{
		programs: func() ([]registrar.Program, error) { return campus(), nil },
		details: func(among []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
			report := registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]{Value: map[registrar.ProgramKey]registrar.ProgramDetails{}}
			for _, p := range among {
				report.Value[p.Key] = all[p.Key]
			}
			return report
		},
		accounts: func(name registrar.Username) ([]registrar.ProgramKey, error) {
			return map[registrar.Username][]registrar.ProgramKey{
				"bo": {"masters-cs", "masters-nursing", "stats"}, "al": {"masters-nursing"}, "a+b@x": {"masters-cs"},
			}[name], nil
		},
	}
}

// callers are known by name; whoever else asks holds nothing.
func callers() people {
	on := func(o registrar.OrganizationKey, ps ...registrar.Permission) registrar.Grants {
		return registrar.Grants{Organizations: map[registrar.OrganizationKey][]registrar.Permission{o: ps}}
	}
	return func(_ context.Context, c registrar.Claims) (registrar.Principal, error) {
		p := registrar.Principal{Username: c.Username, Superuser: c.Username == "root"}
		switch c.Username {
		case "north":
			p.Grants = on("NorthU", registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments)
		case "north-metadata":
			p.Grants = on("NorthU", registrar.ReadMetadata)
		case "harbor":
			p.Grants = on("HarborX", registrar.ReadMetadata, registrar.ReadEnrollments)
		}
		return p, nil
	}
}

// seen is a request as the upstream got it.
type seen struct {
	method, uri, body string
	header            http.Header
	length            int64
	encoding          []string
}

// upstream is an LMS that notes what it is asked.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	got  []seen
	drop []string // tokens that were refused
}

func (u *upstream) requests() []seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.got)
}

// last returns the only request since the test began.
func (u *upstream) only(t *testing.T) seen {
	t.Helper()
	got := u.requests()
	if len(got) != 1 {
		t.Fatalf("the upstream was asked %d times, want once", len(got))
	}
	return got[0]
}

// Token and Drop are a source of tokens that never changes its mind.
func (u *upstream) Token(context.Context) (string, error) { return serviceToken, nil }

func (u *upstream) Drop(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drop = append(u.drop, token)
}

// newUpstream notes every request whole and then answers it.
func newUpstream(t *testing.T, answer http.HandlerFunc) *upstream {
	t.Helper()
	if answer == nil {
		answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"ok":true}`)
		}
	}
	return rawUpstream(t, func(u *upstream, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.note(r, string(body))
		answer(w, r)
	})
}

func (u *upstream) note(r *http.Request, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, seen{
		method: r.Method, uri: r.RequestURI, body: body, header: r.Header.Clone(), length: r.ContentLength, encoding: r.TransferEncoding,
	})
}

// rawUpstream leaves reading to the answer.
func rawUpstream(t *testing.T, answer func(*upstream, http.ResponseWriter, *http.Request)) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(u, w, r) }))
	t.Cleanup(u.Close)
	return u
}

// passing is a gateway with a passthrough to one upstream, which is both systems.
type passing struct {
	*site
	*upstream
	pass  *gateway.Passthrough
	calls *calls
}

// calls collects what the observer hears.
type calls struct {
	mu  sync.Mutex
	all []gateway.PassthroughCall
}

func (c *calls) add(_ context.Context, call gateway.PassthroughCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, call)
}

func (c *calls) last(t *testing.T) gateway.PassthroughCall {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		t.Fatal("the observer heard of nothing")
	}
	return c.all[len(c.all)-1]
}

// startPassing serves rules. tune, if not nil, changes the configuration first.
func startPassing(t *testing.T, u *upstream, rules []gateway.Rule, tune func(*gateway.Config, *gateway.PassthroughConfig, *school)) *passing {
	t.Helper()
	heard := &calls{}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	at := gateway.Origin{BaseURL: u.URL, Tokens: u, Transport: transport}
	door, cfg, known := gateway.Config{}, gateway.PassthroughConfig{LMS: at, Discovery: at, UserAgent: "registrar-test", Observe: heard.add}, newSchool(t)
	if tune != nil {
		tune(&door, &cfg, &known)
	}
	pass, err := gateway.NewPassthrough(cfg, gateway.PassthroughDeps{Programs: known, Catalog: known, Accounts: known}, rules)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pass.Close)
	return &passing{site: start(t, door, gateway.Deps{People: callers(), Passthrough: pass}), upstream: u, pass: pass, calls: heard}
}

// as is the header of a caller.
func as(t *testing.T, name string) string {
	t.Helper()
	return "Authorization: Bearer " + bearer(t, name)
}

// testRules has a rule of every kind.
func testRules() []gateway.Rule {
	return append(siteRules(),
		gateway.Rule{
			Name: "program-note", Upstream: gateway.LMS, Path: "/api/note/{program_uuid}/", Methods: []string{"GET", "POST", "DELETE"},
			Permission: registrar.ReadEnrollments, MaxBody: 1 << 20,
		},
		gateway.Rule{Name: "whole-site", Upstream: gateway.LMS, Path: "/api/site", Methods: []string{"GET", "POST"}},
		gateway.Rule{
			Name: "three", Upstream: gateway.Discovery, Path: "/x/{program_uuid}/y/{username}/z/{course_key}",
			AllowQuery: []string{"page", "q"}, Permission: registrar.ReadMetadata,
		},
	)
}

const (
	certificate = "/lms/api/certificates/v0/certificates/"
	enrollments = "/lms/api/enrollment/v1/enrollments/"
	course      = "/lms/api/courses/v1/courses/"
	note        = "/lms/api/note/"
)

// Nothing passes that no rule names, and who asks does not matter.
func TestPassthroughAllowsWhatIsDeclaredAlone(t *testing.T) {
	t.Parallel()
	p := startPassing(t, newUpstream(t, nil), testRules(), nil)
	for name, tc := range map[string]struct {
		method, target string
		status         int
	}{
		"root":                        {"GET", "/lms", 404},
		"root with slash":             {"GET", "/lms/", 404},
		"undeclared":                  {"GET", "/lms/api/user/v1/accounts/bo", 404},
		"the other upstream":          {"GET", "/discovery/api/courses/v1/courses/" + csRun, 404},
		"longer":                      {"GET", course + csRun + "/extra", 404},
		"shorter":                     {"GET", "/lms/api/courses/v1/courses/", 404},
		"another case":                {"GET", "/lms/API/courses/v1/courses/" + csRun, 404},
		"another case of the root":    {"GET", "/LMS/api/courses/v1/courses/" + csRun, 404},
		"an encoded letter":           {"GET", "/lms/%61pi/courses/v1/courses/" + csRun, 404},
		"an empty segment":            {"GET", "/lms//api/courses/v1/courses/" + csRun, 404},
		"an empty segment at the end": {"GET", course + csRun + "//", 404},
		"an encoded slash":            {"GET", "/lms/api%2Fcourses/v1/courses/" + csRun, 404},
		"two slashes in front":        {"GET", "//lms/api/site", 404},
		"another method":              {"POST", course + csRun, 405},
		"an unknown method":           {"BREW", course + csRun, 405},
		"climbing":                    {"GET", course + "..", 400},
		"climbing, encoded":           {"GET", course + "%2e%2e/x", 400},
		"climbing, with a parameter":  {"GET", course + "..;/x", 400},
		"encoded twice":               {"GET", course + "course-v1%253ANorthU%252BCS501%252B2026", 400},
		"climbing, encoded twice":     {"GET", course + "%252e%252e", 400},
		"backslash":                   {"GET", course + "a%5cb", 400},
		"no course key":               {"GET", course + "CS501", 400},
		"part of a legacy key":        {"GET", certificate + "bo/courses/NorthU/CS502", 404},
		"a slash in a name":           {"GET", certificate + "bo%2F..%2Fal/courses/" + csRun, 400},
		"a slash in a name, no dots":  {"GET", certificate + "bo%2Fx/courses/" + csRun, 400},
		"two names":                   {"GET", certificate + "bo,al/courses/" + csRun, 400},
		"two names in the query":      {"GET", enrollments + "?username=bo,al", 400},
		"a name and another":          {"GET", enrollments + "?username=bo&username=al", 400},
		"a name and another, encoded": {"GET", enrollments + "?username=bo&user%6eame=al", 400},
		"a plus for a space":          {"GET", enrollments + "?username=a+b@x", 400},
		"a parameter is missing":      {"GET", enrollments, 400},
		"an undeclared parameter":     {"GET", enrollments + "?username=bo&course_ids=x", 400},
		"an undeclared, encoded":      {"GET", enrollments + "?username=bo&%65mail=x", 400},
		"an undeclared, semicolon":    {"GET", enrollments + "?username=bo;email=x", 400},
		"another value than fixed":    {"GET", "/lms/api/courses/v1/blocks/?course_id=" + csRun + "&all_blocks=false", 400},
		"a broken escape":             {"GET", enrollments + "?username=bo&cursor=%zz", 400},
		"a broken escape in the path": {"GET", course + "%zz", 400},
		"no uuid":                     {"GET", note + "1", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.ask(t, tc.method, tc.target, as(t, "root"))
			if got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
			if tc.status == 404 && !strings.Contains(got.header.Get("Content-Type"), "text/html") {
				t.Errorf("404 in %s, want a page", got.header.Get("Content-Type"))
			}
			anonymous := p.ask(t, tc.method, tc.target)
			want := map[int]int{404: 404, 405: 401, 400: 401}[tc.status]
			if strings.HasPrefix(name, "climbing") || name == "backslash" || name == "a slash in a name" {
				want = 400 // the door refuses these to anybody
			}
			if name == "climbing, encoded twice" {
				want = 401
			}
			if name == "an unknown method" {
				want = 405
			}
			if anonymous.status != want {
				t.Errorf("to nobody %d, want %d", anonymous.status, want)
			}
		})
	}
	t.Cleanup(func() {
		if got := p.requests(); len(got) != 0 {
			t.Errorf("the upstream was asked %v", got)
		}
	})
}

func TestPassthroughSendsTheRulesURL(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ target, want string }{
		"a key":                   {course + csRun + "/", "/api/courses/v1/courses/" + csRun + "/"},
		"without the slash":       {course + csRun, "/api/courses/v1/courses/" + csRun + "/"},
		"an encoded key":          {course + "course-v1%3ANorthU%2BCS501%2B2026", "/api/courses/v1/courses/" + csRun + "/"},
		"a legacy key":            {course + legacyRun, "/api/courses/v1/courses/" + legacyRun + "/"},
		"an encoded legacy key":   {course + "NorthU%2FCS502%2F2026/", "/api/courses/v1/courses/" + legacyRun + "/"},
		"a key amidst":            {certificate + "bo/courses/" + csRun, "/api/certificates/v0/certificates/bo/courses/" + csRun + "/"},
		"a legacy key amidst":     {certificate + "bo/courses/" + legacyRun + "/", "/api/certificates/v0/certificates/bo/courses/" + legacyRun + "/"},
		"a key in the query":      {"/lms/api/courses/v1/blocks?course_id=course-v1%3ANorthU%2BCS501%2B2026", "/api/courses/v1/blocks/?all_blocks=true&course_id=course-v1%3ANorthU%2BCS501%2B2026"},
		"its pluses not encoded":  {"/lms/api/courses/v1/blocks/?course_id=" + csRun + "&depth=2", "/api/courses/v1/blocks/?all_blocks=true&course_id=course-v1%3ANorthU%2BCS501%2B2026&depth=2"},
		"a fixed value repeated":  {"/lms/api/courses/v1/blocks/?all_blocks=true&course_id=" + csRun, "/api/courses/v1/blocks/?all_blocks=true&course_id=course-v1%3ANorthU%2BCS501%2B2026"},
		"upper case in a uuid":    {note + strings.ToUpper(csUUID), "/api/note/" + csUUID + "/"},
		"a name with signs":       {"/discovery/x/" + csUUID + "/y/a%2Bb%40x/z/" + csRun + "/", "/x/" + csUUID + "/y/a+b@x/z/" + csRun},
		"the caller's bytes stay": {"/discovery/x/" + csUUID + "/y/bo/z/" + csRun + "?q=a+b%2bc%C3%A9%2F..&page=&q=%253D&page", "/x/" + csUUID + "/y/bo/z/" + csRun + "?q=a+b%2bc%C3%A9%2F..&page=&q=%253D&page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, nil), testRules(), nil)
			got := p.ask(t, "GET", tc.target, as(t, "north"))
			if got.status != 200 || got.body != `{"ok":true}` {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if sent := p.only(t); sent.uri != tc.want || sent.method != "GET" {
				t.Errorf("the upstream got %s %q, want %q", sent.method, sent.uri, tc.want)
			}
		})
	}
}

func TestPassthroughAuthorizes(t *testing.T) {
	t.Parallel()
	block := "/lms/api/courses/v1/blocks/?course_id="
	three := func(program, name, run string) string {
		return "/discovery/x/" + program + "/y/" + name + "/z/" + run
	}
	for name, tc := range map[string]struct {
		caller, target string
		status         int
	}{
		"nobody":                                 {"", course + csRun, 401},
		"without grants":                         {"stranger", course + csRun, 403},
		"a run of one's own":                     {"north", course + csRun, 200},
		"a run of one's own, by metadata":        {"north-metadata", course + csRun, 200},
		"another school's run":                   {"north", course + nurseRun, 403},
		"a run of nobody":                        {"north", course + "course-v1:A+B+C", 403},
		"a run in the query":                     {"north", block + csRun, 200},
		"another school's run in the query":      {"north", block + nurseRun, 403},
		"a learner of both, a run of one's own":  {"north", certificate + "bo/courses/" + csRun, 200},
		"a learner of both, the other's run":     {"north", certificate + "bo/courses/" + nurseRun, 403},
		"another school's learner":               {"north", certificate + "al/courses/" + csRun, 403},
		"an unknown learner":                     {"north", certificate + "nobody/courses/" + csRun, 403},
		"a name by another case":                 {"north", certificate + "Bo/courses/" + csRun, 403},
		"without the permission":                 {"north-metadata", certificate + "bo/courses/" + csRun, 403},
		"a program without enrollments":          {"north", certificate + "bo/courses/" + statsRun, 403},
		"a learner's seats":                      {"north", enrollments + "?username=nobody", 403},
		"a program of one's own":                 {"north", note + csUUID, 200},
		"another school's program":               {"north", note + nurseUUID, 403},
		"an unknown program":                     {"north", note + "00000000-0000-0000-0000-000000000000", 403},
		"a program of another type":              {"north", note + statsUUID, 403},
		"all in one program":                     {"north", three(csUUID, "bo", csRun), 200},
		"the run in another program of one's":    {"north", three(csUUID, "bo", statsRun), 403},
		"the learner in another program of hers": {"harbor", three(nurseUUID, "a+b@x", nurseRun), 403},
		"no placeholder":                         {"north", "/lms/api/site", 403},
		"no placeholder, superuser":              {"root", "/lms/api/site", 200},
		"superuser, any run":                     {"root", course + "course-v1:A+B+C", 200},
		"superuser, any learner":                 {"root", certificate + "nobody/courses/" + nurseRun, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, nil), testRules(), nil)
			var header []string
			if tc.caller != "" {
				header = append(header, as(t, tc.caller))
			}
			got := p.ask(t, "GET", tc.target, header...)
			if got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
			if asked := len(p.requests()); asked > 0 != (tc.status == 200) {
				t.Errorf("the upstream was asked %d times", asked)
			}
			if tc.status >= 400 && !strings.Contains(got.body, `"request_id"`) {
				t.Errorf("body %s, want a problem", got.body)
			}
		})
	}
}

// A wall whose stones cannot be had is neither open nor the caller's fault.
func TestPassthroughWithoutItsWalls(t *testing.T) {
	t.Parallel()
	away := &registrar.Error{Kind: registrar.Unavailable, Code: "away"}
	for name, tc := range map[string]struct {
		tune   func(*school)
		target string
		status int
	}{
		"programs": {func(s *school) { s.programs = func() ([]registrar.Program, error) { return nil, away } }, course + csRun, 503},
		"accounts": {func(s *school) {
			s.accounts = func(registrar.Username) ([]registrar.ProgramKey, error) { return nil, away }
		}, enrollments + "?username=bo", 503},
		"details": {func(s *school) { s.details = failedDetails(away) }, course + csRun, 503},
		"details of a filter": {func(s *school) {
			inner := s.details
			s.details = func(among []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
				report := inner(among)
				report.Sources = failedDetails(away)(among).Sources[:1]
				return report
			}
		}, enrollments + "?username=bo", 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, nil), testRules(), func(_ *gateway.Config, _ *gateway.PassthroughConfig, s *school) { tc.tune(s) })
			if got := p.ask(t, "GET", tc.target, as(t, "north")); got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
			if asked := p.requests(); len(asked) > 0 {
				t.Errorf("the upstream was asked %v", asked)
			}
		})
	}
}

func failedDetails(err error) func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
	return func(among []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
		report := registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]{}
		for _, p := range among {
			report.Sources = append(report.Sources, registrar.Source{Program: p.Key, State: registrar.SourceFailed, Err: err})
		}
		return report
	}
}

func TestPassthroughRefusesBadRules(t *testing.T) {
	t.Parallel()
	good := gateway.Rule{Name: "a", Upstream: gateway.LMS, Path: "/a/{course_key}/", Permission: registrar.ReadMetadata}
	with := func(change func(*gateway.Rule)) []gateway.Rule {
		r := good
		change(&r)
		return []gateway.Rule{r}
	}
	for name, tc := range map[string]struct {
		rules []gateway.Rule
		want  string
	}{
		"no name":                {with(func(r *gateway.Rule) { r.Name = "" }), "name"},
		"a name with spaces":     {with(func(r *gateway.Rule) { r.Name = "a b" }), "name"},
		"an unknown upstream":    {with(func(r *gateway.Rule) { r.Upstream = "cms" }), "cms"},
		"a method twice":         {with(func(r *gateway.Rule) { r.Methods = []string{"GET", "GET"} }), "twice"},
		"HEAD":                   {with(func(r *gateway.Rule) { r.Methods = []string{"HEAD"} }), "HEAD"},
		"an unknown method":      {with(func(r *gateway.Rule) { r.Methods = []string{"CONNECT"} }), "CONNECT"},
		"no path":                {with(func(r *gateway.Rule) { r.Path = "" }), "slash"},
		"the root":               {with(func(r *gateway.Rule) { r.Path = "/" }), "slash"},
		"a relative path":        {with(func(r *gateway.Rule) { r.Path = "a/{course_key}" }), "slash"},
		"two slashes":            {with(func(r *gateway.Rule) { r.Path = "/a//{course_key}" }), "segments"},
		"a climbing path":        {with(func(r *gateway.Rule) { r.Path = "/a/../{course_key}" }), "segments"},
		"an escape":              {with(func(r *gateway.Rule) { r.Path = "/a%2F/{course_key}" }), "segments"},
		"a query in the path":    {with(func(r *gateway.Rule) { r.Path = "/a?x={course_key}" }), "placeholders are"},
		"an unknown placeholder": {with(func(r *gateway.Rule) { r.Path = "/a/{org}/" }), "{org}"},
		"half a segment":         {with(func(r *gateway.Rule) { r.Path = "/a/x{course_key}/" }), "placeholders are"},
		"a placeholder twice":    {with(func(r *gateway.Rule) { r.Path = "/{course_key}/{course_key}/" }), "twice"},
		"in path and query":      {with(func(r *gateway.Rule) { r.Query = map[string]string{"c": "{course_key}"} }), "twice"},
		"half a value":           {with(func(r *gateway.Rule) { r.Query = map[string]string{"c": "x{username}"} }), "placeholders are"},
		"a parameter twice":      {with(func(r *gateway.Rule) { r.Query, r.AllowQuery = map[string]string{"c": "1"}, []string{"c"} }), "twice"},
		"an odd parameter":       {with(func(r *gateway.Rule) { r.AllowQuery = []string{"a&b"} }), "a&b"},
		"no permission":          {with(func(r *gateway.Rule) { r.Permission = "" }), "permission"},
		"an unknown permission":  {with(func(r *gateway.Rule) { r.Permission = "all" }), "all"},
		"a global permission":    {with(func(r *gateway.Rule) { r.Permission = registrar.ReadAllJobs }), "job_global_read"},
		"a name without filter":  {with(func(r *gateway.Rule) { r.Path = "/a/{username}/" }), "filter"},
		"a filter of a write": {with(func(r *gateway.Rule) {
			r.Path, r.Filter, r.Methods = "/a/{username}/", "course_id", []string{"POST"}
		}), "filter"},
		"a filter for superusers": {with(func(r *gateway.Rule) { r.Path, r.Filter = "/a", "course_id" }), "filter"},
		"an odd filter":           {with(func(r *gateway.Rule) { r.Filter = "a..b" }), "a..b"},
		"a negative limit":        {with(func(r *gateway.Rule) { r.MaxBody = -1 }), "negative"},
		"a negative time":         {with(func(r *gateway.Rule) { r.Timeout = -1 }), "negative"},
		"a cached write":          {with(func(r *gateway.Rule) { r.Cache, r.Methods = time.Minute, []string{"GET", "PUT"} }), "cached"},
		"a rule twice":            {[]gateway.Rule{good, good}, "twice"},
		"two of one path": {[]gateway.Rule{good, {
			Name: "b", Upstream: gateway.LMS, Path: "/a/{program_uuid}", Permission: registrar.ReadMetadata,
		}}, "same method and path"},
		"an upstream that is not there": {[]gateway.Rule{{Name: "d", Upstream: gateway.Discovery, Path: "/a"}}, "no base URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known := newSchool(t)
			deps := gateway.PassthroughDeps{Programs: known, Catalog: known, Accounts: known}
			cfg := gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "http://127.0.0.1:1/", Tokens: &upstream{}}}
			p, err := gateway.NewPassthrough(cfg, deps, tc.rules)
			if err == nil || p != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestPassthroughRefusesABadSite(t *testing.T) {
	t.Parallel()
	known := newSchool(t)
	deps := gateway.PassthroughDeps{Programs: known, Catalog: known, Accounts: known}
	at := gateway.Origin{BaseURL: "https://lms.example.org/base/", Tokens: &upstream{}}
	for name, tc := range map[string]struct {
		cfg  gateway.PassthroughConfig
		deps gateway.PassthroughDeps
		ok   bool
	}{
		"good":          {gateway.PassthroughConfig{LMS: at}, deps, true},
		"no walls":      {gateway.PassthroughConfig{LMS: at}, gateway.PassthroughDeps{Programs: known, Catalog: known}, false},
		"no tokens":     {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: at.BaseURL}}, deps, false},
		"no scheme":     {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "lms.example.org", Tokens: at.Tokens}}, deps, false},
		"another":       {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "file:///etc", Tokens: at.Tokens}}, deps, false},
		"a password":    {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "https://u:canary@lms", Tokens: at.Tokens}}, deps, false},
		"a query":       {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "https://lms?a", Tokens: at.Tokens}}, deps, false},
		"no limit":      {gateway.PassthroughConfig{LMS: at, MaxAnswer: -1}, deps, false},
		"no memory":     {gateway.PassthroughConfig{LMS: at, CacheBytes: -1}, deps, false},
		"unreadable":    {gateway.PassthroughConfig{LMS: gateway.Origin{BaseURL: "https://canary%zz", Tokens: at.Tokens}}, deps, false},
		"no upstream":   {gateway.PassthroughConfig{}, deps, true},
		"buffer":        {gateway.PassthroughConfig{LMS: at, MaxBuffered: -1}, deps, false},
		"no programmes": {gateway.PassthroughConfig{LMS: at}, gateway.PassthroughDeps{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gateway.NewPassthrough(tc.cfg, tc.deps, nil)
			if (err == nil) != tc.ok || err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// Rules change while requests run; each request keeps those it began with.
func TestPassthroughRulesChangeAtOnce(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.RequestURI, "/api/note/") {
			close(begun)
			<-release
		}
		_, _ = io.WriteString(w, "done")
	})
	p := startPassing(t, u, testRules(), nil)
	slow := p.dial(t)
	_, _ = io.WriteString(slow, "GET "+note+csUUID+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+as(t, "north")+"\r\n\r\n")
	<-begun
	if err := p.pass.SetRules([]gateway.Rule{{Name: "bad"}, {Name: "worse"}}); err == nil ||
		!strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), `"worse"`) {
		t.Errorf("error = %v, want both mistakes", err)
	}
	if got := p.ask(t, "GET", "/lms/api/site", as(t, "root")); got.status != 200 {
		t.Errorf("after a refused change: %d", got.status)
	}
	other := gateway.Rule{Name: "other", Upstream: gateway.LMS, Path: "/other/{course_key}", Permission: registrar.ReadMetadata}
	if err := p.pass.SetRules([]gateway.Rule{other}); err != nil {
		t.Fatal(err)
	}
	if got := p.ask(t, "GET", "/lms/api/site", as(t, "root")); got.status != 404 {
		t.Errorf("a rule that is gone: %d", got.status)
	}
	if got := p.ask(t, "GET", "/lms/other/"+csRun, as(t, "north")); got.status != 200 {
		t.Errorf("a new rule: %d", got.status)
	}
	routes := p.gateway.Routes()
	want := gateway.Route{Method: "GET", Path: "/lms/other/{course_key}"}
	if got := routes[len(routes)-1]; got != want {
		t.Errorf("the last route is %v, want %v", got, want)
	}
	close(release)
	if got := readAnswer(t, bufio.NewReader(slow), "GET"); got.status != 200 || got.body != "done" {
		t.Errorf("the running request: %d %q", got.status, got.body)
	}
}

func TestPassthroughOptionsAndAllow(t *testing.T) {
	t.Parallel()
	p := startPassing(t, newUpstream(t, nil), testRules(), nil)
	for target, want := range map[string]string{
		note + csUUID:      "GET, POST, DELETE, HEAD, OPTIONS",
		course + csRun:     "GET, HEAD, OPTIONS",
		course + "no-key":  "GET, HEAD, OPTIONS",
		"/lms/api/site/":   "GET, POST, HEAD, OPTIONS",
		course + legacyRun: "GET, HEAD, OPTIONS",
	} {
		for method, status := range map[string]int{"OPTIONS": 200, "PUT": 405} {
			got := p.ask(t, method, target, as(t, "stranger"))
			if got.status != status || got.header.Get("Allow") != want {
				t.Errorf("%s %s: %d, Allow %q, want %q", method, target, got.status, got.header.Get("Allow"), want)
			}
		}
	}
	if asked := p.requests(); len(asked) > 0 {
		t.Errorf("the upstream was asked %v", asked)
	}
}

// The observer and the log hear of rules, never of who or what was asked for.
func TestPassthroughIsObserved(t *testing.T) {
	t.Parallel()
	fail := false
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if fail {
			w.WriteHeader(500)
		}
	})
	p := startPassing(t, u, testRules(), nil)
	target := certificate + "bo/courses/" + csRun
	p.ask(t, "GET", target, as(t, "north"))
	got := p.calls.last(t)
	got.Took = 0
	if diff := cmp.Diff(gateway.PassthroughCall{Rule: "lms-certificate", Method: "GET", Status: 200}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	fail = true
	p.ask(t, "HEAD", target, as(t, "north"))
	got = p.calls.last(t)
	got.Took = 0
	want := gateway.PassthroughCall{Rule: "lms-certificate", Method: "HEAD", Status: 502, Kind: registrar.Upstream, Code: "upstream_error"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	lines := p.log.lines(t, "request")
	if len(lines) != 2 || lines[0]["route"] != "/lms/api/certificates/v0/certificates/{username}/courses/{course_key}" {
		t.Errorf("log lines: %v", lines)
	}
	if strings.Contains(p.log.String(), "CS501") || strings.Contains(p.log.String(), `/bo/`) {
		t.Errorf("the log tells who was asked for:\n%s", p.log)
	}
}

// errBroken is what a transport says that never reached anybody.
var errBroken = errors.New("canary: dial tcp lms.internal:443")
