package provisiontest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/internal/provision"
)

// Redis returns the URL ("redis://host:port/n") of an empty Redis database that
// is the test's own and is emptied after it. Publish and subscribe are shared:
// Redis has one namespace of channels for all databases.
func Redis(tb testing.TB) string {
	tb.Helper()
	addr := server(tb, provision.RedisVar)
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	desk := redis.NewClient(&redis.Options{Addr: addr})
	n, err := claim(ctx, desk)
	if err != nil {
		tb.Fatalf("Redis for tests: %v", errors.Join(err, desk.Close()))
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
		defer cancel()
		if err := errors.Join(flush(ctx, addr, n), desk.Del(ctx, claimKey(n)).Err(), desk.Close()); err != nil {
			tb.Errorf("Redis for tests: %v", err)
		}
	})
	if err := flush(ctx, addr, n); err != nil {
		tb.Fatalf("Redis for tests: %v", err)
	}
	return fmt.Sprintf("redis://%s/%d", addr, n)
}

// OwnRedis returns the address of a Redis server that is the test's own, to be
// filled and set up otherwise; it ends with the test.
func OwnRedis(tb testing.TB) string {
	tb.Helper()
	servers, err := provision.Start(tb.Context(), os.Getenv)
	if err != nil {
		tb.Fatalf("Redis for tests: %v", err)
	}
	tb.Cleanup(func() {
		if err := servers.Close(); err != nil {
			tb.Errorf("Redis for tests: %v", err)
		}
	})
	return servers.RedisAddr
}

// claim finds a database number that no other test holds. The claims stand in
// database 0, which is nobody's, and lapse when their holder was killed.
func claim(ctx context.Context, desk *redis.Client) (int, error) {
	conf, err := desk.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, err
	}
	count, err := strconv.Atoi(conf["databases"])
	if err != nil {
		return 0, err
	}
	for n := 1; n < count; n++ {
		if err := desk.SetArgs(ctx, claimKey(n), 1, redis.SetArgs{Mode: "NX", TTL: time.Hour}).Err(); err == nil {
			return n, nil
		} else if !errors.Is(err, redis.Nil) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("all %d databases are taken", count-1)
}

func claimKey(n int) string { return "provision:claim:" + strconv.Itoa(n) }

func flush(ctx context.Context, addr string, n int) error {
	client := redis.NewClient(&redis.Options{Addr: addr, DB: n})
	return errors.Join(client.FlushDB(ctx).Err(), client.Close())
}
