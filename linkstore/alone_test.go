package linkstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func TestSQLiteServesOneProcess(t *testing.T) {
	t.Parallel()
	cfg := linkstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "links.db")}
	first, second := opened(t, cfg), opened(t, cfg)
	release, err := first.ServeAlone()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.ServeAlone(); registrar.KindOf(err) != registrar.Conflict || !strings.Contains(err.Error(), "PostgreSQL") {
		t.Errorf("a second claim: %v, want a Conflict that names the way out", err)
	}
	if _, err := second.Migrate(t.Context()); err != nil {
		t.Errorf("a command beside the serving process: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := second.ServeAlone()
	if err != nil {
		t.Fatalf("after the first let go: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}

func TestPostgresServesMany(t *testing.T) {
	t.Parallel()
	cfg := linkstore.Config{DSN: provisiontest.Postgres(t)}
	for range 2 {
		release, err := opened(t, cfg).ServeAlone()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = release() })
	}
}

func opened(t *testing.T, cfg linkstore.Config) *linkstore.Store {
	t.Helper()
	s, err := linkstore.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
