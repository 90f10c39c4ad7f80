package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

const programsPath = "/api/v1/programs/"

// curricula are the run keys of each curriculum in a program's JSON.
func curricula(program map[string]any) (uuids []string, runs [][]string) {
	for _, c := range items(program["curricula"]) {
		uuids = append(uuids, text(object(c)["uuid"]))
		var keys []string
		for _, course := range items(object(c)["courses"]) {
			for _, r := range items(object(course)["course_runs"]) {
				keys = append(keys, text(object(r)["key"]))
			}
		}
		runs = append(runs, keys)
	}
	return uuids, runs
}

func TestProgramDetail(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	for _, p := range s.sim.Programs() {
		got := s.get(programsPath + p.UUID + "/").status(200).object()
		slug, _ := got["marketing_slug"].(string)
		kind, _ := got["type_attrs"].(map[string]any)
		if got["status"] != "active" || got["title"] != p.Title || slug[strings.LastIndex(slug, "/")+1:] != p.Key || kind["slug"] != p.TypeSlug {
			t.Errorf("%s: %v %v %v %v", p.Key, got["status"], got["title"], slug, kind)
		}
		uuids, runs := curricula(got)
		if uuids[0] != p.CurriculumUUID || len(runs[0]) != len(p.CourseRuns) {
			t.Errorf("%s: curricula %v with %v", p.Key, uuids, runs)
		}
	}
	body := s.get(programsPath + simulator.MastersCSUUID + "/").body
	for _, member := range []string{`"external_key":"CS-501-FA26"`, `"external_key":"MATH 205.F26"`, `"external_key":""`, `"external_key":null`, `"key":"` + legacyRun + `"`} {
		if !strings.Contains(body, member) {
			t.Errorf("no %s in masters-cs", member)
		}
	}
}

// Discovery's defect: every curriculum after the first of a response repeats the
// first one's courses, in a detail and over a whole list.
func TestCurriculumDefect(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	uuids, runs := curricula(s.get(programsPath + simulator.MastersDSUUID + "/").object())
	if len(uuids) != 2 || uuids[0] == uuids[1] || !slices.Equal(runs[0], runs[1]) || len(runs[0]) != 5 {
		t.Errorf("detail: %v %v, want the second to repeat the first", uuids, runs)
	}
	var first []string
	for i, p := range s.get(programsPath).status(200).page().Results {
		_, runs := curricula(p)
		if i == 0 {
			first = runs[0]
		}
		if diff := cmp.Diff(first, runs[0]); diff != "" {
			t.Errorf("program %d of the list has courses of its own:\n%s", i, diff)
		}
	}
	_, nursing := curricula(s.get(programsPath + simulator.MastersNursingUUID + "/").object())
	if nursing[0][0] == first[0] {
		t.Error("the detail of a program repeats another response's courses")
	}
}

func TestProgramFilters(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Build: simulator.Build{DeletedProgram: true}})
	for name, tc := range map[string]struct {
		query string
		want  int
	}{
		"none":               {"", 5},
		"status":             {"status=active", 4},
		"statuses":           {"status=active&status=deleted", 5},
		"types":              {"types=masters&status=active", 3},
		"several types":      {"types=masters,micromasters&status=active", 4},
		"type by name":       {"type=micromasters", 1},
		"uuids":              {"uuids=" + simulator.MastersCSUUID + "," + simulator.MastersDSUUID, 2},
		"empty uuids":        {"uuids=", 5},
		"marketable":         {"marketable=true", 4},
		"unknown word":       {"marketable=perhaps", 5},
		"unknown parameter":  {"stattus=active", 5},
		"slug":               {"marketing_slug=masters/northu/masters-cs", 1},
		"long ago":           {"timestamp=2020-01-01T00:00:00Z", 5},
		"later":              {"timestamp=2030-01-01T00:00:00Z", 0},
		"integer flag is on": {"exclude_utm=1", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := s.get(programsPath + "?" + tc.query).status(200).page()
			if *page.Count != tc.want || len(page.Results) != tc.want {
				t.Errorf("count %d and %d rows, want %d", *page.Count, len(page.Results), tc.want)
			}
		})
	}
	for _, query := range []string{"uuids=abc", "uuids=" + simulator.MastersCSUUID + ",", "exclude_utm=true", "uuids_only=yes"} {
		s.get(programsPath + "?" + query).status(500).html()
	}
	comma := s.get(programsPath + "?status=active,retired").status(400).object()
	if diff := cmp.Diff(map[string]any{"status": []any{"Select a valid choice. active,retired is not one of the available choices."}}, comma); diff != "" {
		t.Error(diff)
	}
	if got := s.get(programsPath + "?timestamp=yesterday").status(400).object()["timestamp"]; got == nil {
		t.Error("bad timestamp: no message")
	}
	var bare []string
	s.get(programsPath + "?uuids_only=1&status=active").status(200).decode(&bare)
	if len(bare) != 4 {
		t.Errorf("uuids_only = %v", bare)
	}
	if got := s.get(programsPath + simulator.MastersCSUUID + "/?fields=uuid,title").object(); len(got) != 2 {
		t.Errorf("fields = %v", got)
	}
}

func TestDiscoveryPagination(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Programs: 30, Courses: 3, Learners: 2})
	for name, tc := range map[string]struct {
		query      string
		rows       int
		next, prev string // queries of the links
	}{
		"default":             {"", 20, "limit=20&offset=20", ""},
		"limit":               {"limit=10", 10, "limit=10&offset=10", ""},
		"no cap":              {"limit=100000", 34, "", ""},
		"zero limit":          {"limit=0", 20, "limit=20&offset=20", ""},
		"negative limit":      {"limit=-5", 20, "limit=20&offset=20", ""},
		"middle":              {"limit=10&offset=10", 10, "limit=10&offset=20", "limit=10"},
		"past the end":        {"offset=9999", 0, "", "limit=20&offset=9979"},
		"page":                {"page=1&page_size=100", 34, "", ""},
		"second page":         {"page=2", 14, "", ""},
		"page wins":           {"page=2&limit=100", 14, "", "limit=100"},
		"page_size alone":     {"page_size=100", 20, "limit=20&offset=20&page_size=100", ""},
		"first of two":        {"page=1", 20, "page=2", ""},
		"empty page is limit": {"page=&limit=5", 5, "limit=5&offset=5&page=", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := s.get(programsPath + "?" + tc.query).status(200).page()
			if len(page.Results) != tc.rows || *page.Count != 34 {
				t.Errorf("%d rows of %d, want %d of 34", len(page.Results), *page.Count, tc.rows)
			}
			if tc.next != "" && (page.Next == nil || *page.Next != s.url+programsPath+"?"+tc.next) {
				t.Errorf("next = %v, want ?%s", page.Next, tc.next)
			}
			if tc.next == "" && page.Next != nil {
				t.Errorf("next = %s", *page.Next)
			}
			if tc.prev != "" && (page.Previous == nil || *page.Previous != s.url+programsPath+"?"+tc.prev) {
				t.Errorf("previous = %v, want ?%s", page.Previous, tc.prev)
			}
		})
	}
	for _, page := range []string{"99", "abc", "0"} {
		if got := s.get(programsPath + "?page=" + page).status(404).object()["detail"]; got != "Invalid page." {
			t.Errorf("page=%s: %v", page, got)
		}
	}
}

func TestDiscoveryErrors(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	none := s.send("GET", programsPath, nil, "").status(401)
	if none.object()["detail"] != "Authentication credentials were not provided." || none.header.Get("WWW-Authenticate") != `JWT realm="api"` {
		t.Errorf("401 = %s", none.body)
	}
	expired := bearing("JWT", minted(t, s, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
	if got := s.send("GET", programsPath, expired, "").status(401).object()["detail"]; got != "Invalid token." {
		t.Errorf("expired = %v", got)
	}
	s.get(programsPath + "abc/").status(500).html()
	if got := s.get(programsPath + "00000000-0000-4000-8000-000000000000/").status(404).object()["detail"]; got == nil {
		t.Error("no detail")
	}
	s.write("POST", programsPath, "{}").status(405)
	s.get("/api/v1/organizations/00000000-0000-4000-8000-000000000000/").status(404)
	s.get("/api/v1/course_runs/course-v1:A+B+C/").status(404)
}

// Staff is what the last token said of the administrator.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	const path = "/api/v1/organizations/"
	rows := s.get(path).status(200).page().Results
	if len(rows) != 2 || row(t, rows, "key", "HarborX")["name"] != "Harbor University" {
		t.Errorf("organizations = %v", rows)
	}
	s.get(path + text(row(t, rows, "key", "NorthU")["uuid"]) + "/").status(200)
	if got := s.as("plain-worker", path).status(200).page(); *got.Count != 0 {
		t.Errorf("no staff sees %v, want an empty list", got.Results)
	}
	narrow := bearing("JWT", s.token("registrar-worker", url.Values{"scope": {"read"}}))
	if got := s.send("GET", path, narrow, "").status(200).page(); *got.Count != 2 {
		t.Errorf("without the claim the role is forgotten: %d", *got.Count)
	}
	fresh := start(t, simulator.Options{})
	narrow = bearing("JWT", fresh.token("registrar-worker", url.Values{"scope": {"read"}}))
	if got := fresh.send("GET", path, narrow, "").status(200).page(); *got.Count != 0 {
		t.Errorf("without the profile scope a new worker sees %d", *got.Count)
	}
}

func TestCourseRuns(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	const path = "/api/v1/course_runs/"
	keys := url.Values{"keys": {csRun + "," + mathRun}}.Encode()
	if got := s.get(path + "?" + keys).status(200).page(); *got.Count != 2 {
		t.Errorf("keys found %d", *got.Count)
	}
	if got := s.get(path + "?keys=" + csRun).status(200).page(); *got.Count != 0 {
		t.Errorf("raw pluses found %d", *got.Count)
	}
	rows := s.get(path + "?limit=100").status(200).page().Results
	last := ""
	for _, r := range rows {
		key := strings.ToLower(text(r["key"]))
		if key < last {
			t.Errorf("%s after %s", key, last)
		}
		last = key
	}
	if len(rows) != 21 {
		t.Errorf("%d runs, want 21: four programs of five, one in common, two old ones", len(rows))
	}
	one := s.get(path + csRun + "/").status(200).object()
	if holders, _ := one["programs"].([]any); len(holders) != 2 {
		t.Errorf("programs of the common run = %v", one["programs"])
	}
	site := func(query string) string {
		return text(s.get(path + csRun + "/" + query).object()["marketing_url"])
	}
	if !strings.Contains(site(""), "utm_source=registrar-worker") || strings.Contains(site("?exclude_utm=1"), "utm") {
		t.Errorf("marketing urls: %s and %s", site(""), site("?exclude_utm=1"))
	}
	spanish := bearing("JWT", s.jwt)
	spanish.Set("Accept-Language", "es-419")
	got := s.send("GET", programsPath+simulator.MastersCSUUID+"/", spanish, "").object()
	if got["type"] != "Maestría" {
		t.Errorf("type = %v in Spanish", got["type"])
	}
}

func TestDiscoveryThrottle(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{DiscoveryPerHour: 3, Now: clock.Now, TokenTTL: 9 * time.Hour})
	for range 3 {
		s.get(programsPath + "?page_size=1").status(200)
	}
	clock.advance(59 * time.Minute)
	a := s.get(programsPath).status(429)
	if a.header.Get("Retry-After") != "60" || a.object()["detail"] != "Request was throttled. Expected available in 60 seconds." {
		t.Errorf("429 = %s, Retry-After %q", a.body, a.header.Get("Retry-After"))
	}
	clock.advance(time.Minute)
	s.get(programsPath).status(200)

	free := start(t, simulator.Options{})
	plain := bearing("JWT", free.token("plain-worker", nil))
	codes := map[int]int{}
	for range 205 {
		free.get(programsPath + "?limit=1").status(200)
		codes[free.send(http.MethodGet, programsPath+"?limit=1", plain, "").code]++
	}
	if diff := cmp.Diff(map[int]int{200: 200, 429: 5}, codes); diff != "" {
		t.Errorf("without a limit of its own, staff is free and others have 200:\n%s", diff)
	}
}

func TestJSONKeepsItsNumbers(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 300})
	for _, r := range s.get(csPath + "/courses/" + mathRun + "/grades/?page_size=300").page().Results {
		n, ok := r["percent"].(json.Number)
		if !ok {
			continue // a failed grade
		}
		_, digits, dot := strings.Cut(n.String(), ".")
		if _, err := strconv.ParseFloat(n.String(), 64); err != nil || !dot || len(digits) > 2 {
			t.Errorf("percent = %s, want at most two decimals and always a point", n)
		}
	}
}
