package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"registrar/internal/telemetry"
)

// exercised has heard everything that it can be told once.
func exercised() *telemetry.Metrics {
	m := telemetry.NewMetrics("1.2.3")
	m.AllowRoutes("/api/v3/programs", "/api/v3/programs/:program_key", "/lms/*")
	m.RequestDone(telemetry.Request{
		Route: "/api/v3/programs/:program_key", Method: "GET", Status: 200,
		Class: "read", Limit: "allowed", Cache: "hit", Took: time.Millisecond,
	})
	m.RequestDone(telemetry.Request{
		Route: "/api/v3/programs", Method: "GET", Status: 503,
		Kind: "unavailable", Code: "upstream_throttled", Class: "read", Limit: "allowed", Cache: "miss", Took: time.Second,
	})
	m.UpstreamCall(telemetry.Call{Upstream: "lms", Class: "grades", Status: 200, Took: 20 * time.Millisecond})
	m.UpstreamCall(telemetry.Call{Upstream: "discovery", Class: "program", Kind: "timeout", Took: 10 * time.Second})
	m.TokenChecked("verified")
	m.TokenChecked("token_expired")
	m.KeysFetched(nil)
	m.KeysFetched(errors.New("away"))
	m.PassthroughDone("course-details", 200, "miss", time.Millisecond)
	m.PassthroughDone("course-details", 200, "collapsed", time.Millisecond)
	for _, state := range []string{"succeeded", "failed", "retrying"} {
		m.JobDone("list_program_enrollments", state, time.Second)
	}
	m.Reloaded(errors.New("refused"), 0)
	m.Reloaded(nil, 2)
	_ = m.Probed("database", func(context.Context) error { return nil })(context.Background())
	_ = m.Probed("redis", func(context.Context) error { return errors.New("away") })(context.Background())
	_ = m.Probed("keys", func(context.Context) error { return nil })(context.Background())
	watch(m)
	return m
}

// watch connects every figure that is asked for at a scrape.
func watch(m *telemetry.Metrics) {
	m.WatchInFlight(func() int { return 3 })
	m.WatchUpstream("lms", func() telemetry.Upstream {
		return telemetry.Upstream{
			Retries: 4, BudgetSize: 50, BudgetLeft: 12.5, BudgetRefused: 2, BudgetWaits: 1, Alone: true,
			Classes: []telemetry.UpstreamClass{{Class: "grades", Breaker: "open", BreakerRefused: 7, Paused: 90 * time.Second}},
		}
	})
	m.WatchUpstream("discovery", func() telemetry.Upstream { return telemetry.Upstream{} })
	m.WatchCache(func() telemetry.Cache {
		view := telemetry.CacheView{Hits: 9, Stale: 2, Misses: 1, Loads: 3, LoadErrors: 1, SharedHits: 5, SharedMisses: 4, SharedErrors: 6}
		return telemetry.Cache{Views: map[string]telemetry.CacheView{"grades": view, "program": {}}, Running: 1, Entries: 20, Bytes: 4096, MaxBytes: 1 << 20}
	})
	m.WatchJobs(func() (telemetry.Jobs, error) {
		return telemetry.Jobs{Running: map[string]int{"list_program_enrollments": 1}, Waiting: map[string]int{"pending": 2, "in_progress": 1}}, nil
	})
	m.WatchPool(func() telemetry.Pool {
		return telemetry.Pool{InUse: 2, Idle: 3, Max: 10, Waits: 1, Waited: time.Second}
	})
}

// series is one line of the page.
type series struct {
	name   string
	labels map[string]string
	value  string
}

// page is what Prometheus reads.
type page struct {
	text   string
	series []series
}

// scrape asks m's page as Prometheus does, in its text format.
func scrape(t *testing.T, m *telemetry.Metrics) page {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics: status %d: %s", w.Code, w.Body)
	}
	p := page{text: w.Body.String()}
	line := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	label := regexp.MustCompile(`([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"`)
	for text := range strings.Lines(p.text) {
		text = strings.TrimSuffix(text, "\n")
		if strings.HasPrefix(text, "#") {
			continue
		}
		match := line.FindStringSubmatch(text)
		if match == nil {
			t.Fatalf("/metrics: cannot read the line %q", text)
		}
		s := series{name: match[1], labels: map[string]string{}, value: match[3]}
		for _, pair := range label.FindAllStringSubmatch(match[2], -1) {
			s.labels[pair[1]] = pair[2]
		}
		p.series = append(p.series, s)
	}
	return p
}

// value returns the value of the one series of this name whose labels include want.
func (p page) value(t *testing.T, name string, want map[string]string) string {
	t.Helper()
	var found []string
	for _, s := range p.series {
		fits := s.name == name
		for k, v := range want {
			fits = fits && s.labels[k] == v
		}
		if fits {
			found = append(found, s.value)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s%v: %d series, want one", name, want, len(found))
	}
	return found[0]
}

// count returns the number of series of this name.
func (p page) count(name string) int {
	n := 0
	for _, s := range p.series {
		if s.name == name {
			n++
		}
	}
	return n
}
