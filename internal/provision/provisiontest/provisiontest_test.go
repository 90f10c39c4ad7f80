package provisiontest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"registrar/internal/provision/provisiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(provisiontest.With(m)) }

func TestPostgresIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for range 3 {
		dsn := provisiontest.Postgres(t)
		wg.Go(func() {
			conn, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			// A second creation in one database would fail.
			if _, err := conn.Exec(t.Context(), "CREATE TABLE mine (id INT)"); err != nil {
				t.Errorf("create: %v", err)
			}
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

//nolint:tparallel // the outer test looks at what the inner one left
func TestPostgresIsDropped(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("use", func(t *testing.T) {
		dsn = provisiontest.Postgres(t)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if conn, err := pgx.Connect(ctx, dsn); err == nil {
		t.Errorf("the database is left behind; closed: %v", conn.Close(ctx))
	}
}

func TestRedisIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	a, b := client(t, provisiontest.Redis(t)), client(t, provisiontest.Redis(t))
	if err := a.Set(t.Context(), "key", "value", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Exists(t.Context(), "key").Result(); err != nil || n != 0 {
		t.Errorf("the other database has %d keys of this one, %v", n, err)
	}
	if n, err := a.DBSize(t.Context()).Result(); err != nil || n != 1 {
		t.Errorf("the database has %d keys, %v; want 1", n, err)
	}
}

func client(t *testing.T, where string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(where)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
