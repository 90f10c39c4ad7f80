package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"registrar/config"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
)

// The page of metrics of a running gateway shows what happened to it, by route
// templates and other words that are few.
func TestMetricsOfARunningGateway(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, func(cfg *config.Config) {
		cfg.Redis.URL = config.Secret(provisiontest.Redis(t))
		cfg.Limits.Read = config.Bucket{Rate: 60000, Per: config.Duration(60_000_000_000), Burst: 1000}
	})
	const record = "/api/v3/programs/masters-cs/learners/S-0001"
	for range 2 {
		s.get(t, demoClient, record)
	}
	s.get(t, "", record, "Authorization", "JWT nonsense")
	s.get(t, demoClient, "/lms/api/courses/v1/courses/course-v1:NorthU+CS501+3T2026/")
	s.get(t, "", "/readyz")
	page := s.get(t, "", "/metrics")
	if page.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %d", page.StatusCode)
	}
	text := string(page.body)
	for _, want := range []string{
		`route="/api/v3/programs/:program_key/learners/:student_key"`,
		`route="/lms/api/courses/v1/courses/{course_key}"`,
		`registrar_upstream_calls_total{`, `upstream="lms"`, `upstream="discovery"`, `class="grades"`,
		`registrar_cache_lookups_total{`, `view="learner_grades"`, `registrar_cache_max_bytes 2.68435456e+08`,
		`registrar_tokens_checked_total{`, `outcome="remembered"`, `outcome="token_malformed"`,
		`registrar_limit_verdicts_total{`, `registrar_upstream_breaker_state{`, `registrar_http_requests_in_flight`,
		`registrar_build_info{`, `go_goroutines`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, secret := range []string{"S-0001", "ana_s0001", demoClient, "/learners/S", "CS501"} {
		if strings.Contains(text, secret) {
			t.Errorf("the page holds %q", secret)
		}
	}
}

// A request's trace reaches the collector and the LMS, with nobody's name in it.
func TestTraceOfARequest(t *testing.T) {
	t.Parallel()

	exported := make(chan string, 64)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &strings.Builder{}
		_ = r.Write(body) // headers and the message, whatever its encoding
		select {
		case exported <- r.URL.Path + body.String():
		default:
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	s := newSite(t, simulator.Options{Learners: 10}, func(cfg *config.Config) {
		cfg.Telemetry.TracesEndpoint = collector.URL
		cfg.Telemetry.TraceRatio = 1
	})
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	reply := s.get(t, demoClient, "/api/v3/programs/masters-cs/learners/S-0001", "traceparent", "00-"+id+"-00f067aa0ba902b7-01")
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", reply.StatusCode, reply.body)
	}
	if got := <-exported; !strings.HasPrefix(got, "/v1/traces") {
		t.Errorf("the collector heard %.60q", got)
	}
	eventually(t, "a log line carries the trace's id", func() bool { return strings.Contains(s.log.String(), id) })
}

// What tracing costs is the operator's to decide: a caller who asks for a trace
// gets none beyond the ratio. Its id goes on to the upstream all the same.
func TestACallerCannotForceATrace(t *testing.T) {
	t.Parallel()

	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	lms := newGate(t)
	s := newSite(t, simulator.Options{Learners: 4}, func(cfg *config.Config) {
		site, err := url.Parse(cfg.LMS.URL)
		if err != nil {
			t.Error(err)
			return
		}
		lms.target.Store(site)
		cfg.LMS.URL, cfg.LMS.PublicURL = lms.url(), "https://lms.example.org"
		cfg.Telemetry.TracesEndpoint = "http://127.0.0.1:9" // nobody is there
		cfg.Telemetry.TraceRatio = 0
	})
	s.simulator = lms.target.Load().String()
	heard := make(chan string, 1)
	lms.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // for the service account's token
			httputil.NewSingleHostReverseProxy(lms.target.Load()).ServeHTTP(w, r)
			return
		}
		heard <- r.Header.Get("Traceparent")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	})
	reply := s.get(t, demoClient, "/lms/api/courses/v1/courses/"+aloneRun, "traceparent", "00-"+id+"-00f067aa0ba902b7-01")
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", reply.StatusCode, reply.body)
	}
	if got := <-heard; !strings.HasPrefix(got, "00-"+id+"-") || !strings.HasSuffix(got, "-00") {
		t.Errorf("the LMS heard of trace %q, want the caller's, not sampled", got)
	}
	if log := s.log.String(); !strings.Contains(log, reply.Header.Get("X-Request-ID")) || strings.Contains(log, `"trace_id"`) {
		t.Errorf("the log holds a sampled trace, or no line of the request:\n%s", log)
	}
}
