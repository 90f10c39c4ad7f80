package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"registrar/internal/registrar"
)

// migrationLock is the number of the advisory lock under which River's tables
// are made: "river" on a telephone's keys.
const migrationLock = 74837

// driver is River's view of the store's database. Both speak database/sql, so
// that a job and its dispatch go into one transaction; the pool is for LISTEN.
func driver(db *sql.DB, pool *pgxpool.Pool) riverdriver.Driver[*sql.Tx] {
	if pool == nil {
		return riversqlite.New(db)
	}
	return riverdatabasesql.NewWithPgxListener(db, pool)
}

// Migrate brings River's tables up to date and returns how many migrations that
// took. Several may try at once: on PostgreSQL one works and the others wait.
// pool is nil on SQLite.
func Migrate(ctx context.Context, db *sql.DB, pool *pgxpool.Pool) (applied int, err error) {
	migrator, err := newMigrator(db, pool)
	if err != nil {
		return 0, err
	}
	// The lock takes a session of its own, so it is not taken in vain.
	if err := checkSchema(ctx, migrator); err == nil {
		return 0, nil
	}
	unlock, err := lockMigrations(ctx, pool)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if pool == nil {
		return migrateRacing(ctx, migrator)
	}
	return migrate(ctx, migrator)
}

func migrate(ctx context.Context, migrator *rivermigrate.Migrator[*sql.Tx]) (applied int, err error) {
	result, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return 0, unavailable("migrate", err)
	}
	return len(result.Versions), nil
}

// migrateRacing migrates without a lock, which SQLite does not have. Each
// migration is a transaction with its number in it, so of two who try the same
// one fails, and goes on after it.
func migrateRacing(ctx context.Context, migrator *rivermigrate.Migrator[*sql.Tx]) (applied int, err error) {
	const tries = 20 // more than there are migrations
	for range tries {
		applied, err = migrate(ctx, migrator)
		if err == nil || ctx.Err() != nil {
			return applied, err
		}
	}
	return 0, err
}

func newMigrator(db *sql.DB, pool *pgxpool.Pool) (*rivermigrate.Migrator[*sql.Tx], error) {
	migrator, err := rivermigrate.New(driver(db, pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("jobs: migrations: %w", err)
	}
	return migrator, nil
}

// checkSchema is Unavailable when River's tables are not those of this program.
func checkSchema(ctx context.Context, migrator *rivermigrate.Migrator[*sql.Tx]) error {
	result, err := migrator.Validate(ctx, nil)
	if err != nil {
		return unavailable("schema", err)
	}
	if !result.OK {
		return &registrar.Error{
			Kind: registrar.Unavailable, Code: "schema_behind",
			Detail: "The tables of the job queue are behind this program: run `registrar migrate`.",
		}
	}
	return nil
}

// lockMigrations waits for a lock that one session of the whole database holds at
// a time. The session is none of the pool's: those who wait would keep the one who
// works from a second connection. It does nothing on SQLite.
func lockMigrations(ctx context.Context, pool *pgxpool.Pool) (unlock func() error, err error) {
	if pool == nil {
		return func() error { return nil }, nil
	}
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return nil, unavailable("migration lock", err)
	}
	// The lock ends with its session.
	unlock = func() error {
		ctx, cancel := closing(ctx)
		defer cancel()
		return conn.Close(ctx)
	}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		return nil, errors.Join(unavailable("migration lock", err), unlock())
	}
	return unlock, nil
}

func unavailable(what string, cause error) error {
	return registrar.Fail(registrar.Unavailable, "The job queue cannot be reached.", fmt.Errorf("jobs: %s: %w", what, cause))
}
