package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"registrar/internal/telemetry"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	p := scrape(t, exercised())
	for name, want := range map[string]struct {
		labels map[string]string
		value  string
	}{
		"registrar_http_requests_total":                 {map[string]string{"route": "/api/v3/programs", "method": "GET", "status": "503"}, "1"},
		"registrar_http_request_duration_seconds_count": {map[string]string{"route": "/api/v3/programs", "method": "GET", "status_class": "5xx"}, "1"},
		"registrar_http_failures_total":                 {map[string]string{"kind": "unavailable", "code": "upstream_throttled"}, "1"},
		"registrar_http_cache_results_total":            {map[string]string{"route": "/api/v3/programs/:program_key", "result": "hit"}, "1"},
		"registrar_http_requests_in_flight":             {nil, "3"},
		"registrar_limit_verdicts_total":                {map[string]string{"class": "read", "verdict": "allowed"}, "2"},
		"registrar_tokens_checked_total":                {map[string]string{"outcome": "token_expired"}, "1"},
		"registrar_key_fetches_total":                   {map[string]string{"outcome": "failed"}, "1"},
		"registrar_upstream_calls_total":                {map[string]string{"upstream": "discovery", "class": "program", "outcome": "timeout", "status_class": "none"}, "1"},
		"registrar_upstream_call_duration_seconds_sum":  {map[string]string{"upstream": "lms", "class": "grades"}, "0.02"},
		"registrar_upstream_retries_total":              {map[string]string{"upstream": "lms"}, "4"},
		"registrar_upstream_budget_left":                {map[string]string{"upstream": "lms"}, "12.5"},
		"registrar_upstream_budget_size":                {map[string]string{"upstream": "lms"}, "50"},
		"registrar_upstream_budget_refused_total":       {map[string]string{"upstream": "lms"}, "2"},
		"registrar_upstream_budget_waits_total":         {map[string]string{"upstream": "lms"}, "1"},
		"registrar_upstream_budget_alone":               {map[string]string{"upstream": "lms"}, "1"},
		"registrar_upstream_breaker_state":              {map[string]string{"upstream": "lms", "class": "grades", "state": "open"}, "1"},
		"registrar_upstream_breaker_refused_total":      {map[string]string{"upstream": "lms", "class": "grades"}, "7"},
		"registrar_upstream_paused_seconds":             {map[string]string{"upstream": "lms", "class": "grades"}, "90"},
		"registrar_cache_lookups_total":                 {map[string]string{"view": "grades", "result": "stale"}, "2"},
		"registrar_cache_shared_lookups_total":          {map[string]string{"view": "grades", "result": "error"}, "6"},
		"registrar_cache_loads_total":                   {map[string]string{"view": "grades"}, "3"},
		"registrar_cache_load_errors_total":             {map[string]string{"view": "grades"}, "1"},
		"registrar_cache_flights":                       {nil, "1"},
		"registrar_cache_entries":                       {nil, "20"},
		"registrar_cache_bytes":                         {nil, "4096"},
		"registrar_cache_max_bytes":                     {nil, "1.048576e+06"},
		"registrar_passthrough_requests_total":          {map[string]string{"rule": "course-details", "status": "200", "cache": "miss"}, "1"},
		"registrar_passthrough_duration_seconds_count":  {map[string]string{"rule": "course-details"}, "2"},
		"registrar_config_reloads_total":                {map[string]string{"outcome": "failed"}, "1"},
		"registrar_config_last_reload_ok":               {nil, "1"},
		"registrar_config_restart_pending_keys":         {nil, "2"},
		"registrar_store_connections":                   {map[string]string{"state": "in_use"}, "2"},
		"registrar_store_connections_max":               {nil, "10"},
		"registrar_store_connection_waits_total":        {nil, "1"},
		"registrar_store_connection_wait_seconds_total": {nil, "1"},
		"registrar_dependency_up":                       {map[string]string{"dependency": "redis"}, "0"},
		"registrar_build_info":                          {map[string]string{"version": "1.2.3"}, "1"},
	} {
		if got := p.value(t, name, want.labels); got != want.value {
			t.Errorf("%s%v = %s, want %s", name, want.labels, got, want.value)
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		if p.count(name) != 1 {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	problems, err := promlint.New(strings.NewReader(scrape(t, exercised()).text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "registrar_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// shape is what the values of a label may look like. A label that is not here is
// a mistake: say what bounds it.
func shape(label string) *regexp.Regexp {
	switch label {
	case "route":
		return regexp.MustCompile(`^(/[a-z0-9/:_*.{}-]*|unmatched|preflight|other)$`)
	case "method":
		return regexp.MustCompile(`^([A-Z]{3,7}|other)$`)
	case "status":
		return regexp.MustCompile(`^([1-5]\d\d|none)$`)
	case "status_class":
		return regexp.MustCompile(`^([1-5]xx|none)$`)
	case "result":
		return regexp.MustCompile(`^(hit|stale|miss|error|none|other)$`)
	case "cache":
		return regexp.MustCompile(`^(hit|stale|miss|collapsed|none|other)$`)
	case "state":
		return regexp.MustCompile(`^(closed|half_open|open|in_use|idle|pending|in_progress|retrying|succeeded|failed|other)$`)
	case "kind", "code", "class", "verdict", "outcome", "upstream", "view", "rule", "dependency", "subject":
		return regexp.MustCompile(`^[a-z][a-z0-9_ -]{0,39}$`)
	case "le", "quantile":
		return regexp.MustCompile(`^(\+Inf|[0-9.e+-]+)$`)
	case "version", "go_version":
		return regexp.MustCompile(`^[a-z0-9.+ -]+$`)
	}
	return regexp.MustCompile(`^\z.`) // matches nothing
}

func TestLabelValuesAreBounded(t *testing.T) {
	t.Parallel()
	m := exercised()
	for _, hostile := range []string{
		"/api/v3/programs/masters-cs/learners/S-0001", "/api/v3/programs/secret-program", "ana@example.org", "Bearer eyJhbGciOi", "course-v1:NorthU+CS501+3T2026",
		"GET\n", "\xff\xfe", strings.Repeat("x", 300), "Ana", "01",
	} {
		m.RequestDone(telemetry.Request{Route: hostile, Method: hostile, Status: 99999, Kind: hostile, Code: hostile, Class: hostile, Limit: hostile, Cache: hostile})
		m.UpstreamCall(telemetry.Call{Upstream: hostile, Class: hostile, Kind: hostile, Status: -1})
		m.TokenChecked(hostile)
		m.JobDone(hostile, hostile, 0)
		m.PassthroughDone(hostile, 0, hostile, 0)
		_ = m.Probed(hostile, func(context.Context) error { return nil })(t.Context())
	}
	m.WatchUpstream("https://lms.example.org", func() telemetry.Upstream {
		return telemetry.Upstream{Classes: []telemetry.UpstreamClass{{Class: "/api/x", Breaker: "ajar"}}}
	})
	p := scrape(t, m)
	for _, s := range p.series {
		for label, value := range s.labels {
			if !shape(label).MatchString(value) {
				t.Errorf("%s: label %s has the value %q", s.name, label, value)
			}
		}
	}
	for _, secret := range []string{"S-0001", "secret-program", "ana", "eyJ", "NorthU", "lms.example.org"} {
		if strings.Contains(p.text, secret) {
			t.Errorf("%q came through to the page", secret)
		}
	}
}

func TestRoutesFollowTheRules(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	ask := func(route string) { m.RequestDone(telemetry.Request{Route: route, Method: "GET", Status: 200}) }
	ask("/lms/old/{course_key}") // before anything is known
	m.AllowRoutes("/lms/old/{course_key}")
	ask("/lms/old/{course_key}")
	m.AllowRoutes("/lms/new/{course_key}")
	ask("/lms/old/{course_key}")
	ask("/lms/new/{course_key}")
	ask("unmatched")
	ask("preflight")
	p := scrape(t, m)
	for route, want := range map[string]string{
		"other": "2", "/lms/old/{course_key}": "1", "/lms/new/{course_key}": "1", "unmatched": "1", "preflight": "1",
	} {
		if got := p.value(t, "registrar_http_requests_total", map[string]string{"route": route}); got != want {
			t.Errorf("route %s: %s requests, want %s", route, got, want)
		}
	}
}

func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	var flood sync.WaitGroup
	for i := range 8 {
		flood.Go(func() {
			for j := range 500 {
				word := fmt.Sprintf("w%d-%d", i, j)
				m.RequestDone(telemetry.Request{Route: "/" + word, Method: "GET", Status: 200, Kind: "internal", Code: word})
				m.TokenChecked(word)
				m.PassthroughDone(word, 200, "", 0)
			}
		})
	}
	flood.Wait()
	p := scrape(t, m)
	for name, most := range map[string]int{
		"registrar_http_requests_total": 1, "registrar_http_failures_total": 129,
		"registrar_tokens_checked_total": 65, "registrar_passthrough_requests_total": 65,
	} {
		if n := p.count(name); n == 0 || n > most {
			t.Errorf("%s has %d series after a flood of values, want 1 to %d", name, n, most)
		}
	}
	if got := p.value(t, "registrar_http_requests_total", map[string]string{"route": "other"}); got != "4000" {
		t.Errorf("%s requests of unknown routes, want 4000", got)
	}
}

func TestASourceThatFailsIsMissed(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	m.WatchJobs(func() (telemetry.Jobs, error) { return telemetry.Jobs{}, errors.New("away") })
	p := scrape(t, m)
	if got := p.value(t, "registrar_watch_ok", map[string]string{"subject": "jobs"}); got != "0" || strings.Contains(p.text, "registrar_jobs_") {
		t.Errorf("registrar_watch_ok of the jobs = %s, want 0 and no figure of theirs", got)
	}
}

func TestASourceThatPanicsIsMissed(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	watch(m)
	m.WatchUpstream("broken", func() telemetry.Upstream { panic("figures") })
	p := scrape(t, m)
	if got := p.value(t, "registrar_watch_ok", map[string]string{"subject": "broken"}); got != "0" {
		t.Errorf("registrar_watch_ok of the broken source = %s, want 0", got)
	}
	if got := p.value(t, "registrar_watch_ok", map[string]string{"subject": "cache"}); got != "1" {
		t.Errorf("registrar_watch_ok of the cache = %s, want 1", got)
	}
	if got := p.value(t, "registrar_cache_entries", nil); got != "20" {
		t.Errorf("the others' figures: registrar_cache_entries = %s, want 20", got)
	}
}

func TestReloads(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	before := time.Now()
	if got := scrape(t, m).value(t, "registrar_config_last_reload_ok", nil); got != "1" {
		t.Errorf("after the start: %s, want 1", got)
	}
	m.Reloaded(errors.New("a mistake"), 0)
	p := scrape(t, m)
	if got := p.value(t, "registrar_config_last_reload_ok", nil); got != "0" {
		t.Errorf("after a refused file: %s, want 0", got)
	}
	var stamp float64
	if _, err := fmt.Sscan(p.value(t, "registrar_config_last_reload_success_timestamp_seconds", nil), &stamp); err != nil {
		t.Fatal(err)
	}
	if stamp < float64(before.Add(-time.Minute).Unix()) {
		t.Errorf("the start does not count as a read configuration: %v", stamp)
	}
	m.Reloaded(nil, 1)
	p = scrape(t, m)
	if ok, keys := p.value(t, "registrar_config_last_reload_ok", nil), p.value(t, "registrar_config_restart_pending_keys", nil); ok != "1" || keys != "1" {
		t.Errorf("after a good file: ok %s, waiting %s; want 1 and 1", ok, keys)
	}
}

func TestProbedTellsTheProbesResult(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1")
	away := errors.New("away")
	result := away
	probe := m.Probed("database", func(context.Context) error { return result })
	if err := probe(t.Context()); !errors.Is(err, away) {
		t.Errorf("the probe's error is %v, want %v", err, away)
	}
	if got := scrape(t, m).value(t, "registrar_dependency_up", map[string]string{"dependency": "database"}); got != "0" {
		t.Errorf("away: %s, want 0", got)
	}
	result = nil
	if err := probe(t.Context()); err != nil {
		t.Error(err)
	}
	if got := scrape(t, m).value(t, "registrar_dependency_up", map[string]string{"dependency": "database"}); got != "1" {
		t.Errorf("back: %s, want 1", got)
	}
}
