package provision

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// The environment variables that tell a test where running servers are, so that
// one pair serves every package of a test run.
const (
	PostgresVar = "REGISTRAR_TEST_POSTGRES_DSN" // URL of an administrator on any database
	RedisVar    = "REGISTRAR_TEST_REDIS_ADDR"   // host:port
)

// PostgresBinVar names a folder that holds initdb and postgres; it wins over
// every other place.
const PostgresBinVar = "REGISTRAR_TEST_PG_BIN"

// Servers is a running PostgreSQL and a running Redis, both empty.
type Servers struct {
	PostgresDSN string // URL of the superuser on the database "postgres"
	RedisAddr   string // host:port, no password

	home      *home
	processes []*process
	close     func() error
}

// Start brings up both servers and returns once both answer. ctx bounds the
// start alone; the servers run until [Servers.Close] or the end of this
// process. getenv is os.Getenv or a stand-in: PATH and [PostgresBinVar] are
// read. Without the programs it installs them, which takes half a minute and is
// told on standard error.
func Start(ctx context.Context, getenv func(string) string) (*Servers, error) {
	programs, err := findOrInstall(ctx, getenv)
	if err != nil {
		return nil, fmt.Errorf("provision: %w", err)
	}
	h, err := newHome()
	if err != nil {
		return nil, fmt.Errorf("provision: %w", err)
	}
	s := &Servers{home: h}
	s.close = sync.OnceValue(s.stop)
	if err := s.start(ctx, programs); err != nil {
		return nil, errors.Join(fmt.Errorf("provision: %w", err), s.Close())
	}
	return s, nil
}

func (s *Servers) start(ctx context.Context, programs programs) error {
	if err := s.home.initdb(ctx, programs.initdb); err != nil {
		return err
	}
	pg, err := s.home.serve(ctx, postgresServer(programs.postgres, s.home))
	if err != nil {
		return err
	}
	s.processes = append(s.processes, pg)
	s.PostgresDSN = postgresDSN(pg.port)

	cache, err := s.home.serve(ctx, redisServer(programs.redis, s.home))
	if err != nil {
		return err
	}
	s.processes = append(s.processes, cache)
	s.RedisAddr = loopback(cache.port)
	return nil
}

// Close stops both servers and removes their folder. It may be called more than
// once, and by several goroutines; all of them wait for the end.
func (s *Servers) Close() error { return s.close() }

func (s *Servers) stop() error {
	errs := make([]error, 0, len(s.processes)+1)
	for _, p := range s.processes {
		errs = append(errs, p.stop())
	}
	return errors.Join(append(errs, s.home.remove())...)
}
