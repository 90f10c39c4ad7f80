package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// wound is a clock that moves when it is told to.
type wound struct {
	mu  sync.Mutex
	now time.Time
}

func (w *wound) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *wound) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func TestPassthroughKeepsAnswers(t *testing.T) {
	t.Parallel()
	clock := &wound{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	body := `{"id":9007199254740993,"name":"<a>"}`
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("ETag", `"theirs"`)
		_, _ = io.WriteString(w, body)
	})
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.Now = clock.Now })
	north, target := as(t, "north"), course+csRun
	expect := func(step string, got answer, asked int, age, status string) {
		t.Helper()
		if got.status != 200 || got.body != body || got.header.Get("Age") != age || got.header.Get("Cache-Status") != status ||
			got.header.Get("Cache-Control") != "private, no-cache" || len(u.requests()) != asked {
			t.Errorf("%s: %d %s, Age %q, Cache-Status %q, %q, asked %d times", step, got.status, got.body,
				got.header.Get("Age"), got.header.Get("Cache-Status"), got.header.Get("Cache-Control"), len(u.requests()))
		}
	}
	first := p.ask(t, "GET", target, north)
	expect("first", first, 1, "0", "registrar; fwd=miss; stored")
	clock.advance(90 * time.Second)
	expect("again", p.ask(t, "GET", target, north), 1, "90", "registrar; hit; ttl=210")
	if got := p.calls.last(t).Cache; got != "hit" {
		t.Errorf("the observer heard %q", got)
	}
	expect("by another spelling", p.ask(t, "GET", "/lms/api/courses/v1/courses/course-v1%3ANorthU%2BCS501%2B2026/", north), 1, "90", "registrar; hit; ttl=210")
	expect("by another caller", p.ask(t, "GET", target, as(t, "north-metadata")), 1, "90", "registrar; hit; ttl=210")

	tag := first.header.Get("ETag")
	if got := p.ask(t, "GET", target, north, "If-None-Match: W/"+tag); tag == `"theirs"` || got.status != 304 || got.body != "" || got.header.Get("ETag") != tag {
		t.Errorf("conditional on %s: %d %q %v", tag, got.status, got.body, got.header)
	}
	if got := p.ask(t, "HEAD", target, north); got.status != 200 || got.body != "" || got.header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %q %v", got.status, got.body, got.header)
	}
	// A kept answer is behind the wall as any other.
	for caller, status := range map[string]int{"harbor": 403, "stranger": 403} {
		if got := p.ask(t, "GET", target, as(t, caller)); got.status != status || strings.Contains(got.body, "9007") {
			t.Errorf("%s: %d %s", caller, got.status, got.body)
		}
	}
	if got := p.ask(t, "GET", target); got.status != 401 {
		t.Errorf("nobody: %d", got.status)
	}
	expect("from the source", p.ask(t, "GET", target, north, "Cache-Control: no-cache"), 2, "0", "registrar; fwd=miss; stored")
	expect("from the source, at once", p.ask(t, "GET", target, north, "Cache-Control: no-cache"), 2, "0", "registrar; hit; ttl=300")
	body = `{"new":true}`
	clock.advance(5 * time.Minute)
	expect("when it is old", p.ask(t, "GET", target, north), 3, "0", "registrar; fwd=miss; stored")
	// Another rule's life for the same answer counts from now on.
	rules := testRules()
	rules[0].Cache = time.Second
	if err := p.pass.SetRules(rules); err != nil {
		t.Fatal(err)
	}
	clock.advance(2 * time.Second)
	expect("by the new rule", p.ask(t, "GET", target, north), 4, "0", "registrar; fwd=miss; stored")
}

// A caller who insists does not spend the hour's calls of Discovery.
func TestPassthroughRefetchesFromDiscoverySeldom(t *testing.T) {
	t.Parallel()
	clock := &wound{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	u := newUpstream(t, nil)
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.Now = clock.Now })
	const steps = 12
	for range steps {
		if got := p.ask(t, "GET", "/discovery/api/v1/course_runs/"+csRun, as(t, "north"), "Cache-Control: no-cache"); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		clock.advance(10 * time.Second)
	}
	if asked := len(u.requests()); asked != 2 {
		t.Errorf("Discovery was asked %d times in two minutes, want once a minute", asked)
	}
}

// Only what is whole, good and JSON serves a second caller.
func TestPassthroughKeepsNothingElse(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"a page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in</html>") },
		"created": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) },
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"missing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"denied":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) },
		"broken":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"half": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"half":`)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", 1000)+`"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, answer)
			p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.MaxBuffered = 1000 })
			one := p.ask(t, "GET", course+csRun, as(t, "north"))
			two := p.ask(t, "GET", course+csRun, as(t, "north"))
			if one.status != two.status || len(u.requests()) != 2 {
				t.Errorf("%d and %d, asked %d times; want the same twice", one.status, two.status, len(u.requests()))
			}
			if (name == "half" || name == "too long") && one.status != 502 {
				t.Errorf("%d %s, want 502", one.status, one.body)
			}
		})
	}
}

// One question is asked once, however many callers wait for the answer.
func TestPassthroughOneFlight(t *testing.T) {
	t.Parallel()
	const callers = 40
	begun, release := make(chan struct{}, callers), make(chan struct{})
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	})
	// The wall is the last step before the flight.
	var waiting sync.WaitGroup
	waiting.Add(callers)
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, _ *gateway.PassthroughConfig, s *school) {
		inner := s.details
		s.details = func(among []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
			waiting.Done()
			waiting.Wait()
			return inner(among)
		}
	})
	token := as(t, "north")
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			if got := p.ask(t, "GET", course+csRun, token); got.status != 200 || got.body != "{}" {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	waiting.Wait()
	<-begun
	close(release)
	done.Wait()
	if n := len(u.requests()); n != 1 {
		t.Errorf("the upstream was asked %d times, want once", n)
	}
}

// A question that outlived its caller does not outlive the passthrough.
func TestPassthroughCloseEndsFlights(t *testing.T) {
	t.Parallel()
	var over atomic.Bool
	asked := make(chan struct{})
	rules := []gateway.Rule{{
		Name: "kept", Upstream: gateway.LMS, Path: "/kept/{course_key}", Permission: registrar.ReadMetadata, Cache: time.Minute, Timeout: time.Hour,
	}}
	p := startPassing(t, newUpstream(t, nil), rules, func(c *gateway.Config, pc *gateway.PassthroughConfig, _ *school) {
		c.RequestTimeout = 50 * time.Millisecond
		pc.LMS.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			close(asked)
			<-r.Context().Done()
			over.Store(true)
			return nil, r.Context().Err()
		})
	})
	if got := p.ask(t, "GET", "/lms/kept/"+csRun, as(t, "north")); got.status != 504 {
		t.Fatalf("%d %s, want a caller who is out of time", got.status, got.body)
	}
	<-asked
	if over.Load() {
		t.Fatal("the question ended with its caller")
	}
	p.pass.Close()
	if !over.Load() {
		t.Error("closed, and a question still runs")
	}
	got := p.ask(t, "GET", "/lms/kept/"+csRun, as(t, "north"))
	if got.status != 503 || !strings.Contains(got.body, "shutting_down") {
		t.Errorf("after the end: %d %s, want 503 shutting_down", got.status, got.body)
	}
	p.pass.Close() // once more does no harm
}
