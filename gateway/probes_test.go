package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
			[]gateway.Check{{gateway.DatabaseCheck, well}, {"lms", well}},
			200, `{"status":"ready","failing":[]}`, 200, up, 0, "",
		},
		"database away": {
			[]gateway.Check{{gateway.DatabaseCheck, ill}, {"lms", well}},
			503, `{"status":"unready","failing":["database"]}`, 503, down, 6, "10.0.0.7 does not answer",
		},
		"only the database matters to health": {
			[]gateway.Check{{gateway.DatabaseCheck, well}, {"lms", stuck}, {"discovery", broken}},
			503, `{"status":"unready","failing":["lms","discovery"]}`, 200, up, 4, "panic with a string",
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
