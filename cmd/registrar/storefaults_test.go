package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
)

// stored is a site on PostgreSQL and Redis whose lines a test can cut.
type stored struct {
	*site
	postgres, redis *line
}

func newStored(t *testing.T) *stored {
	t.Helper()
	s := &stored{}
	var dsn, address string
	s.postgres, dsn = throughLine(t, provisiontest.Postgres(t))
	s.redis, address = throughLine(t, provisiontest.Redis(t))
	s.site = newSite(t, simulator.Options{Learners: 10}, func(cfg *config.Config) {
		cfg.Store.DSN = config.Secret(dsn)
		cfg.Store.DirectoryTTL = config.Duration(200 * time.Millisecond)
		cfg.Redis.URL = config.Secret(address)
		cfg.Limits.Read = config.Bucket{Rate: 60000, Per: config.Duration(time.Minute), Burst: 1000}
	})
	return s
}

// must asks and wants an answer of this status within this time.
func (s *stored) must(t *testing.T, path string, status int, within time.Duration) answer {
	t.Helper()
	begun := time.Now()
	reply := s.get(t, demoClient, path)
	if reply.StatusCode != status {
		t.Errorf("%s: %d, want %d\n%s", path, reply.StatusCode, status, reply.body)
	}
	if took := time.Since(begun); took > within {
		t.Errorf("%s took %v, want %v at most", path, took, within)
	}
	return reply
}

const (
	warm = "/api/v3/programs/masters-cs/learners"
	cold = "/api/v3/programs/masters-ds/learners"
)

// Redis dead, stuck and back: reads go on, cached and uncached, and nobody waits
// for it; the replica stays ready and says what is degraded.
func TestRedisFaults(t *testing.T) {
	t.Parallel()

	for name, trouble := range map[string]lineState{"dead": cut, "stuck": hold} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newStored(t)
			s.must(t, warm, http.StatusOK, 5*time.Second)
			s.redis.set(trouble)
			s.must(t, warm, http.StatusOK, 5*time.Second)
			s.must(t, cold, http.StatusOK, 10*time.Second)
			for range 20 {
				s.must(t, warm, http.StatusOK, 3*time.Second)
			}
			if ready := s.get(t, "", "/readyz"); ready.StatusCode != http.StatusOK || !strings.Contains(string(ready.body), "redis") {
				t.Errorf("/readyz: %d %s, want ready and redis named", ready.StatusCode, ready.body)
			}
			s.redis.set(open)
			eventually(t, "redis is back", func() bool { return !strings.Contains(string(s.get(t, "", "/readyz").body), "redis") })
			s.must(t, warm, http.StatusOK, 5*time.Second)
		})
	}
}

// Postgres dead, stuck and back: who is known is served from memory for a while,
// who is not is told 503 and never let in; the replica is unready meanwhile.
func TestPostgresFaults(t *testing.T) {
	t.Parallel()

	for name, trouble := range map[string]lineState{"dead": cut, "stuck": hold} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newStored(t)
			s.must(t, warm, http.StatusOK, 5*time.Second)
			stranger := s.token(t, demoHarbor)
			s.postgres.set(trouble)
			time.Sleep(300 * time.Millisecond) // the directory's memory has expired
			s.must(t, warm, http.StatusOK, 12*time.Second)
			if stranger == "" {
				t.Fatal("no token")
			}
			if reply := s.get(t, demoHarbor, warm); reply.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("somebody unknown: %d, want 503\n%s", reply.StatusCode, reply.body)
			}
			if ready := s.get(t, "", "/readyz"); ready.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d, want 503", ready.StatusCode)
			}
			if health := s.get(t, "", "/health"); health.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(health.body), "UNAVAILABLE") {
				t.Errorf("/health: %d %s", health.StatusCode, health.body)
			}
			s.postgres.set(open)
			eventually(t, "the replica is ready again", func() bool { return s.get(t, "", "/readyz").StatusCode == http.StatusOK })
			eventually(t, "somebody unknown is looked up again", func() bool { return s.get(t, demoHarbor, warm).StatusCode == http.StatusForbidden })
		})
	}
}
