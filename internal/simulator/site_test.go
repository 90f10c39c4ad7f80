package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/internal/simulator"
)

// site is a running simulator and a client of it.
type site struct {
	t   *testing.T
	sim *simulator.Simulator
	url string
	jwt string // of registrar-worker
}

func start(t *testing.T, o simulator.Options) site {
	t.Helper()
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	s := site{t: t, sim: sim, url: srv.URL}
	s.jwt = s.token("registrar-worker", nil)
	return s
}

// token asks the token endpoint for a JWT of a client.
func (s site) token(client string, extra url.Values) string {
	s.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "token_type": {"jwt"}, "client_id": {client}, "client_secret": {"fake-" + client + "-secret"}}
	for k, v := range extra {
		form[k] = v
	}
	a := s.post("/oauth2/access_token", form)
	a.status(http.StatusOK)
	return text(a.object()["access_token"])
}

// answer is a response, read to its end.
type answer struct {
	t      *testing.T
	code   int
	header http.Header
	body   string
	err    error // of reading, for answers that are cut
}

// send makes a request as it is; redirects are not followed.
func (s site) send(method, path string, header http.Header, body string) answer {
	s.t.Helper()
	a, err := s.try(method, path, header, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s site) try(method, path string, header http.Header, body string) (answer, error) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	return answer{s.t, resp.StatusCode, resp.Header, string(read), err}, nil
}

func bearing(prefix, token string) http.Header {
	return http.Header{"Authorization": {prefix + " " + token}, "Content-Type": {"application/json"}}
}

// get asks as the staff worker.
func (s site) get(path string) answer {
	s.t.Helper()
	return s.send(http.MethodGet, path, bearing("JWT", s.jwt), "")
}

// as asks as another client.
func (s site) as(client, path string) answer {
	s.t.Helper()
	return s.send(http.MethodGet, path, bearing("JWT", s.token(client, nil)), "")
}

// write sends JSON as the staff worker.
func (s site) write(method, path, body string) answer {
	s.t.Helper()
	return s.send(method, path, bearing("JWT", s.jwt), body)
}

func (s site) post(path string, form url.Values) answer {
	s.t.Helper()
	return s.send(http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

func (s site) control(method, path, body string) answer {
	s.t.Helper()
	return s.send(method, "/_simulator/"+path, nil, body)
}

func (a answer) status(want int) answer {
	a.t.Helper()
	if a.code != want {
		a.t.Fatalf("status = %d, want %d; body %.300s", a.code, want, a.body)
	}
	return a
}

func (a answer) html() answer {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		a.t.Errorf("content type = %q, want HTML", got)
	}
	return a
}

func (a answer) decode(into any) {
	a.t.Helper()
	dec := json.NewDecoder(bytes.NewReader([]byte(a.body)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		a.t.Fatalf("body %.200q: %v", a.body, err)
	}
}

func (a answer) object() map[string]any {
	a.t.Helper()
	var m map[string]any
	a.decode(&m)
	return m
}

// list reads a bare list of objects.
func (a answer) list() []map[string]any {
	a.t.Helper()
	var l []map[string]any
	a.decode(&l)
	return l
}

type envelope struct {
	Count    *int             `json:"count"`
	Next     *string          `json:"next"`
	Previous *string          `json:"previous"`
	Results  []map[string]any `json:"results"`
}

func (a answer) page() envelope {
	a.t.Helper()
	var p envelope
	a.decode(&p)
	return p
}

// row finds the one row whose member has a value.
func row(t *testing.T, rows []map[string]any, member, value string) map[string]any {
	t.Helper()
	for _, r := range rows {
		if r[member] == value {
			return r
		}
	}
	t.Fatalf("no row with %s %q among %d", member, value, len(rows))
	return nil
}

// text, items and object read a value of its kind; anything else is the zero value.
func text(v any) string {
	s, _ := v.(string)
	return s
}

func items(v any) []any {
	l, _ := v.([]any)
	return l
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// clock is a site's clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const (
	csPath   = "/api/program_enrollments/v1/programs/" + simulator.MastersCSUUID
	dsPath   = "/api/program_enrollments/v1/programs/" + simulator.MastersDSUUID
	nuPath   = "/api/program_enrollments/v1/programs/" + simulator.MastersNursingUUID
	statPath = "/api/program_enrollments/v1/programs/" + simulator.MicroMastersStatsUUID

	csRun     = "course-v1:NorthU+CS501+3T2026"
	mathRun   = "course-v1:NorthU+MATH205+3T2026"
	legacyRun = "NorthU/CS101/2019_T1"
	ana       = "ana_s0001"
)
