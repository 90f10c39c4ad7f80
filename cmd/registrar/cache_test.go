package main

import (
	"strings"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
)

// A purge says what it waits for, gives up within seconds, and tells neither where
// Redis is nor who asks it. The database is asked for one program alone, and last.
func TestPurgeByCommand(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		redis func(*line)
		args  []string
		code  int
		says  []string
	}{
		"well":              {func(*line) {}, nil, 0, []string{"Every replica forgets everything."}},
		"hung":              {func(l *line) { l.set(hold) }, nil, 1, []string{"Redis (redis.url) gives no answer; trying for 3s more", "nothing is purged: redis (redis.url) gives no answer"}},
		"hung, one program": {func(l *line) { l.set(hold) }, []string{"--program", "masters-cs"}, 1, []string{"nothing is purged: redis (redis.url) gives no answer"}},
		"gone":              {func(l *line) { l.listener.Close() }, nil, 1, []string{"trying for 3s more", "nothing is purged: redis (redis.url) cannot be reached: connection refused"}},
		"no database":       {func(*line) {}, []string{"--program", "masters-cs"}, 1, []string{"database"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			l, address := throughLine(t, provisiontest.Redis(t))
			address = strings.Replace(address, "redis://", "redis://canary:hunter2@", 1)
			if name == "well" || name == "no database" { // the throw-away server knows nobody
				address = strings.Replace(address, "canary:hunter2@", "", 1)
			}
			c := newConsole(t, "http://127.0.0.1:1").with("REGISTRAR_REDIS_URL=" + address).
				with("REGISTRAR_STORE_DSN=postgres://canary@127.0.0.1:1/canary")
			tc.redis(l)
			begun := time.Now()
			code, out, errs := c.run(t, append([]string{"cache", "purge"}, tc.args...)...)
			if code != tc.code {
				t.Errorf("exit %d, want %d\n%s%s", code, tc.code, out, errs)
			}
			for _, want := range tc.says {
				if !strings.Contains(out+errs, want) {
					t.Errorf("it says %q, want %q", out+errs, want)
				}
			}
			for _, secret := range []string{"canary", "hunter2", "127.0.0.1"} {
				if strings.Contains(out+errs, secret) {
					t.Errorf("%q names %q", out+errs, secret)
				}
			}
			if took := time.Since(begun); took > 7*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A server that refuses is told by its code alone.
func TestPurgeByCommandOfAStranger(t *testing.T) {
	t.Parallel()

	address := strings.Replace(provisiontest.Redis(t), "redis://", "redis://canary:hunter2@", 1)
	code, _, errs := newConsole(t, "http://127.0.0.1:1").with("REGISTRAR_REDIS_URL="+address).run(t, "cache", "purge")
	if code != 1 || !strings.Contains(errs, "redis (redis.url) refuses: WRONGPASS") || strings.Contains(errs, "canary") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
