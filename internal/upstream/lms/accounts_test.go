package lms_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
	"registrar/internal/upstream/lms"
)

// inMemory is a transport that calls a handler without sockets.
type inMemory http.HandlerFunc

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f(w, r)
	return w.Result(), nil
}

func TestAccount(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   registrar.LMSAccount
		kind   registrar.Kind
		code   string
	}{
		"found": {
			say(200, `[{"id":4217,"username":"Mira_k","email":"mira.k@example.edu","is_active":true,"country":null}]`),
			registrar.LMSAccount{ID: 4217, Username: "Mira_k", Email: "mira.k@example.edu", Active: true},
			"", "",
		},
		"unknown":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, registrar.LMSAccount{}, registrar.NotFound, "user_does_not_exist"},
		"nobody":        {say(200, `[]`), registrar.LMSAccount{}, registrar.NotFound, "user_does_not_exist"},
		"somebody else": {say(200, `[{"id":1,"username":"other"}]`), registrar.LMSAccount{}, registrar.NotFound, "user_does_not_exist"},
		"not staff":     {say(200, `[{"username":"mira_k","account_privacy":"private"}]`), registrar.LMSAccount{}, registrar.Upstream, "upstream_denied"},
		"object":        {say(200, `{"id":1}`), registrar.LMSAccount{}, registrar.Upstream, "upstream_garbage"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{accounts: tc.answer})
			got, err := c.Account(t.Context(), "mira_k")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if f.queries[0] != "username=mira_k" {
				t.Errorf("query = %s", f.queries[0])
			}
			if tc.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFailure(t, err, tc.kind, tc.code)
			if strings.Contains(err.Error(), "mira_k") {
				t.Errorf("the error names the learner: %v", err)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	body := `[{"course_id":"` + run + `","status":"downloadable","download_url":"/certificates/0d6a7f","grade":"0.81"},
		{"course_id":"NorthU/DE501/T1","status":"generating","download_url":null},
		{"course_id":"ccx-v1:NorthU+DE501+T1+ccx@1","status":"downloadable","download_url":null},
		{"course_id":"course-v1:N+D+2","status":"downloadable","download_url":"https://cdn.example.edu/c.pdf"},
		{"course_id":"course-v1:N+D+3","status":"downloadable","download_url":"javascript:alert(1)"}]`
	c, _ := start(t, lms.Config{PublicURL: "https://courses.example.edu"}, map[string]http.HandlerFunc{"/api/certificates/v0/certificates/mira_k/": say(200, body)})
	got, err := c.Certificates(t.Context(), "mira_k")
	if err != nil {
		t.Fatal(err)
	}
	want := []registrar.Certificate{
		{Course: key(t, run), Status: "downloadable", DownloadURL: "https://courses.example.edu/certificates/0d6a7f"},
		{Course: key(t, "NorthU/DE501/T1"), Status: "generating"},
		{Course: key(t, "course-v1:N+D+2"), Status: "downloadable", DownloadURL: "https://cdn.example.edu/c.pdf"},
		{Course: key(t, "course-v1:N+D+3"), Status: "downloadable"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b registrar.CourseKey) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	_, err = c.Certificates(t.Context(), "someone.else")
	wantFailure(t, err, registrar.Upstream, "upstream_no_route")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	const path = "/api/third_party_auth/v0/providers/saml-northu/users"
	var asked [][]string
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{path: func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query()["remote_id"])
		say(200, `{"next":null,"count":2,"results":[{"username":"mira_k","remote_id":"s-20417"},{"username":"x","remote_id":"not asked"}]}`)(w, r)
	}, "/api/third_party_auth/v0/providers/saml-elsewhere/users": say(404, `{"detail":"Not found."}`)})
	keys := []registrar.StudentKey{"S-20417", "s-20417 ", "has:colon", "", "a+b"}
	for i := range 60 {
		keys = append(keys, registrar.StudentKey(fmt.Sprintf("K-%d", i)))
	}
	got, err := c.Links(t.Context(), "northu", keys)
	if err != nil {
		t.Fatal(err)
	}
	// The fake answers every batch alike, so the link comes once for each.
	want := []registrar.Link{{StudentKey: "S-20417", Username: "mira_k"}, {StudentKey: "S-20417", Username: "mira_k"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(asked) != 2 || len(asked[0]) != 50 || len(asked[1]) != 12 || asked[0][0] != "S-20417" || asked[0][1] != "a+b" {
		t.Errorf("asked = %v", asked)
	}
	_, err = c.Links(t.Context(), "elsewhere", keys[:1])
	wantFailure(t, err, registrar.NotFound, "sso_provider_not_in_lms")
	if got, err := c.Links(t.Context(), "elsewhere", nil); err != nil || len(got) != 0 {
		t.Errorf("nothing to ask: %v, %v", got, err)
	}
}

func TestLongKeysMakeShortBatches(t *testing.T) {
	t.Parallel()
	longest := 0
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{"/api/third_party_auth/v0/providers/saml-northu/users": func(w http.ResponseWriter, r *http.Request) {
		longest = max(longest, len(r.URL.RawQuery))
		say(200, `{"results":[]}`)(w, r)
	}})
	var keys []registrar.StudentKey
	for i := range 50 {
		keys = append(keys, registrar.StudentKey(fmt.Sprintf("%d%s", i, strings.Repeat("é", 100))))
	}
	if _, err := c.Links(t.Context(), "northu", keys); err != nil {
		t.Fatal(err)
	}
	if longest == 0 || longest > 4100 {
		t.Errorf("longest query = %d bytes", longest)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	up, err := upstream.New(upstream.Config{BaseURL: "http://lms.test"}, fixedToken{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]lms.Config{
		"mode": {Completion: "sometimes"}, "size": {PageSize: -1}, "public": {PublicURL: "courses.example.edu"},
	} {
		if _, err := lms.New(up, cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzGradePage(f *testing.F) {
	f.Add(`{"next":null,"results":[{"student_key":"S-1","letter_grade":"B","percent":0.81,"passed":true}]}`)
	f.Add(`{"results":[{"student_key":"S-1","error":"x"}]}`)
	f.Add(`{"results":[{"student_key":"S-1","percent":"0.8","passed":1}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		up, err := upstream.New(upstream.Config{BaseURL: "http://lms.test", Transport: inMemory(say(200, body))}, fixedToken{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := lms.New(up, lms.Config{})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.CourseGrades(t.Context(), program, key(t, run))
		if err != nil && registrar.KindOf(err) != registrar.Upstream {
			t.Errorf("error = %v", err)
		}
		for _, r := range rows {
			if r.StudentKey == "" || r.Failed == (r.Grade.Percent != "") {
				t.Errorf("row = %+v", r)
			}
		}
	})
}
