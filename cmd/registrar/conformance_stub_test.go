package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/internal/registrar"
)

// stub is an LMS, a Discovery and a token endpoint that answer what a case says
// and remember what they were asked. What nobody said anything about is 404.
type stub struct {
	base string

	mu       sync.Mutex
	programs map[registrar.ProgramKey]map[string]any // Discovery's documents; a missing one is 404
	rules    []stubRule                              // the latest that fits answers
	seen     []asked
	paths    map[string]registrar.ProgramKey // of Discovery's documents
}

// stubRule answers requests of one method, "" for any, whose escaped path ends
// in path.
type stubRule struct {
	method, path string
	answer       stubAnswer
}

// stubAnswer answers one request whose body has been read.
type stubAnswer func(w http.ResponseWriter, r *http.Request, body []byte)

// asked is one request that the stub got, token requests left out.
type asked struct {
	Method, Path, Query string // Path is escaped as it came
	Body                []byte
	Header              http.Header
}

// items are the rows of a write.
func (a asked) items(t *testing.T) []map[string]any {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal(a.Body, &rows); err != nil {
		t.Fatalf("%s %s: the body is no list of objects: %v", a.Method, a.Path, err)
	}
	return rows
}

// newStub starts a stub with the contract's programs in its Discovery.
func newStub(t *testing.T) *stub {
	t.Helper()
	s := &stub{programs: catalogPrograms(), paths: map[string]registrar.ProgramKey{}}
	for key, uuid := range programUUIDs() {
		s.paths["/api/v1/programs/"+string(uuid)] = key
	}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.base = server.URL
	return s
}

// on answers requests from now on, before any earlier rule.
func (s *stub) on(method, path string, answer stubAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, stubRule{method, path, answer})
}

// program changes what Discovery says of a program; nil takes it away.
func (s *stub) program(key registrar.ProgramKey, change func(doc map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if change == nil {
		delete(s.programs, key)
		return
	}
	change(s.programs[key])
}

// requests are those whose path has part in it, in the order in which they came.
func (s *stub) requests(part string) []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.seen), func(a asked) bool { return !strings.Contains(a.Path, part) })
}

// writes are the requests to the LMS that change something.
func (s *stub) writes() []asked {
	return slices.DeleteFunc(s.requests("/api/program_enrollments/"), func(a asked) bool { return a.Method == http.MethodGet })
}

func (s *stub) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := r.URL.EscapedPath()
	if !strings.Contains(path, "/oauth2/") {
		s.mu.Lock()
		s.seen = append(s.seen, asked{r.Method, path, r.URL.RawQuery, body, r.Header.Clone()})
		s.mu.Unlock()
	}
	s.answerTo(r.Method, path)(w, r, body)
}

func (s *stub) answerTo(method, path string) stubAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rule := range slices.Backward(s.rules) {
		if (rule.method == "" || rule.method == method) && strings.HasSuffix(path, rule.path) {
			return rule.answer
		}
	}
	if strings.HasPrefix(path, "/oauth2/access_token") {
		return replyJSON(http.StatusOK, map[string]any{"access_token": "service-token", "expires_in": 3600, "token_type": "JWT"})
	}
	if key, ok := s.paths[strings.TrimSuffix(path, "/")]; ok {
		if doc, ok := s.programs[key]; ok {
			return replyJSON(http.StatusOK, doc)
		}
	}
	return replyJSON(http.StatusNotFound, map[string]any{"detail": "Not found."})
}

// replyJSON answers with v as JSON, encoded now: a later change does not show.
func replyJSON(status int, v any) stubAnswer {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a mistake in a case
	}
	return replyText(status, "application/json", string(text))
}

func replyText(status int, mediaType, text string) stubAnswer {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text) // the gateway may have gone
	}
}

// replyRows answers with one page of rows, the last one.
func replyRows(rows ...map[string]any) stubAnswer {
	if rows == nil {
		rows = []map[string]any{}
	}
	return replyJSON(http.StatusOK, map[string]any{"next": nil, "results": rows})
}

// echo is "LMS echoes": each student key with the status that was sent.
func echo(w http.ResponseWriter, r *http.Request, body []byte) {
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil {
		replyText(http.StatusBadRequest, "application/json", `"no list"`)(w, r, body)
		return
	}
	codes := map[string]any{}
	for _, row := range rows {
		codes[fmt.Sprint(row["student_key"])] = row["status"]
	}
	replyJSON(http.StatusOK, codes)(w, r, body)
}

// hangUp drops the connection without a word.
func hangUp(w http.ResponseWriter, _ *http.Request, _ []byte) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err) // HTTP/1.1 can always be hijacked
	}
	_ = connection.SetDeadline(time.Now())
	_ = connection.Close() // that is the point
}

// catalogPrograms are Discovery's documents of the contract's world.
func catalogPrograms() map[registrar.ProgramKey]map[string]any {
	run := func(key, external string) map[string]any {
		doc := map[string]any{"key": key, "external_key": nil, "title": "T " + key, "marketing_url": "https://e/" + key}
		if external != "" {
			doc["external_key"] = external
		}
		return doc
	}
	course := func(runs ...map[string]any) map[string]any { return map[string]any{"course_runs": runs} }
	curricula := func(active ...map[string]any) []map[string]any {
		return []map[string]any{
			{"uuid": "66666666-4444-2222-1111-000000000000", "is_active": false, "courses": []map[string]any{course(run("old", ""))}},
			{"uuid": activeCurriculum, "is_active": true, "courses": []map[string]any{course(active...)}},
		}
	}
	docs := map[registrar.ProgramKey]map[string]any{}
	for key, uuid := range programUUIDs() {
		docs[key] = map[string]any{
			"uuid": uuid, "title": strings.ReplaceAll(string(key), "-", " "), "type": "Masters",
			"marketing_url": "http://registrar-test-data.edx.org/" + string(key) + "/", "curricula": []map[string]any{},
		}
	}
	docs["masters-in-cs"]["curricula"] = curricula(
		run("course-v1:STEMx+CS111+F19", "CompSci1_Fall"), run("course-v1:STEMx+CS222+JF19", "CompSci2_Fall"),
		run("course-v1:STEMx+CS333+F19", "CompSci3_Fall"), run("course-v1:STEMx+CS444+F19", "CompSci4_Fall"))
	docs["masters-in-english"]["curricula"] = curricula(
		run("HUMx+English-550+Spring", "ENG55-S19"), run("HUMx+Spanish-1000+Spring", "SPAN101-S19"),
		run("HUMx+Russian-440+Spring", "RUS44-S19"), run("HUMx+French-9910+Spring", ""))
	return docs
}

// activeCurriculum is the active one of the programs that have curricula.
const activeCurriculum = "77777777-4444-2222-1111-000000000000"

// belowProgram is the end of an LMS path below a program: "enrollments/", or
// "courses/KEY/grades/".
func belowProgram(key registrar.ProgramKey, rest string) string {
	return "/programs/" + string(programUUIDs()[key]) + "/" + rest
}
