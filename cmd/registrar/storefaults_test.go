package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/config"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
)

// stored is a site on PostgreSQL and Redis whose lines a test can spoil. Every read
// goes to its sources, and so asks Redis for all that is kept there.
type stored struct {
	*site
	postgres, redis *line
	desk            *redis.Client // to the same Redis by a way of its own
}

func newStored(t *testing.T) *stored {
	t.Helper()
	return newStoredAt(t, provisiontest.Redis(t), nil)
}

// newStoredAt is newStored with that Redis; tune may be nil.
func newStoredAt(t *testing.T, server string, tune func(*config.Config)) *stored {
	t.Helper()
	s := &stored{}
	options, err := redis.ParseURL(server)
	if err != nil {
		t.Fatal(err)
	}
	s.desk = redis.NewClient(options)
	t.Cleanup(func() { _ = s.desk.Close() })
	var dsn, address string
	s.postgres, dsn = throughLine(t, provisiontest.Postgres(t))
	s.redis, address = throughLine(t, server)
	s.site = newSite(t, simulator.Options{Learners: 10, EnrollmentPerMinute: -1}, func(cfg *config.Config) {
		cfg.Store.DSN = config.Secret(dsn)
		cfg.Store.DirectoryTTL = config.Duration(200 * time.Millisecond)
		cfg.Redis.URL = config.Secret(address)
		cfg.Limits.Read = config.Bucket{Rate: 60000, Per: config.Duration(time.Minute), Burst: 1000}
		expireAtOnce(cfg)
		if tune != nil {
			tune(cfg)
		}
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

// What the three rooms that use Redis keep there, by what their keys hold.
const (
	keptLimit  = "registrar:limit:"
	keptBudget = "registrar:v1:budget:"
	keptPart   = ":cache:part:"
	keptLease  = ":cache:lease:"
)

// usesRedis asks until a limit, a budget and a part are kept in Redis again.
func (s *stored) usesRedis(t *testing.T, path string) {
	t.Helper()
	if err := s.desk.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "limits, budgets and parts are kept in Redis", func() bool {
		s.get(t, demoClient, path)
		keys, err := s.desk.Keys(t.Context(), "*").Result()
		if err != nil {
			t.Error(err)
		}
		all := strings.Join(keys, " ")
		return strings.Contains(all, keptLimit) && strings.Contains(all, keptBudget) && strings.Contains(all, keptPart)
	})
}

const (
	warm   = "/api/v3/programs/masters-cs/learners"
	cold   = "/api/v3/programs/masters-ds/learners"
	record = "/api/v3/programs/masters-cs/learners/S-0001"
)

// The fault table's columns, for a server that knows no statuses: its 5xx are the
// errors that it answers with (Redis: OOM, LOADING, READONLY; PostgreSQL: shutting
// down), its 429 is that it takes no more connections.

// Whatever befalls Redis, reads go on, of what was read before and what was not,
// and nobody waits for it more than once; what is degraded is told where it is; and
// the process uses Redis again without help.
func TestRedisFaults(t *testing.T) {
	t.Parallel()

	simply := func(state lineState) func(*line) { return func(l *line) { l.set(state) } }
	saying := func(text string) func(*line) { return func(l *line) { l.refuse(redisSays(text)) } }
	for name, tc := range map[string]struct {
		begin func(*line)
		told  bool // /readyz names it
	}{
		"dead":           {simply(cut), true},
		"stuck":          {simply(hold), true},
		"slow":           {simply(slow), false},
		"garbage":        {simply(garbage), true},
		"half an answer": {simply(half), true},
		"out of memory":  {saying("OOM command not allowed when used memory > 'maxmemory'."), true},
		"loading":        {saying("LOADING Redis is loading the dataset in memory"), true},
		"read only":      {saying("READONLY You can't write against a read only replica."), true},
		"too many clients": {func(l *line) {
			l.set(cut)
			l.refuse(func([]byte) ([]byte, bool) { return []byte("-ERR max number of clients reached\r\n"), false })
		}, true},
		"restarted": {func(l *line) { l.set(cut); l.set(open) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newStored(t)
			s.usesRedis(t, warm)
			tc.begin(s.redis)
			s.must(t, warm, http.StatusOK, 3*time.Second)
			s.must(t, cold, http.StatusOK, 5*time.Second)
			for range 20 {
				s.must(t, warm, http.StatusOK, 3*time.Second)
			}
			if ready := s.get(t, "", "/readyz"); ready.StatusCode != http.StatusOK || tc.told != strings.Contains(string(ready.body), "redis") {
				t.Errorf("/readyz: %d %s, want ready, and redis named: %v", ready.StatusCode, ready.body, tc.told)
			}
			s.redis.set(open)
			s.usesRedis(t, warm)
			if ready := s.get(t, "", "/readyz"); strings.Contains(string(ready.body), "redis") {
				t.Errorf("/readyz: %s, want nothing degraded", ready.body)
			}
		})
	}
}

// The first read after Redis got stuck waits for one command: what one room has
// found out holds for the others. The follower may have found out before.
func TestStuckRedisIsPaidForOnce(t *testing.T) {
	t.Parallel()

	s := newStored(t)
	for range 5 { // with connections enough for all that a read asks
		s.usesRedis(t, record)
	}
	s.redis.set(hold)
	s.must(t, record, http.StatusOK, 5*time.Second)
	if n := s.redis.askedFor(keptLimit, keptBudget, keptPart, keptLease); n > 1 {
		t.Errorf("one read waited for %d commands, want one at most", n)
	}
}

// A Redis that is full counts nobody's requests: limits hold in this process, and
// in Redis again once it has room.
func TestFullRedisLimits(t *testing.T) {
	t.Parallel()

	address := provisiontest.OwnRedis(t)
	s := newStoredAt(t, "redis://"+address+"/0", func(cfg *config.Config) {
		cfg.Limits.Read = config.Bucket{Rate: 1, Per: config.Duration(time.Hour), Burst: 5}
		cfg.Redis.Timeout = config.Duration(5 * time.Second) // a busy machine is not the trouble here
	})
	memory := func(bytes string) {
		if err := s.desk.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.must(t, warm, http.StatusOK, 5*time.Second)
	if keys := s.desk.Keys(t.Context(), "*"+keptLimit+"*").Val(); len(keys) != 1 {
		t.Fatalf("keys %v, want the one count", keys)
	}
	memory("1")
	for i := range 7 {
		want := http.StatusOK
		if i >= 5 {
			want = http.StatusTooManyRequests
		}
		s.must(t, warm, want, 3*time.Second)
	}
	if left := s.desk.Keys(t.Context(), "*"+keptLimit+"*").Val(); len(left) > 1 {
		t.Errorf("a full Redis took %v", left)
	}
	memory("0")
	// This process would let nobody in for an hour; Redis has counted one request.
	if reply := s.must(t, warm, http.StatusOK, 3*time.Second); reply.Header.Get("RateLimit-Remaining") != "3" {
		t.Errorf("remaining %q, want the 3 that Redis has counted", reply.Header.Get("RateLimit-Remaining"))
	}
	s.must(t, warm, http.StatusOK, 3*time.Second)
}

// Whatever befalls Postgres, who is known is served from memory for a while, who
// is not is told 503 and never let in; the replica is unready meanwhile, and well
// again without help. One that is slow or was restarted does its work.
func TestPostgresFaults(t *testing.T) {
	t.Parallel()

	simply := func(state lineState) func(*line) { return func(l *line) { l.set(state) } }
	const served, denied, away = http.StatusOK, http.StatusForbidden, http.StatusServiceUnavailable
	for name, tc := range map[string]struct {
		begin                 func(*line)
		known, unknown, ready int
	}{
		"dead":           {simply(cut), served, away, away},
		"stuck":          {simply(hold), served, away, away},
		"slow":           {simply(slow), served, denied, served},
		"garbage":        {simply(garbage), served, away, away},
		"half an answer": {simply(half), served, away, away},
		"too many connections": {func(l *line) {
			l.set(cut)
			l.refuse(postgresSays("53300", "sorry, too many clients already"))
		}, served, away, away},
		"shutting down": {func(l *line) {
			l.refuse(postgresSays("57P01", "terminating connection due to administrator command"))
		}, served, away, away},
		"restarted": {func(l *line) { l.set(cut); l.set(open) }, served, denied, served},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newStored(t)
			s.must(t, warm, http.StatusOK, 5*time.Second)
			s.token(t, demoHarbor)
			tc.begin(s.postgres)
			time.Sleep(300 * time.Millisecond) // the directory's memory has expired
			s.must(t, warm, tc.known, 12*time.Second)
			if reply := s.get(t, demoHarbor, warm); reply.StatusCode != tc.unknown || strings.Contains(string(reply.body), "127.0.0.1") {
				t.Errorf("somebody unknown: %d, want %d\n%s", reply.StatusCode, tc.unknown, reply.body)
			}
			if reply := s.get(t, "", "/readyz"); reply.StatusCode != tc.ready {
				t.Errorf("/readyz: %d, want %d", reply.StatusCode, tc.ready)
			}
			if reply := s.get(t, "", "/health"); reply.StatusCode != tc.ready || strings.Contains(string(reply.body), "UNAVAILABLE") == (tc.ready == served) {
				t.Errorf("/health: %d %s", reply.StatusCode, reply.body)
			}
			s.postgres.set(open)
			eventually(t, "the replica is ready again", func() bool { return s.get(t, "", "/readyz").StatusCode == http.StatusOK })
			eventually(t, "somebody unknown is looked up again", func() bool { return s.get(t, demoHarbor, warm).StatusCode == http.StatusForbidden })
		})
	}
}
