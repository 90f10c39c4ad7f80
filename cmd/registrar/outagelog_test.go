package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The log says that the database is away and why, and not where it is nor whose.
func TestTheLogOfAnOutageNamesNoHostAndNoUser(t *testing.T) {
	t.Parallel()

	s := newStored(t)
	s.must(t, warm, http.StatusOK, 5*time.Second)
	s.postgres.set(cut)
	eventually(t, "the replica is unready", func() bool { return s.get(t, "", "/readyz").StatusCode == http.StatusServiceUnavailable })
	eventually(t, "a connection was not made", func() bool { // those of the pool are tried first
		if reply := s.get(t, demoHarbor, warm); reply.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("somebody unknown: %d %s, want 503", reply.StatusCode, reply.body)
		}
		return strings.Contains(s.log.String(), "the connection: ")
	})
	log := s.log.String()
	for _, want := range []string{`"msg":"check failed"`, `"msg":"request failed"`, "linkstore: "} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s\n%s", want, log)
		}
	}
	for _, secret := range []string{s.postgres.listener.Addr().String(), s.postgres.target, "user=", "database="} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	s.postgres.set(open)
}
