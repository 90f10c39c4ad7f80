package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// A learner of two schools has seats in both; each school sees its own.
func TestPassthroughFiltersListings(t *testing.T) {
	t.Parallel()
	item := func(run, rest string) string { return `{"course_id":"` + run + `"` + rest + `}` }
	north := item(csRun, `,"big":9007199254740993,"grade":0.8300`)
	legacy := item(legacyRun, "")
	harbor := item(nurseRun, `,"canary":1`)
	next := "http://lms.internal/api/enrollment/v1/enrollments/?cursor=cD0x%2B&username=bo&page_size=2&email=canary"
	const ours = "http://gateway.example.org/lms/api/enrollment/v1/enrollments/?"
	for name, tc := range map[string]struct {
		caller, said, want string
	}{
		"one's own":         {"north", `{"next":null,"previous":null,"results":[` + north + `,` + harbor + `,` + legacy + `]}`, `{"next":null,"previous":null,"results":[` + north + `,` + legacy + `]}`},
		"the other's":       {"harbor", `{"next":null,"previous":null,"results":[` + north + `,` + harbor + `]}`, `{"next":null,"previous":null,"results":[` + harbor + `]}`},
		"everything":        {"root", `{"next":null,"previous":null,"results":[` + north + `,` + harbor + `]}`, `{"next":null,"previous":null,"results":[` + north + `,` + harbor + `]}`},
		"counts are gone":   {"north", `{"count":2,"num_pages":1,"canary":[1],"next":null,"previous":null,"results":[` + harbor + `]}`, `{"next":null,"previous":null,"results":[]}`},
		"links become ours": {"north", `{"next":"` + next + `","previous":"http://lms.internal/?page_size=5","results":[]}`, `{"next":"` + ours + `cursor=cD0x%2B&page_size=2&username=bo","previous":"` + ours + `page_size=5","results":[]}`},
		"links of nonsense": {"north", `{"next":"http://a b/%zz","previous":"?cursor=%zz","results":[]}`, `{"next":null,"previous":null,"results":[]}`},
		"a bare list":       {"north", `[` + harbor + `,` + north + `]`, `[` + north + `]`},
		"an empty list":     {"north", `[]`, `[]`},
		"odd items":         {"north", `[1,null,"` + csRun + `",{},{"course_id":null},{"course_id":["` + csRun + `"]},{"course_id":"` + csRun + `x"},{"course_id":""}]`, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, tc.said)
			})
			p := startPassing(t, u, testRules(), nil)
			got := p.ask(t, "GET", enrollments+"?username=bo&page_size=2", as(t, tc.caller))
			if diff := cmp.Diff(tc.want, got.body); got.status != 200 || diff != "" {
				t.Errorf("%d (-want +got):\n%s", got.status, diff)
			}
			if got.header.Get("ETag") == "" || got.header.Get("Cache-Status") != "" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
}

// What cannot be filtered is not shown.
func TestPassthroughShowsNothingUnfiltered(t *testing.T) {
	t.Parallel()
	for _, said := range []string{``, `null`, `{}`, `{"results":null}`, `{"results":{}}`, `[`, `<html>canary`, `"canary"`, `{"results":[{"canary":1}`, `{"next":1,"results":[]}`} {
		u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, said) })
		p := startPassing(t, u, testRules(), nil)
		got := p.ask(t, "GET", enrollments+"?username=bo", as(t, "north"))
		if got.status != 502 || !strings.Contains(got.body, "upstream_garbage") || strings.Contains(got.body, "canary") {
			t.Errorf("%q: %d %s", said, got.status, got.body)
		}
	}
}

// A kept listing is filtered for each caller anew.
func TestPassthroughFiltersKeptListings(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[{"in":{"course":"`+csRun+`"}},{"in":{"course":"`+nurseRun+`"}}]`)
	})
	rule := gateway.Rule{
		Name: "kept", Upstream: gateway.LMS, Path: "/kept/{username}", Permission: registrar.ReadEnrollments, Filter: "in.course", Cache: 1e12,
	}
	p := startPassing(t, u, []gateway.Rule{rule}, nil)
	tags := map[string]bool{}
	for caller, want := range map[string]string{
		"north":  `[{"in":{"course":"` + csRun + `"}}]`,
		"harbor": `[{"in":{"course":"` + nurseRun + `"}}]`,
	} {
		got := p.ask(t, "GET", "/lms/kept/bo", as(t, caller))
		if got.status != 200 || got.body != want {
			t.Errorf("%s: %d %s, want %s", caller, got.status, got.body, want)
		}
		tags[got.header.Get("ETag")] = true
	}
	if len(u.requests()) != 1 || len(tags) != 2 {
		t.Errorf("asked %d times, %d tags; want once and two", len(u.requests()), len(tags))
	}
}
