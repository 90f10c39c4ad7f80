package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// v3Page is a page of programs, its links without the gateway's own address.
type v3Page struct {
	Count    int               `json:"count"`
	Next     *string           `json:"next"`
	Previous *string           `json:"previous"`
	Results  []json.RawMessage `json:"results"`
}

// v3 reads a page of programs as edx_admin.
func (w *world) v3(t *testing.T, query string) (p v3Page, members int) {
	t.Helper()
	reply := w.as("edx_admin").get("/api/v3/programs" + query)
	if err := json.Unmarshal(reply.body, &p); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", query, reply.StatusCode, reply.body)
	}
	return p, len(reply.object(t))
}

func v3Cases() []conformanceCase {
	return []conformanceCase{
		{"Z01", func(t *testing.T, w *world) {
			p, members := w.v3(t, "?page_size=1&page=2")
			base := w.url() + "/api/v3/programs"
			if p.Next == nil || *p.Next != base+"?page=3&page_size=1" || p.Previous == nil || *p.Previous != base+"?page_size=1" {
				t.Errorf("next %v, previous %v", p.Next, p.Previous)
			}
			if p.Count != 4 || len(p.Results) != 1 || members != 4 {
				t.Errorf("count %d, %d results, %d members; want 4, 1 and 4", p.Count, len(p.Results), members)
			}
		}},
		{"Z02", func(t *testing.T, w *world) {
			for _, query := range []string{"?page_size=100&page=1", ""} {
				p, _ := w.v3(t, query)
				if p.Count != 4 || len(p.Results) != 4 || p.Next != nil || p.Previous != nil {
					t.Errorf("%q: count %d, %d results, next %v, previous %v", query, p.Count, len(p.Results), p.Next, p.Previous)
				}
			}
		}},
		{"Z03", func(t *testing.T, w *world) {
			for _, query := range []string{"?page=foo&page_size=2", "?page_size=100&page=2"} {
				w.as("edx_admin").get("/api/v3/programs"+query).problem(t, http.StatusNotFound, "Invalid page.")
			}
		}},
		{"Z04", func(t *testing.T, w *world) {
			w.as("edx_admin").do(http.MethodDelete, "/api/v3/programs", nil).problem(t, http.StatusMethodNotAllowed, `Method "DELETE" not allowed.`)
		}},
		{"Z05", func(t *testing.T, w *world) {
			w.as("nobody").get("/api/v3/programs").is(t, http.StatusOK, `{"count":0,"next":null,"previous":null,"results":[]}`)
		}},
	}
}

// problem holds an answer to a status and a detail, which v3 gives among other
// members.
func (a answer) problem(t *testing.T, status int, detail string) {
	t.Helper()
	if got := a.object(t)["detail"]; a.StatusCode != status || got != detail {
		t.Errorf("%s %s: %d %v, want %d %q", a.Request.Method, a.Request.URL, a.StatusCode, got, status, detail)
	}
}

func flushCases() []conformanceCase {
	keys := []string{"masters-in-cs", "masters-in-english", "masters-in-me", "masters-in-philosophy"}
	// fetched tells which programs a listing asks Discovery for.
	fetched := func(t *testing.T, w *world) []string {
		t.Helper()
		before := len(w.requests("/api/v1/programs/"))
		w.as("edx_admin").get("programs").programs(t, keys...)
		got := []string{}
		for _, a := range w.requests("/api/v1/programs/")[before:] {
			for key, uuid := range programUUIDs() {
				if strings.Contains(a.Path, string(uuid)) {
					got = append(got, string(key))
				}
			}
		}
		return got
	}
	warm := func(t *testing.T, w *world) {
		t.Helper()
		if n := len(fetched(t, w)); n != 4 {
			t.Fatalf("a cold listing fetched %d programs, want four", n)
		}
		if again := fetched(t, w); len(again) != 0 {
			t.Fatalf("a warm listing fetched %v", again)
		}
	}
	flush := func(w *world, who, path string) answer {
		return w.as(who).do(http.MethodDelete, "/api/internal/cache/"+path, nil)
	}
	return []conformanceCase{
		{"I01", func(t *testing.T, w *world) {
			warm(t, w)
			for range 2 {
				flush(w, "staff", "").is(t, http.StatusNoContent, "")
			}
			if n := len(fetched(t, w)); n != 4 {
				t.Errorf("after the flush %d programs were fetched, want four", n)
			}
		}},
		{"I02", func(t *testing.T, w *world) {
			warm(t, w)
			flush(w, "staff", "masters-in-english/").is(t, http.StatusNoContent, "")
			if diff := gocmp.Diff([]string{"masters-in-english"}, fetched(t, w)); diff != "" {
				t.Errorf("fetched again (-want +got):\n%s", diff)
			}
		}},
		{"I03", func(t *testing.T, w *world) {
			warm(t, w)
			for _, path := range []string{"", "masters-in-english/", "program-10000-fake/"} {
				flush(w, "stem_admin", path).is(t, http.StatusNotFound, d404)
			}
			if again := fetched(t, w); len(again) != 0 {
				t.Errorf("somebody who is not staff made %v be fetched again", again)
			}
		}},
		{"I04", func(t *testing.T, w *world) {
			flush(w, "staff", "program-10000-fake/").is(t, http.StatusNotFound, `{"detail":"No Program matches the given query."}`)
		}},
	}
}
