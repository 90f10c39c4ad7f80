package tracking_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"registrar/internal/registrar"
	"registrar/internal/tracking"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a round tripper in place of the network.
type service func(*http.Request) (*http.Response, error)

func (s service) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func answer(status int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("{}"))}
}

func newTracker(tb testing.TB, cfg tracking.Config, deps tracking.Deps) *tracking.Tracker {
	tb.Helper()
	if cfg.URL == "" {
		cfg.URL, cfg.WriteKey = "https://events.example.org", "key"
	}
	tr, err := tracking.New(cfg, deps)
	if err != nil {
		tb.Fatal(err)
	}
	return tr
}

func event() tracking.Event {
	return tracking.Event{
		Name: "registrar.v1.list_programs", User: "canary-user", Organizations: []string{"STEM Institute"},
		Properties: map[string]any{"organization_filter": "stem"}, Status: 200, Route: "/api/v1/programs",
		URL:      "https://registrar.example.org/api/v1/programs/?org=stem&program_title=phil+x&student_key=S-1&canary",
		Referrer: "https://console.example.org/list?who=canary#canary", UserAgent: "curl/8", RequestID: "5f3a",
		At: time.Date(2026, 3, 2, 8, 21, 56, 7, time.UTC),
	}
}

type body struct {
	Batch []map[string]any `json:"batch"`
}

func TestAnEventArrives(t *testing.T) {
	t.Parallel()
	got := make(chan body, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		key, password, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.Path != "/base/v1/batch" || key != "the key" || password != "" {
			t.Errorf("%s %s as %q", r.Method, r.URL, key)
		}
		var b body
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			t.Error(err)
		}
		got <- b
	}))
	defer server.Close()
	tr := newTracker(t, tracking.Config{URL: server.URL + "/base/", WriteKey: "the key"}, tracking.Deps{})
	tr.Track(t.Context(), event())
	tr.Track(t.Context(), tracking.Event{User: "nobody", Status: 200}) // no name, no event
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b := <-got
	if len(b.Batch) != 1 {
		t.Fatalf("%d messages, want 1", len(b.Batch))
	}
	m := b.Batch[0]
	if id, ok := m["messageId"].(string); !ok || len(id) != 36 {
		t.Errorf("message id %v", m["messageId"])
	}
	delete(m, "messageId")
	want := map[string]any{
		"type": "track", "userId": "canary-user", "event": "registrar.v1.list_programs", "timestamp": "2026-03-02T08:21:56.000000007Z",
		"properties": map[string]any{
			"category": "Registrar API", "user_organizations": []any{"STEM Institute"}, "organization_filter": "stem", "status_code": 200.0,
		},
		"context": map[string]any{
			"page": map[string]any{
				"path": "/api/v1/programs/", "referrer": "https://console.example.org/list",
				"url": "https://registrar.example.org/api/v1/programs/?org=stem&program_title=phil+x",
			},
			"userAgent": "curl/8", "library": map[string]any{"name": "registrar"},
		},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tracking.Stats{Sent: 1}, tr.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// No learner and no link stands in an event, whatever address was asked.
func TestWhatIsNotTold(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	tr := newTracker(t, tracking.Config{}, tracking.Deps{Transport: service(func(r *http.Request) (*http.Response, error) {
		text, err := io.ReadAll(r.Body)
		got <- string(text)
		return answer(200), err
	})})
	for route, address := range map[string]string{
		"/api/v3/programs/:program_key/learners/:student_key": "/api/v3/programs/cs/learners/S-CANARY?student_key=S-CANARY",
		"/api/media/:token/+":                      "/api/media/CANARY/job-results/1.csv",
		"/lms/api/enrollment/{username}":           "/lms/api/enrollment/CANARY",
		"":                                         "/CANARY",
		"/api/v1/programs":                         "/api/v1/programs?CANARY=1&x=CANARY",
		"/api/v1/programs/:program_key":            "/api/v1/programs/cs?%zz=CANARY",
		"/api/v1/programs/:program_key/broken":     "http://[::1/CANARY",
		"/api/v1/programs/:program_key/user":       "https://CANARY:CANARY@registrar.example.org/api/v1",
		"/api/v1/programs/:program_key/fragment":   "https://registrar.example.org/api/v1#CANARY",
		"/api/v1/programs/:program_key/enrollment": "https://registrar.example.org/api/v1",
	} {
		e := event()
		e.Route, e.URL = route, address
		tr.Track(t.Context(), e)
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	text := <-got
	if strings.Contains(text, "CANARY") || strings.Count(text, `"messageId"`) != 10 {
		t.Errorf("sent: %s", text)
	}
}

func TestTheLogNamesNobody(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	tr, err := tracking.New(tracking.Config{}, tracking.Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	e := event()
	e.Properties = map[string]any{"program_key": "cs", "secret": "canary", "missing_permissions": []string{"read_reports"}}
	tr.Track(t.Context(), e)
	e.Properties, e.Status = map[string]any{"program_key": "canary", "failure": "program_not_found"}, 404
	tr.Track(t.Context(), e)
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"level=INFO msg=tracked event=registrar.v1.list_programs request_id=5f3a status_code=200", "program_key=cs",
		"missing_permissions=[read_reports]", "status_code=404 failure=program_not_found",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log:\n%s", &log)
	}
	if got := tr.Stats(); got != (tracking.Stats{}) {
		t.Errorf("without a service nothing is counted: %+v", got)
	}
}

// Events wait for each other, but not for ever.
func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []int
		var mu sync.Mutex
		sizes := func() []int {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		tr := newTracker(t, tracking.Config{Batch: 3, Interval: time.Minute}, tracking.Deps{Transport: service(func(r *http.Request) (*http.Response, error) {
			var b body
			err := json.NewDecoder(r.Body).Decode(&b)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, len(b.Batch))
			return answer(200), err
		})})
		for range 4 {
			tr.Track(t.Context(), event())
		}
		synctest.Wait()
		if diff := cmp.Diff([]int{3}, sizes()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]int{3, 1}, sizes()); diff != "" {
			t.Errorf("after the interval (-want +got):\n%s", diff)
		}
		for range 5 {
			tr.Track(t.Context(), event())
		}
		if err := tr.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]int{3, 1, 3, 2}, sizes()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
		tr.Track(t.Context(), event())
		if diff := cmp.Diff(tracking.Stats{Sent: 9, Dropped: 1}, tr.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestTries(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answers []any // errors or answers, the last one for ever
		tries   int
		took    time.Duration
		want    tracking.Stats
	}{
		"taken after trouble":  {[]any{errors.New("reset"), answer(503), answer(200)}, 3, 1500 * time.Millisecond, tracking.Stats{Sent: 1}},
		"trouble all the time": {[]any{answer(500)}, 3, 1500 * time.Millisecond, tracking.Stats{Refused: 1}},
		"asked to wait":        {[]any{answer(429, "Retry-After", "7"), answer(200)}, 2, 7 * time.Second, tracking.Stats{Sent: 1}},
		"asked for an age":     {[]any{answer(429, "Retry-After", "999999999999"), answer(200)}, 2, 30 * time.Second, tracking.Stats{Sent: 1}},
		"refused":              {[]any{answer(400)}, 1, 0, tracking.Stats{Refused: 1}},
		"sent elsewhere":       {[]any{answer(307, "Location", "https://canary.example.org/")}, 1, 0, tracking.Stats{Refused: 1}},
		"panics":               {[]any{"panic"}, 1, 0, tracking.Stats{Refused: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				tr := newTracker(t, tracking.Config{}, tracking.Deps{Transport: service(func(r *http.Request) (*http.Response, error) {
					a := tc.answers[min(tries, len(tc.answers)-1)]
					tries++
					if r.URL.Host != "events.example.org" {
						t.Errorf("sent to %s", r.URL.Host)
					}
					switch a := a.(type) {
					case error:
						return nil, a
					case *http.Response:
						return a, nil
					}
					panic("canary")
				})})
				start := time.Now()
				tr.Track(t.Context(), event())
				if err := tr.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); tries != tc.tries || took != tc.took {
					t.Errorf("%d tries in %s, want %d in %s", tries, took, tc.tries, tc.took)
				}
				if diff := cmp.Diff(tc.want, tr.Stats()); diff != "" {
					t.Errorf("stats (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A service that hangs holds up no request, and the end only as long as it may.
func TestAServiceThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := newTracker(t, tracking.Config{Queue: 5, Batch: 2, Timeout: time.Hour}, tracking.Deps{Transport: service(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		for range 2 {
			tr.Track(t.Context(), event())
		}
		synctest.Wait() // they are on their way
		start := time.Now()
		for range 7 {
			tr.Track(t.Context(), event())
		}
		e := event()
		e.Properties = map[string]any{"unspeakable": func() {}}
		tr.Track(t.Context(), e)
		if took := time.Since(start); took != 0 {
			t.Errorf("tracking took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := tr.Close(ctx); err == nil {
			t.Error("events were dropped without a word")
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the end took %s", took)
		}
		if diff := cmp.Diff(tracking.Stats{Refused: 2, Dropped: 8}, tr.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestConfigurationsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]tracking.Config{
		"no key":      {URL: "https://events.example.org"},
		"no host":     {URL: "https:///x", WriteKey: "k"},
		"another way": {URL: "ftp://events.example.org", WriteKey: "k"},
		"a user":      {URL: "https://a:b@events.example.org", WriteKey: "k"},
		"no queue":    {Queue: -1},
	} {
		if tr, err := tracking.New(cfg, tracking.Deps{}); err == nil {
			t.Errorf("%s was taken: %v", name, tr)
		}
	}
}

func TestOrganizationsOf(t *testing.T) {
	t.Parallel()
	p := registrar.Principal{Groups: []registrar.Group{
		{Name: "a", Organization: "STEM"}, {Name: "b"}, {Name: "c", Organization: "Humanities"}, {Name: "d", Organization: "STEM"},
	}}
	if diff := cmp.Diff([]string{"STEM", "Humanities"}, tracking.OrganizationsOf(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := tracking.OrganizationsOf(registrar.Principal{}); got == nil || len(got) != 0 {
		t.Errorf("%#v, want an empty list", got)
	}
}
