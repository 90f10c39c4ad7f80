package routes_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"registrar/internal/registrar"
)

// composed lists one address of each kind of composed read.
func composed() []string {
	const p = "/api/v3/programs"
	return []string{
		p, p + "/masters-cs", p + "/masters-cs/learners", p + "/masters-cs/learners/s-1001", "/api/v3/learners/s-1001/programs",
		p + "/masters-cs/grades", p + "/masters-cs/grades?format=csv", p + "/masters-cs/grades?format=ndjson",
		p + "/masters-cs/courses/MITx/6.002/2026/enrollments",
	}
}

func TestComposedReadsAreConditional(t *testing.T) {
	t.Parallel()
	strong := regexp.MustCompile(`^"[0-9a-f]{32}"$`)
	for _, target := range composed() {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			cl := newClient(t, newWorld(t))
			tag := cl.get(t, target).header.Get("Etag")
			if !strong.MatchString(tag) {
				t.Fatalf("ETag %q is not a strong one", tag)
			}
			for header, want := range map[string]int{
				tag: 304, "W/" + tag: 304, "*": 304, `"x", ` + tag: 304, `"x",W/` + tag + `,"y"`: 304,
				`"x"`: 200, "": 200, strings.Trim(tag, `"`): 200,
			} {
				got := cl.get(t, target, "If-None-Match", header)
				if got.status != want {
					t.Errorf("If-None-Match %s: status %d, want %d", header, got.status, want)
				}
				if want == 304 && (got.body != "" || got.header.Get("Etag") != tag || got.header.Get("Cache-Status") == "") {
					t.Errorf("304 with body %q and headers %v", got.body, got.header)
				}
			}
		})
	}
}

// The tag follows the content and nothing else.
func TestWhatTheTagDependsOn(t *testing.T) {
	t.Parallel()
	const target = "/api/v3/programs/masters-cs/learners"
	change := func(edit func(*registrar.Source)) func(*world) {
		return func(w *world) {
			known := w.learners.learners
			w.learners.learners = func(ctx context.Context, p registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
				report, err := known(ctx, p)
				edit(&report.Sources[0])
				return report, err
			}
		}
	}
	cases := map[string]struct {
		change func(*world)
		target string
		same   bool
	}{
		"the same again": {func(*world) {}, target, true},
		"the clock":      {func(w *world) { w.config.Now = func() time.Time { return now().Add(time.Hour) } }, target, true},
		"when it was fetched": {change(func(s *registrar.Source) {
			s.FetchedAt, s.Took, s.Hit, s.ExpiresIn = now().Add(-time.Hour), 0, true, time.Minute
		}), target, true},
		"what it said": {change(func(s *registrar.Source) { s.Digest = "other" }), target, false},
		"how well":     {change(func(s *registrar.Source) { s.State = registrar.SourceStale }), target, false},
		"another page": {func(*world) {}, target + "?page_size=1", false},
		"a filter":     {func(*world) {}, target + "?status=enrolled", false},
	}
	before := newClient(t, newWorld(t)).get(t, target).header.Get("Etag")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.change(w)
			after := newClient(t, w).get(t, tc.target).header.Get("Etag")
			if (after == before) != tc.same {
				t.Errorf("tag %s after %s, want the same: %t", after, before, tc.same)
			}
		})
	}
}

func TestTagsTellCallersFormatsAndHostsApart(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	seen := make(map[string]string)
	for name, got := range map[string]response{
		"clerk":           cl.get(t, "/api/v3/programs/masters-cs", "Authorization", "JWT clerk"),
		"registrar":       cl.get(t, "/api/v3/programs/masters-cs"),
		"clerk's list":    cl.get(t, "/api/v3/programs?org=MITx", "Authorization", "JWT clerk"),
		"registrar's":     cl.get(t, "/api/v3/programs?org=MITx"),
		"JSON":            cl.get(t, "/api/v3/programs/masters-cs/grades"),
		"CSV by Accept":   cl.get(t, "/api/v3/programs/masters-cs/grades", "Accept", "text/csv"),
		"CSV by format":   cl.get(t, "/api/v3/programs/masters-cs/grades?format=csv"),
		"another table":   cl.get(t, "/api/v3/programs/masters-cs/completion"),
		"another learner": cl.get(t, "/api/v3/learners/s-2/programs"),
	} {
		tag := got.header.Get("Etag")
		if other, ok := seen[tag]; ok || tag == "" {
			t.Errorf("%s and %s share the tag %q", name, other, tag)
		}
		seen[tag] = name
	}
}

// A tag must never outlive a change; without a digest nobody would notice one.
func TestNoTagWithoutADigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.learners.learners = func(context.Context, registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
		source := fetched(registrar.FromProgramEnrollments, registrar.CourseKey{})
		source.Digest = ""
		return reportOf([]registrar.ProgramEnrollment(nil), source), nil
	}
	got := newClient(t, w).get(t, "/api/v3/programs/masters-cs/learners", "If-None-Match", "*")
	if tag, has := got.header["Etag"]; has || got.status != 200 {
		t.Errorf("status %d, tag %v", got.status, tag)
	}
}

func TestCacheStatus(t *testing.T) {
	t.Parallel()
	var none registrar.CourseKey
	source := func(edit func(*registrar.Source)) registrar.Source {
		s := fetched(registrar.FromProgramEnrollments, none)
		edit(&s)
		return s
	}
	hit := source(func(s *registrar.Source) { s.Hit, s.ExpiresIn = true, 90*time.Second })
	cases := map[string]struct {
		sources   []registrar.Source
		want, age string
	}{
		"a miss":            {[]registrar.Source{fetched(registrar.FromGrades, none)}, "registrar; fwd=miss; stored", "1"},
		"a hit":             {[]registrar.Source{hit}, "registrar; hit; ttl=90", "1"},
		"the first to end":  {[]registrar.Source{hit, discovered("x")}, "registrar; hit; ttl=90", "412"},
		"a hit and a miss":  {[]registrar.Source{hit, fetched(registrar.FromGrades, none)}, "registrar; fwd=miss; stored", "1"},
		"a failure":         {[]registrar.Source{hit, failed(registrar.FromGrades, none)}, "registrar; fwd=miss", "1"},
		"nothing was asked": {nil, "registrar; hit", "0"},
		"something stale": {[]registrar.Source{source(func(s *registrar.Source) {
			s.Hit, s.State, s.ExpiresIn = true, registrar.SourceStale, -7*time.Second
		})}, "registrar; hit; ttl=-7; detail=stale", "1"},
		"stale in place of a failure": {[]registrar.Source{hit, source(func(s *registrar.Source) {
			s.State, s.ExpiresIn = registrar.SourceStale, -7*time.Second
		})}, "registrar; fwd=stale; ttl=-7; detail=stale", "1"},
		"stale beside a miss": {[]registrar.Source{fetched(registrar.FromGrades, none), source(func(s *registrar.Source) {
			s.Hit, s.State, s.ExpiresIn = true, registrar.SourceStale, -7*time.Second
		})}, "registrar; fwd=miss; stored; detail=stale", "1"},
		"a clock that is behind": {[]registrar.Source{source(func(s *registrar.Source) {
			s.Hit, s.FetchedAt = true, now().Add(time.Minute)
		})}, "registrar; hit; ttl=300", "0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.learners.learners = func(context.Context, registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
				return reportOf([]registrar.ProgramEnrollment(nil), tc.sources...), nil
			}
			got := newClient(t, w).get(t, "/api/v3/programs/masters-cs/learners").header
			if got.Get("Cache-Status") != tc.want || got.Get("Age") != tc.age {
				t.Errorf("Cache-Status %q, Age %s; want %q, %s", got.Get("Cache-Status"), got.Get("Age"), tc.want, tc.age)
			}
		})
	}
}

// However many course runs there are, the header stays short.
func TestServerTimingIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.learners.learners = func(context.Context, registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
		var sources []registrar.Source
		for i := range 500 {
			s := fetched(registrar.FromGrades, registrar.CourseKey{})
			s.Took = time.Duration(i) * time.Millisecond
			sources = append(sources, s, discovered("x"))
		}
		return reportOf([]registrar.ProgramEnrollment(nil), sources...), nil
	}
	got := newClient(t, w).get(t, "/api/v3/programs/masters-cs/learners").header.Get("Server-Timing")
	if want := "lms.grades;dur=499.0, discovery.program;dur=0.0"; got != want {
		t.Errorf("Server-Timing %q, want %q", got, want)
	}
}

func TestStrictCallersTakeWholeAnswersOnly(t *testing.T) {
	t.Parallel()
	const whole, holed = "/api/v3/programs/masters-cs/learners", "/api/v3/programs/masters-cs/grades"
	cases := map[string]struct {
		target, prefer string
		status         int
		applied        string
	}{
		"whole":                     {whole, "handling=strict", 200, "handling=strict"},
		"holed":                     {holed, "handling=strict", 502, "handling=strict"},
		"holed, quoted":             {holed, `handling="strict"`, 502, "handling=strict"},
		"holed, among others":       {holed, "respond-async, Handling=Strict; x=1", 502, "handling=strict"},
		"holed, the first counts":   {holed, "handling=lenient, handling=strict", 200, ""},
		"holed, lenient":            {holed, "handling=lenient", 200, ""},
		"holed, no wish":            {holed, "", 200, ""},
		"holed, as CSV":             {holed + "?format=csv", "handling=strict", 502, "handling=strict"},
		"holed, and known already":  {holed, "handling=strict", 502, "handling=strict"},
		"holed, but not that table": {"/api/v3/programs/masters-cs/courses/MITx/6.002/2026/grades", "handling=strict", 200, "handling=strict"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, newWorld(t)).get(t, tc.target, "Prefer", tc.prefer)
			if got.status != tc.status || got.header.Get("Preference-Applied") != tc.applied {
				t.Errorf("%d, applied %q; want %d, %q", got.status, got.header.Get("Preference-Applied"), tc.status, tc.applied)
			}
			if tc.status == 502 && !strings.Contains(got.body, `"code":"incomplete"`) {
				t.Errorf("body %s does not say why", got.body)
			}
		})
	}
}

func TestNoCacheAsksTheSource(t *testing.T) {
	t.Parallel()
	w, refetch := newWorld(t), false
	known := w.learners.learners
	w.learners.learners = func(ctx context.Context, p registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
		refetch = registrar.Refetch(ctx)
		return known(ctx, p)
	}
	cl := newClient(t, w)
	for header, want := range map[string]bool{
		"": false, "no-cache": true, "max-age=0, No-Cache": true, "no-cachet": false, "no-store": false,
	} {
		cl.get(t, "/api/v3/programs/masters-cs/learners", "Cache-Control", header)
		if refetch != want {
			t.Errorf("Cache-Control %q: refetch %t, want %t", header, refetch, want)
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	const table, list = "/api/v3/programs/masters-cs/grades", "/api/v3/programs/masters-cs/learners"
	cases := map[string]struct {
		target, accept string
		status         int
		media          string
	}{
		"none":                  {table, "", 200, "application/json"},
		"anything":              {table, "*/*", 200, "application/json"},
		"a browser":             {table, "text/html,application/xhtml+xml,*/*;q=0.8", 200, "application/json"},
		"CSV":                   {table, "text/csv", 200, "text/csv; charset=utf-8"},
		"CSV rather than JSON":  {table, "application/json;q=0.5, text/csv", 200, "text/csv; charset=utf-8"},
		"NDJSON":                {table, "application/x-ndjson", 200, "application/x-ndjson"},
		"format before Accept":  {table + "?format=ndjson", "text/csv", 200, "application/x-ndjson"},
		"what a table has not":  {table, "application/xml", 406, "application/problem+json"},
		"an unknown format":     {table + "?format=xlsx", "", 400, "application/problem+json"},
		"what a list has not":   {list, "text/csv", 406, "application/problem+json"},
		"a list, among others":  {list, "text/csv, application/json;q=0.1", 200, "application/json"},
		"the list of programs":  {"/api/v3/programs", "text/csv", 406, "application/problem+json"},
		"what a record has not": {list + "/s-1001", "text/csv", 406, "application/problem+json"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cl.get(t, tc.target, "Accept", tc.accept)
			if got.status != tc.status || got.header.Get("Content-Type") != tc.media {
				t.Errorf("%d %s, want %d %s", got.status, got.header.Get("Content-Type"), tc.status, tc.media)
			}
		})
	}
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	t.Parallel()
	address := serve(t, newWorld(t))
	for _, target := range composed() {
		get := fetch(t, address, target)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, address+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "JWT registrar")
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		for _, name := range []string{"Etag", "Content-Type", "X-Registrar-Complete", "Cache-Status"} {
			if reply.Header.Get(name) != get.header.Get(name) {
				t.Errorf("HEAD %s: %s %q, want %q", target, name, reply.Header.Get(name), get.header.Get(name))
			}
		}
	}
}
