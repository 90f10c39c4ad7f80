package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Config says where the database is.
type Config struct {
	// DSN is a PostgreSQL URL ("postgres://…", with pgx's options) or
	// "sqlite:" and a file's path. It may hold a password.
	DSN string
	// MaxConns bounds the connections to PostgreSQL; 0 means 10. SQLite has one
	// for writing and four for reading, whatever is said here.
	MaxConns int
	// ConnectTimeout bounds one attempt to connect to PostgreSQL; 0 means 5 s.
	ConnectTimeout time.Duration
	// Tracer, if set, hears of every statement on PostgreSQL.
	Tracer pgx.QueryTracer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	write   *sql.DB
	// read is write again on PostgreSQL. SQLite has one writer, and readers
	// that need not wait for a snapshot of 100,000 rows.
	read *sql.DB
	pool *pgxpool.Pool // nil on SQLite
	file string        // SQLite's; empty on PostgreSQL
	now  func() time.Time
}

// Open prepares the connections: an unreachable PostgreSQL is noticed by
// [Store.Ping] only, a mistake in the DSN or a file that cannot be opened at
// once. It does not migrate.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{now: cfg.Now}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if path, ok := strings.CutPrefix(cfg.DSN, "sqlite:"); ok {
		err = s.openSQLite(path)
	} else {
		err = s.openPostgres(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("linkstore: %w", err)
	}
	return s, nil
}

func (s *Store) openPostgres(ctx context.Context, cfg Config) error {
	if !strings.HasPrefix(cfg.DSN, "postgres://") && !strings.HasPrefix(cfg.DSN, "postgresql://") {
		return errors.New(`the DSN begins with none of "postgres://", "postgresql://" and "sqlite:"`)
	}
	// The driver's own complaint quotes the DSN, so it is not passed on.
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return errors.New("the PostgreSQL DSN cannot be read; is every special character of the password percent-encoded?")
	}
	pc.MaxConns = 10
	if cfg.MaxConns > 0 {
		pc.MaxConns = int32(min(cfg.MaxConns, 10_000))
	}
	pc.ConnConfig.ConnectTimeout = 5 * time.Second
	if cfg.ConnectTimeout > 0 {
		pc.ConnConfig.ConnectTimeout = cfg.ConnectTimeout
	}
	pc.ConnConfig.Tracer = cfg.Tracer
	// All connections of a pool die in one restart of the server, and a statement
	// survives only so many dead ones. By default pgx looks after a second.
	const idle = 100 * time.Millisecond
	pc.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > idle }
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return err
	}
	s.dialect, s.pool = postgres, pool
	s.write = stdlib.OpenDBFromPool(pool)
	s.read = s.write
	return nil
}

// openSQLite opens the file twice. Transactions take the write lock at once,
// for one that upgrades later can only fail.
func (s *Store) openSQLite(path string) error {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return errors.New("the SQLite DSN names no file")
	}
	// SQLite would make the file readable to all, and it names learners.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	options := "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=foreign_keys(1)&_time_format=sqlite&_timezone=UTC"
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + options
	write, err := sql.Open("sqlite", name+"&_txlock=immediate")
	if err != nil {
		return err
	}
	read, err := sql.Open("sqlite", name+"&_pragma=query_only(1)")
	if err != nil {
		return errors.Join(err, write.Close())
	}
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	s.dialect, s.write, s.read, s.file = sqlite, write, read, path
	return nil
}

// Ping asks the database for a sign of life; silence is Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	return classify("ping", s.read.PingContext(ctx))
}

// Close waits for running statements and closes every connection.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if err != nil {
		return fmt.Errorf("linkstore: close: %w", err)
	}
	return nil
}

// stamp is the time that is stored: UTC, in the microseconds that both engines
// keep.
func (s *Store) stamp() time.Time { return micro(s.now()) }

func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// newID makes an id that grows with time, which keeps the indexes dense.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("linkstore: id: %w", err)
	}
	return id.String(), nil
}

// Pool tells how the connections that write stand; on PostgreSQL they are all.
func (s *Store) Pool() sql.DBStats { return s.write.Stats() }

// Handles returns the connections themselves, for a job queue that keeps tables
// of its own beside ours; pool is nil on SQLite. Nobody else needs them. They are
// closed by [Store.Close].
func (s *Store) Handles() (db *sql.DB, pool *pgxpool.Pool) { return s.write, s.pool }
