package lms_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
	"registrar/internal/upstream/lms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	program = registrar.ProgramUUID("5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11")
	run     = "course-v1:NorthU+DE501+2025_T1"
	base    = "/api/program_enrollments/v1/programs/5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11/"
)

type fixedToken struct{}

func (fixedToken) Token(context.Context) (string, error) { return "t", nil }
func (fixedToken) Drop(string)                           {}

// fake is an LMS of fixed answers. Paths are compared byte by byte, slashes
// included; any other one is the HTML 404 of a route that is not there.
type fake struct {
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	hits    map[string]int
	queries []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	f.mu.Lock()
	f.hits[path]++
	f.queries = append(f.queries, r.URL.RawQuery)
	answer := f.answers[path]
	f.mu.Unlock()
	if answer == nil {
		answer = page(404)
	}
	answer(w, r)
}

func (f *fake) hit(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[path]
}

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// page is an HTML error page.
func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, "<html>canary")
	}
}

// inTurn gives one answer after the other, then the last for ever.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		answer(w, r)
	}
}

func start(t *testing.T, cfg lms.Config, answers map[string]http.HandlerFunc) (*lms.Client, *fake) {
	t.Helper()
	f := &fake{answers: answers, hits: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	up, err := upstream.New(upstream.Config{BaseURL: server.URL, Retries: -1}, fixedToken{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	c, err := lms.New(up, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

func key(t *testing.T, text string) registrar.CourseKey {
	t.Helper()
	k, err := registrar.ParseCourseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
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
