package discovery_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
	"registrar/internal/upstream/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const uuid = registrar.ProgramUUID("5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10")

type fixedToken struct{}

func (fixedToken) Token(context.Context) (string, error) { return "t", nil }
func (fixedToken) Drop(string)                           {}

// inMemory is a transport that calls a handler without sockets.
type inMemory http.HandlerFunc

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f(w, r)
	return w.Result(), nil
}

func start(t *testing.T, size int, h http.HandlerFunc) *discovery.Client {
	t.Helper()
	up, err := upstream.New(upstream.Config{Name: "Discovery", BaseURL: "http://discovery.test", Retries: -1, Transport: inMemory(h)}, fixedToken{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return discovery.New(up, discovery.Config{PageSize: size})
}

func say(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func key(t *testing.T, text string) registrar.CourseKey {
	t.Helper()
	k, err := registrar.ParseCourseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sameKey() cmp.Option {
	return cmp.Comparer(func(a, b registrar.CourseKey) bool { return a == b })
}

func wantFailure(t *testing.T, err error, kind registrar.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s %q", kind, code)
	}
	if registrar.KindOf(err) != kind || registrar.CodeOf(err) != code {
		t.Errorf("error is %s %q, want %s %q: %v", registrar.KindOf(err), registrar.CodeOf(err), kind, code, err)
	}
}

const document = `{
  "uuid": "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10", "title": "Coastal Engineering", "type": "Masters",
  "type_attrs": {"uuid": "c2", "slug": "masters"}, "status": "active",
  "marketing_slug": "masters/harborx/coastal-engineering", "marketing_url": "https://www.example.org/m",
  "data_modified_timestamp": "2026-03-02T09:14:55.120000Z",
  "authoring_organizations": [{"uuid": "0e", "key": "HarborX", "name": "Harbor"}, {"uuid": "0f", "key": "NorthU", "name": "North"}],
  "courses": [], "curricula": [{"uuid": "9a", "name": "2026 intake", "is_active": true, "courses": [
    {"key": "HarborX+CE501", "title": "Wave Mechanics", "course_runs": [
      {"key": "course-v1:HarborX+CE501+1T2027", "title": null, "external_key": "", "marketing_url": null, "start": null, "end": null},
      {"key": "course-v1:HarborX+CE501+Z", "title": "Z", "external_key": null, "start": "2026-09-07T00:00:00Z", "end": "soon"},
      {"key": "course-v1:HarborX+CE501+3T2026", "title": "Waves", "external_key": "MATH 205.F26", "marketing_url": "https://w", "start": "2026-09-07T00:00:00Z", "end": "2026-12-18T23:59:00.5Z"},
      {"key": "not a key", "title": "?"}]},
    {"key": "HarborX+CE500", "title": "First Steps", "course_runs": [{"key": "HarborX/CE500/old", "title": "", "start": "2020-01-01T00:00:00Z"}]}],
    "programs": []}]}`

func TestProgram(t *testing.T) {
	t.Parallel()
	c := start(t, 0, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/programs/"+string(uuid)+"/" || r.URL.RawQuery != "exclude_utm=1" || r.Header.Get("Accept-Language") != "en" {
			t.Errorf("asked %s", r.URL)
		}
		say(200, "application/json", document)(w, r)
	})
	got, err := c.Program(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	want := registrar.ProgramDetails{
		UUID: uuid, Title: "Coastal Engineering", URL: "https://www.example.org/m", Type: "Masters", TypeSlug: "masters",
		Status: "active", Slug: "masters/harborx/coastal-engineering", Authors: []registrar.OrganizationKey{"HarborX", "NorthU"},
		ModifiedText: "2026-03-02T09:14:55.120000Z",
		Curricula: []registrar.Curriculum{{UUID: "9a", Name: "2026 intake", Active: true, Verified: true, Runs: []registrar.CourseRun{
			{
				Key: key(t, "course-v1:HarborX+CE501+3T2026"), ExternalKey: "MATH 205.F26", Title: "Waves", URL: "https://w", Start: start,
				End: time.Date(2026, 12, 18, 23, 59, 0, 500_000_000, time.UTC),
			},
			{Key: key(t, "course-v1:HarborX+CE501+Z"), Title: "Z", Start: start},
			{Key: key(t, "course-v1:HarborX+CE501+1T2027"), Title: "Wave Mechanics"},
			{Key: key(t, "HarborX/CE500/old"), Title: "First Steps", Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		}}},
	}
	if diff := cmp.Diff(want, got, sameKey()); diff != "" {
		t.Error(diff)
	}
}

func TestProgramAuthors(t *testing.T) {
	t.Parallel()
	var asked int
	c := start(t, 0, func(w http.ResponseWriter, r *http.Request) {
		asked++
		say(200, "application/json", document)(w, r)
	})
	for range 2 { // nothing is remembered in between
		details, authors, err := c.ProgramAuthors(t.Context(), uuid)
		want := []registrar.Organization{{Key: "HarborX", Name: "Harbor", DiscoveryUUID: "0e"}, {Key: "NorthU", Name: "North", DiscoveryUUID: "0f"}}
		if diff := cmp.Diff(want, authors); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		if details.Slug != "masters/harborx/coastal-engineering" || len(details.Curricula) != 1 {
			t.Errorf("details = %+v", details)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
	odd := fmt.Sprintf(`{"uuid":%q,"status":"active","authoring_organizations":[{"uuid":"0d","key":"","name":"Keyless"},{"uuid":"0e","key":"HarborX","name":null}]}`, uuid)
	_, authors, err := start(t, 0, say(200, "application/json", odd)).ProgramAuthors(t.Context(), uuid)
	if diff := cmp.Diff([]registrar.Organization{{Key: "HarborX", DiscoveryUUID: "0e"}}, authors); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	_, _, err = start(t, 0, say(404, "application/json", `{}`)).ProgramAuthors(t.Context(), uuid)
	wantFailure(t, err, registrar.NotFound, "program_not_in_discovery")
}

func TestOnlyTheFirstCurriculumIsVerified(t *testing.T) {
	t.Parallel()
	course := func(run string) string {
		return fmt.Sprintf(`{"title":"T","course_runs":[{"key":"course-v1:H+C+%s"}]}`, run)
	}
	curriculum := func(courses string) string { return `{"uuid":"c","is_active":true,"courses":[` + courses + `]}` }
	tests := map[string]struct {
		curricula string
		want      []bool
	}{
		"none":                    {``, []bool{}},
		"one":                     {curriculum(course("A")), []bool{true}},
		"two that differ":         {curriculum(course("A")) + "," + curriculum(course("B")), []bool{true, false}},
		"the defect":              {curriculum(course("A")) + "," + curriculum(course("A")), []bool{false, false}},
		"the defect in the third": {curriculum(course("A")) + "," + curriculum(course("B")) + "," + curriculum(course("A")), []bool{false, false, false}},
		"both empty":              {curriculum("") + "," + curriculum(""), []bool{true, false}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, 0, say(200, "application/json", fmt.Sprintf(`{"uuid":%q,"status":"active","type":null,"type_attrs":null,"curricula":[%s]}`, uuid, tc.curricula)))
			p, err := c.Program(t.Context(), uuid)
			if err != nil {
				t.Fatal(err)
			}
			got := []bool{}
			for _, curriculum := range p.Curricula {
				got = append(got, curriculum.Verified)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProgramFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		kind   registrar.Kind
		code   string
	}{
		"unknown":       {say(404, "application/json", `{"detail":"No Program matches the given query."}`), registrar.NotFound, "program_not_in_discovery"},
		"no such page":  {say(404, "text/html", `<h1>Not Found</h1>`), registrar.Upstream, "upstream_no_route"},
		"deleted":       {say(200, "application/json", fmt.Sprintf(`{"uuid":%q,"status":"deleted"}`, uuid)), registrar.NotFound, "program_deleted"},
		"another":       {say(200, "application/json", `{"uuid":"x","status":"active"}`), registrar.Upstream, "upstream_garbage"},
		"empty object":  {say(200, "application/json", `{}`), registrar.Upstream, "upstream_garbage"},
		"null":          {say(200, "application/json", `null`), registrar.Upstream, "upstream_garbage"},
		"html":          {say(200, "text/html", `<html>`), registrar.Upstream, "upstream_garbage"},
		"500":           {say(500, "text/html", `<html>`), registrar.Upstream, "upstream_error"},
		"throttled":     {say(429, "application/json", `{"detail":"Expected available in 3600 seconds."}`), registrar.Unavailable, "upstream_throttled"},
		"no permission": {say(403, "application/json", `{"detail":"no"}`), registrar.Upstream, "upstream_denied"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := start(t, 0, tc.answer).Program(t.Context(), uuid)
			wantFailure(t, err, tc.kind, tc.code)
		})
	}
	c := start(t, 0, func(http.ResponseWriter, *http.Request) { t.Error("asked for a malformed uuid") })
	for _, bad := range []registrar.ProgramUUID{"", "abc", "5B0F4A0E-6F0C-4A63-9A43-0D7C3F1B2A10"} {
		_, err := c.Program(t.Context(), bad)
		wantFailure(t, err, registrar.Invalid, "malformed_program_uuid")
	}
}

// inserted lists u1 to u3 by offset, and slips a row in after the first page.
func inserted(queries *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*queries = append(*queries, r.URL.RawQuery)
		item := func(uuid string) string {
			return fmt.Sprintf(`{"uuid":%q,"key":"Key%s","name":"Name","title":"T","status":"active","type_attrs":{"slug":"masters"},
				"curricula":[{"uuid":"c","is_active":true,"courses":[{"course_runs":[{"key":"course-v1:H+C+wrong"}]}]}]}`, uuid, uuid)
		}
		body := `{"count":3,"next":"http://internal/api/?limit=2&offset=2&status=active","results":[` + item("u1") + `,` + item("u2") + `]}`
		if r.URL.Query().Get("offset") == "2" {
			body = `{"count":4,"next":null,"results":[` + item("u2") + `,` + item("u3") + `]}`
		}
		say(200, "application/json", body)(w, r)
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	var queries []string
	got, err := start(t, 2, inserted(&queries)).Programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var uuids []string
	for _, p := range got {
		uuids = append(uuids, string(p.UUID))
		if p.Curricula != nil {
			t.Errorf("program %s has curricula from a list", p.UUID)
		}
	}
	if diff := cmp.Diff([]string{"u1", "u2", "u3"}, uuids); diff != "" {
		t.Error(diff)
	}
	types := "types=micromasters%2Cmasters%2Cprofessional-certificate%2Cmicrobachelors%2Cxseries"
	want := []string{"exclude_utm=1&limit=2&status=active&" + types, "exclude_utm=1&limit=2&offset=2&status=active&" + types}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Error(diff)
	}
	if none, err := start(t, 0, say(200, "application/json", `{"next":null,"results":[]}`)).Programs(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("no programs: %v, %v", none, err)
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	var queries []string
	got, err := start(t, 2, inserted(&queries)).Organizations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []registrar.Organization{
		{Key: "Keyu1", Name: "Name", DiscoveryUUID: "u1"}, {Key: "Keyu2", Name: "Name", DiscoveryUUID: "u2"}, {Key: "Keyu3", Name: "Name", DiscoveryUUID: "u3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = start(t, 0, say(200, "application/json", `{"count":0,"next":null,"results":[]}`)).Organizations(t.Context())
	wantFailure(t, err, registrar.Upstream, "discovery_sees_no_organizations")
	_, err = start(t, 0, say(500, "text/html", ``)).Organizations(t.Context())
	wantFailure(t, err, registrar.Upstream, "upstream_error")
}

func FuzzProgram(f *testing.F) {
	f.Add(document)
	f.Add(`{"uuid":"5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10","curricula":null}`)
	f.Add(`{"uuid":"5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10","curricula":[null,{"courses":[null]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		p, err := start(t, 0, say(200, "application/json", body)).Program(t.Context(), uuid)
		if err != nil {
			if k := registrar.KindOf(err); k != registrar.Upstream && k != registrar.NotFound {
				t.Errorf("error = %v", err)
			}
			return
		}
		for i, c := range p.Curricula {
			if c.Verified && i > 0 {
				t.Errorf("curriculum %d is verified", i)
			}
			for _, r := range c.Runs {
				if r.Key.IsZero() {
					t.Error("a run has no key")
				}
			}
		}
	})
}
