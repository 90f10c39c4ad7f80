package linkstore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func migratingAgain(k *kit) {
	applied, err := k.store.Migrate(k.Context())
	if applied != 0 || err != nil {
		k.Errorf("Migrate = %d, %v; want 0, nil", applied, err)
	}
	k.must(k.store.CheckSchema(k.Context()))
	k.must(k.store.Ping(k.Context()))
}

func schemaBehind(k *kit) {
	empty := &kit{T: k.T, clock: k.clock, dsn: "sqlite:" + filepath.Join(k.TempDir(), "empty.db")}
	if strings.HasPrefix(k.dsn, "postgres:") {
		empty.dsn = provisiontest.Postgres(k.T)
	}
	s := empty.open()
	err := s.CheckSchema(k.Context())
	k.wantKind(err, registrar.Unavailable)
	if registrar.CodeOf(err) != "schema_behind" || !strings.Contains(err.Error(), "registrar migrate") {
		k.Errorf("error = %v, want one that says to migrate", err)
	}
	// Checking is no writing: a second check and a migration find nothing in their way.
	k.wantKind(s.CheckSchema(k.Context()), registrar.Unavailable)
	if applied, err := s.Migrate(k.Context()); applied == 0 || err != nil {
		k.Errorf("Migrate = %d, %v", applied, err)
	}
	k.must(s.CheckSchema(k.Context()))
}

func TestSchemaAhead(t *testing.T) {
	t.Parallel()
	k := newKit(t, provisiontest.Postgres(t))
	conn, err := pgx.Connect(t.Context(), k.dsn)
	k.must(err)
	_, err = conn.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	k.must(err)
	k.must(conn.Close(t.Context()))
	err = k.store.CheckSchema(t.Context())
	k.wantKind(err, registrar.Unavailable)
	if registrar.CodeOf(err) != "schema_ahead" || !strings.Contains(err.Error(), "99999") {
		t.Errorf("error = %v", err)
	}
}

// TestMigratingTogether is three replicas that start on an empty database.
func TestMigratingTogether(t *testing.T) {
	t.Parallel()
	k := &kit{T: t, dsn: provisiontest.Postgres(t), clock: &clock{now: noon()}}
	var applied atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		s := k.open()
		wg.Go(func() {
			n, err := s.Migrate(t.Context())
			if err != nil {
				t.Errorf("Migrate: %v", err)
			}
			if n > 0 {
				applied.Add(1)
			}
			if err := s.CheckSchema(t.Context()); err != nil {
				t.Errorf("CheckSchema: %v", err)
			}
		})
	}
	wg.Wait()
	if applied.Load() != 1 {
		t.Errorf("%d replicas applied migrations, want 1", applied.Load())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"nothing":          "",
		"another engine":   "mysql://root:hush@localhost/db",
		"no file":          "sqlite:",
		"memory":           "sqlite::memory:",
		"a broken URL":     "postgres://bo:hu%zzsh@localhost/db",
		"a broken port":    "postgres://bo:hush@localhost:port/db",
		"a broken setting": "postgres://bo:hush@localhost/db?pool_max_conns=x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := linkstore.Open(t.Context(), linkstore.Config{DSN: dsn})
			if err == nil {
				t.Fatalf("Open succeeded; Close: %v", s.Close())
			}
			if strings.Contains(err.Error(), "hu") && strings.Contains(err.Error(), "sh@") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// TestSQLiteFile names a file by what a URI would misread.
func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd %41 #name?.db")
	newKit(t, "sqlite:"+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %d bytes and mode %v, want some bytes that are the owner's own", info.Size(), info.Mode())
	}
	if s, err := linkstore.Open(t.Context(), linkstore.Config{DSN: "sqlite:" + filepath.Join(path, "below.db")}); err == nil {
		t.Errorf("Open succeeded below a file; Close: %v", s.Close())
	}
}

func cancelled(k *kit) {
	ctx, cancel := context.WithCancel(k.Context())
	cancel()
	if p, err := k.store.Programs(ctx); err == nil {
		k.Errorf("Programs = %v for a caller that is gone", p)
	}
	err := k.store.CreateOrganization(ctx, registrar.Organization{Key: "NorthU"})
	k.wantKind(err, registrar.Internal) // a hang-up is nobody's failure
	_, err = k.store.Organization(k.Context(), "NorthU")
	k.wantKind(err, registrar.NotFound)
}
