package upstream_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

type row struct {
	ID int `json:"id"`
}

func rowsOf(tb testing.TB, c *upstream.Client, size int) ([]int, error) {
	tb.Helper()
	l := upstream.Listing{Request: read("/rows/"), SizeParam: "page_size", Size: size, Floor: 1}
	return upstream.Collect(upstream.Rows(tb.Context(), c, l, upstream.OpenPage[row]), func(r row) (int, bool) { return r.ID, true })
}

// rowServer pages over n rows with next links that believe in another host. It
// answers 500 to pages above limit.
func rowServer(n, limit int, queries *[]string) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*queries = append(*queries, r.URL.RawQuery)
		mu.Unlock()
		size, err := strconv.Atoi(r.URL.Query().Get("page_size"))
		if err != nil || size > limit {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		from := 0
		if cursor := r.URL.Query().Get("cursor"); cursor != "" {
			if from, err = strconv.Atoi(strings.TrimPrefix(cursor, "p=")); err != nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
		}
		page := struct {
			Next    *string `json:"next"`
			Results []row   `json:"results"`
		}{Results: []row{}}
		for i := from; i < min(n, from+size); i++ {
			page.Results = append(page.Results, row{i})
		}
		if from+size < n {
			next := fmt.Sprintf("ftp://elsewhere.internal/other/?cursor=p%%3D%d&page_size=%d", from+size, size)
			page.Next = &next
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}
}

func TestListingFollowsTheQueryOfNextAlone(t *testing.T) {
	t.Parallel()
	var queries []string
	c := client(t, upstream.Config{BaseURL: serve(t, rowServer(7, 100, &queries))}, nil)
	got, err := rowsOf(t, c, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"page_size=3", "cursor=p%3D3&page_size=3", "cursor=p%3D6&page_size=3"}, queries); diff != "" {
		t.Error(diff)
	}
}

func TestListingShrinksOverHTTP(t *testing.T) {
	t.Parallel()
	var queries []string
	c := client(t, upstream.Config{BaseURL: serve(t, rowServer(5, 2, &queries))}, nil)
	got, err := rowsOf(t, c, 8)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, got); diff != "" {
		t.Error(diff)
	}
	if len(queries) != 5 || queries[1] != "page_size=4" || queries[4] != "cursor=p%3D4&page_size=2" {
		t.Errorf("queries = %v", queries)
	}
}

func TestOddPages(t *testing.T) {
	t.Parallel()
	page := func(body string) func(*http.Request) *http.Response {
		return func(*http.Request) *http.Response { return reply(200, "application/json", body) }
	}
	next := func(link string) func(*http.Request) *http.Response {
		return page(fmt.Sprintf(`{"next":%q,"results":[]}`, link))
	}
	tests := map[string]struct {
		answer func(*http.Request) *http.Response
		code   string
	}{
		"204":              {func(*http.Request) *http.Response { return reply(204, "", "") }, ""},
		"no rows":          {page(`{"next":null,"results":[]}`), ""},
		"next is empty":    {page(`{"next":"","results":[]}`), ""},
		"list":             {page(`[]`), "upstream_garbage"},
		"null":             {page(`null`), "upstream_garbage"},
		"results null":     {page(`{"next":null,"results":null}`), "upstream_garbage"},
		"no results":       {page(`{"detail":"hm"}`), "upstream_garbage"},
		"next is a number": {page(`{"next":2,"results":[]}`), "upstream_garbage"},
		"next is broken":   {next("http://[::1"), "upstream_garbage"},
		"next leads home":  {next("http://lms.test/rows/?page_size=9"), "upstream_garbage"},
		"next is itself":   {next("http://lms.test/rows/?cursor=a"), "upstream_endless_listing"},
		"cursor lost": {func(r *http.Request) *http.Response {
			if r.URL.Query().Has("cursor") {
				return reply(404, "application/json", `{"detail":"Invalid cursor"}`)
			}
			return reply(200, "application/json", `{"next":"?cursor=a","results":[]}`)
		}, "upstream_cursor_lost"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := faked(t, upstream.Config{}, func(r *http.Request) (*http.Response, error) { return tc.answer(r), nil })
			rows, err := rowsOf(t, c, 10)
			if tc.code == "" {
				if err != nil || rows == nil || len(rows) != 0 {
					t.Errorf("rows = %v, %v", rows, err)
				}
				return
			}
			wantFailure(t, err, registrar.Upstream, tc.code)
		})
	}
}

func TestTooLargePageShrinks(t *testing.T) {
	t.Parallel()
	c := faked(t, upstream.Config{MaxBody: 60}, func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("page_size") != "1" {
			return reply(200, "application/json", `{"next":null,"results":[`+strings.Repeat(`{"id":1},`, 20)+`{"id":1}]}`), nil
		}
		return reply(200, "application/json", `{"next":null,"results":[{"id":1}]}`), nil
	})
	if rows, err := rowsOf(t, c, 4); err != nil || len(rows) != 1 {
		t.Errorf("rows = %v, %v", rows, err)
	}
}

func FuzzOpenPage(f *testing.F) {
	f.Add(`{"next":null,"results":[{"id":1}]}`)
	f.Add(`{"next":"https://lms.test/rows/?cursor=a","results":[{"id":1}]}`)
	f.Add(`{"next":"?cursor=%zz;","results":[]}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
			return reply(200, "application/json", body), nil
		})
		rows, err := rowsOf(t, c, 10)
		if err != nil {
			if registrar.KindOf(err) != registrar.Upstream || rows != nil {
				t.Errorf("rows = %v, error = %v", rows, err)
			}
			return
		}
		// What was accepted must be what the standard decoder says was sent.
		var want struct{ Results []row }
		if json.Unmarshal([]byte(body), &want) != nil || len(want.Results) != len(rows) {
			t.Errorf("%d rows of %q", len(rows), body)
		}
	})
}
