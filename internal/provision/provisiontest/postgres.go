package provisiontest

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"registrar/internal/provision"
)

// Postgres returns the URL of an empty database that is the test's own and is
// dropped after it, with whatever connections are left.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return database(tb, "")
}

// CopyPostgres returns the URL of a database like [Postgres]'s that begins as a
// copy of the one at dsn, to which nobody may be connected meanwhile.
func CopyPostgres(tb testing.TB, dsn string) string {
	tb.Helper()
	original, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal("the original's DSN is not a URL")
	}
	return database(tb, " TEMPLATE "+pgx.Identifier{strings.TrimPrefix(original.Path, "/")}.Sanitize())
}

// database creates a database; like is what follows its name.
func database(tb testing.TB, like string) string {
	tb.Helper()
	admin := server(tb, provision.PostgresVar)
	dsn, err := url.Parse(admin)
	if err != nil {
		tb.Fatalf("%s is not a URL", provision.PostgresVar)
	}
	name := pgx.Identifier{"t_" + uuid.NewString()}
	administer(tb, admin, "CREATE DATABASE "+name.Sanitize()+like)
	tb.Cleanup(func() { administer(tb, admin, "DROP DATABASE IF EXISTS "+name.Sanitize()+" WITH (FORCE)") })
	dsn.Path = "/" + name[0]
	return dsn.String()
}

// administer runs one statement. It does not use the test's context, which is
// over when cleanups run.
func administer(tb testing.TB, dsn, statement string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v", err)
	}
	defer func() {
		if err := conn.Close(ctx); err != nil {
			tb.Errorf("PostgreSQL for tests: %v", err)
		}
	}()
	if _, err := conn.Exec(ctx, statement); err != nil {
		tb.Fatalf("PostgreSQL for tests: %v", err)
	}
}

// server returns where a server is, or fails the test.
func server(tb testing.TB, name string) string {
	tb.Helper()
	where := os.Getenv(name)
	if where == "" {
		tb.Fatalf("no servers: call provisiontest.Main from TestMain, or set %s", name)
	}
	return where
}
