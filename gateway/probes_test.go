package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"registrar/gateway"
)

func TestProbes(t *testing.T) {
	t.Parallel()
	well := func(context.Context) error { return nil }
	ill := func(context.Context) error { return errors.New("10.0.0.7 does not answer") }
	stuck := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	broken := func(context.Context) error { panic("canary") }
	const (
		up   = `{"overall_status": "OK", "detailed_status": {"database_status": "OK"}}`
		down = `{"overall_status": "UNAVAILABLE", "detailed_status": {"database_status": "UNAVAILABLE"}}`
	)
	for name, tc := range map[string]struct {
		checks        []gateway.Check
		ready         int
		readyBody     string
		health        int
		healthBody    string
		warned        int
		warnedOfCause string
	}{
		"no checks": {nil, 200, `{"status":"ready","failing":[]}`, 200, up, 0, ""},
		"well": {
			[]gateway.Check{{Name: gateway.DatabaseCheck, Probe: well}, {Name: "lms", Probe: well}},
			200, `{"status":"ready","failing":[]}`, 200, up, 0, "",
		},
		"database away": {
			[]gateway.Check{{Name: gateway.DatabaseCheck, Probe: ill}, {Name: "lms", Probe: well}},
			503, `{"status":"unready","failing":["database"]}`, 503, down, 1, "10.0.0.7 does not answer",
		},
		"optional things away": {
			[]gateway.Check{{Name: "redis", Optional: true, Probe: ill}, {Name: gateway.DatabaseCheck, Probe: well}, {Name: "keys", Optional: true, Probe: ill}},
			200, `{"status":"ready","failing":[],"degraded":["redis","keys"]}`, 200, up, 2, "10.0.0.7 does not answer",
		},
		"one of both": {
			[]gateway.Check{{Name: "redis", Optional: true, Probe: ill}, {Name: "lms", Probe: ill}},
			503, `{"status":"unready","failing":["lms"],"degraded":["redis"]}`, 200, up, 2, "10.0.0.7 does not answer",
		},
		"only the database matters to health": {
			[]gateway.Check{{Name: gateway.DatabaseCheck, Probe: well}, {Name: "lms", Probe: stuck}, {Name: "discovery", Probe: broken}},
			503, `{"status":"unready","failing":["lms","discovery"]}`, 200, up, 2, "panic with a string",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, gateway.Config{CheckTimeout: 30 * time.Millisecond}, gateway.Deps{Checks: tc.checks})
			for _, probe := range []struct {
				path, body string
				status     int
			}{
				{"/livez", `{"status":"alive"}`, 200},
				{"/readyz", tc.readyBody, tc.ready},
				{"/health", tc.healthBody, tc.health},
				{"/health/", tc.healthBody, tc.health},
			} {
				got := s.ask(t, "GET", probe.path)
				if got.status != probe.status || got.body != probe.body || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s = %d %s, want %d %s", probe.path, got.status, got.body, probe.status, probe.body)
				}
				if head := s.ask(t, "HEAD", probe.path); head.status != probe.status || head.body != "" {
					t.Errorf("HEAD %s = %d %q, want %d without a body", probe.path, head.status, head.body, probe.status)
				}
				if strings.Contains(got.body, "10.0.0.7") {
					t.Errorf("%s tells what is behind us: %s", probe.path, got.body)
				}
			}
			warnings := s.log.lines(t, "check failed")
			if len(warnings) != tc.warned || tc.warned > 0 && !strings.Contains(fmt.Sprint(warnings), tc.warnedOfCause) {
				t.Errorf("%d warnings %v, want %d that say %q", len(warnings), warnings, tc.warned, tc.warnedOfCause)
			}
			for _, line := range s.log.lines(t, "request") {
				if line["level"] != "DEBUG" {
					t.Errorf("a probe was logged at %v", line["level"])
				}
			}
		})
	}
}

// Probes come every few seconds from everywhere: the log tells when a check begins
// to fail and when it ends to, and nothing in between.
func TestAnOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	s := start(t, gateway.Config{}, gateway.Deps{Checks: []gateway.Check{{
		Name: gateway.DatabaseCheck, Probe: func(context.Context) error {
			if away.Load() {
				return errors.New("away")
			}
			return nil
		},
	}}})
	for _, now := range []bool{false, true, true, true, false, false, true, true} {
		away.Store(now)
		s.ask(t, "GET", "/readyz")
		s.ask(t, "GET", "/health")
	}
	if failed, passed := len(s.log.lines(t, "check failed")), len(s.log.lines(t, "check passes again")); failed != 2 || passed != 1 {
		t.Errorf("%d failures and %d recoveries are logged, want 2 and 1", failed, passed)
	}
}

// A check that ignores its context must not hold the probe.
func TestAStuckCheckDoesNotHoldTheProbe(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	left := make(chan struct{})
	s := start(t, gateway.Config{CheckTimeout: time.Millisecond}, gateway.Deps{Checks: []gateway.Check{{
		Name: "lms", Probe: func(context.Context) error { <-release; left <- struct{}{}; return nil },
	}}})
	if got := s.ask(t, "GET", "/readyz"); got.status != 503 {
		t.Errorf("readyz = %d, want 503", got.status)
	}
	close(release)
	<-left
}
