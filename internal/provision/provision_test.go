package provision_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"registrar/internal/provision"
)

// start starts servers and says in which folder they live.
func start(t *testing.T) (*provision.Servers, string) {
	t.Helper()
	s, err := provision.Start(t.Context(), os.Getenv)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	conn := connect(t, s.PostgresDSN)
	dir := folder(t, conn)
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// folder asks PostgreSQL for the private folder of its pair.
func folder(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var data string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(data)
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatalf("PostgreSQL does not answer: %v", err)
	}
	return conn
}

func TestServersAnswerAndLeaveNothing(t *testing.T) {
	t.Parallel()
	s, dir := start(t)

	conn := connect(t, s.PostgresDSN)
	var sum int
	if err := conn.QueryRow(t.Context(), "SELECT 40 + 2").Scan(&sum); err != nil || sum != 42 {
		t.Errorf("PostgreSQL: 40 + 2 = %d, %v", sum, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.RedisAddr, MaxRetries: -1})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	if pong, err := client.Ping(t.Context()).Result(); err != nil || pong != "PONG" {
		t.Errorf("Redis: %q, %v", pong, err)
	}
	if err := client.Set(t.Context(), "key", "value", time.Minute).Err(); err != nil {
		t.Errorf("Redis: %v", err)
	}

	for range 2 { // closing twice is allowed
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left behind: %v", err)
	}
	if c, err := pgx.Connect(t.Context(), s.PostgresDSN); err == nil {
		t.Errorf("PostgreSQL still answers; closed: %v", c.Close(t.Context()))
	}
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("Redis still answers")
	}
}

func TestPairsAreApart(t *testing.T) {
	t.Parallel()
	a, dirA := start(t)
	b, dirB := start(t)
	if a.PostgresDSN == b.PostgresDSN || a.RedisAddr == b.RedisAddr || dirA == dirB {
		t.Errorf("two pairs share something: %v %v", a, b)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := provision.Start(ctx, os.Getenv); err == nil {
		t.Errorf("Start succeeded; Close: %v", s.Close())
	}
}

// TestFindsWhatTheEnvironmentNames puts an own program before the packages'.
func TestFindsWhatTheEnvironmentNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"initdb", "postgres"} {
		script := "#!/bin/sh\necho own " + name + " >&2\nexit 3\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := provision.Start(t.Context(), func(name string) string {
		if name == provision.PostgresBinVar {
			return dir
		}
		return os.Getenv(name)
	})
	if err == nil {
		t.Fatalf("Start did not use the named folder; Close: %v", s.Close())
	}
	if !strings.Contains(err.Error(), "initdb") {
		t.Errorf("error = %v, want one of initdb", err)
	}
}

// TestSweep plants folders in the temporary folder and looks which remain.
func TestSweep(t *testing.T) {
	t.Parallel()
	_, alive := start(t)
	old := time.Now().Add(-time.Hour)
	plant := func(age time.Time) string {
		// Below testing's own folders nobody would sweep.
		dir := filepath.Join(filepath.Dir(alive), "registrar-servers-"+rand.Text())
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := os.WriteFile(filepath.Join(dir, "owner.lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, age, age); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dead, young := plant(old), plant(time.Now())
	if err := os.Chtimes(alive, old, old); err != nil {
		t.Fatal(err)
	}
	start(t)
	for dir, want := range map[string]bool{dead: false, young: true, alive: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s remains = %v, want %v", dir, err == nil, want)
		}
	}
}

// TestKilledOwner kills an owner that had no chance to close.
func TestKilledOwner(t *testing.T) {
	t.Parallel()
	owner := exec.CommandContext(t.Context(), buildTool(t), "--", "sh", "-c", "echo $"+provision.PostgresVar+"; exec sleep 600")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "postgres://") {
		t.Fatalf("the child saw the DSN %q", lines.Text())
	}
	conn := connect(t, lines.Text())
	left := folder(t, conn)
	t.Cleanup(func() { _ = os.RemoveAll(left) }) // what the next start would sweep
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The server ends, so the connection does: no polling, no sleeping.
	if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)"); err == nil {
		t.Error("PostgreSQL outlived its killed owner")
	}
	_ = conn.Close(t.Context())
	if lines.Scan() { // blocks until nobody holds the child's output any more
		t.Errorf("the child says %q", lines.Text())
	}
	_ = owner.Wait() // "killed", as it was
}

func buildTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "withservers")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "registrar/internal/provision/withservers").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return tool
}
