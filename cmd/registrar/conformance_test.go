package main

import (
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"testing"

	"registrar/internal/provision/provisiontest"
	"registrar/linkstore"
)

// conformanceCase is one line of the original's contract: its id there, and what
// has to be seen from outside. Every case has a world of its own, so that none
// leans on another.
type conformanceCase struct {
	id  string
	run func(t *testing.T, w *world)
}

// conformanceCases are all of them, in the contract's order. The ids are its.
func conformanceCases() []conformanceCase {
	var all []conformanceCase
	for _, section := range [][]conformanceCase{
		authenticationCases(), listingCases(), programCases(), courseCases(), writeCases(), courseWriteCases(),
		readCases(), jobCases(), uploadCases(), gradeCases(), reportCases(), flushCases(), v3Cases(), siteCases(), changedCases(),
	} {
		all = append(all, section...)
	}
	return all
}

// TestConformance holds the gateway to the original's contract, through a real
// listener, with a site that answers what each case says, on both stores.
func TestConformance(t *testing.T) {
	t.Parallel()

	key := newIssuerKey(t)
	for store, fresh := range map[string]func(testing.TB) string{
		"sqlite":   sqliteTemplate(t),
		"postgres": postgresTemplate(t),
	} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()

			for _, c := range conformanceCases() {
				t.Run(c.id, func(t *testing.T) {
					t.Parallel()

					c.run(t, newWorld(t, fresh(t), key))
				})
			}
		})
	}
}

// newIssuerKey is the key of an issuer of tokens.
func newIssuerKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sqliteTemplate makes the world of the contract once; what it returns copies it.
func sqliteTemplate(t *testing.T) func(testing.TB) string {
	t.Helper()
	original := filepath.Join(t.TempDir(), "w0.db")
	settle(t, "sqlite:"+original)
	content, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	return func(tb testing.TB) string {
		tb.Helper()
		path := filepath.Join(tb.TempDir(), "registrar.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			tb.Fatal(err)
		}
		return "sqlite:" + path
	}
}

func postgresTemplate(t *testing.T) func(testing.TB) string {
	t.Helper()
	original := provisiontest.Postgres(t)
	settle(t, original)
	return func(tb testing.TB) string {
		tb.Helper()
		return provisiontest.CopyPostgres(tb, original)
	}
}

// settle brings the schema and the people of the contract's world into dsn.
func settle(t *testing.T, dsn string) {
	t.Helper()
	store, err := linkstore.Open(t.Context(), linkstore.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrateStore(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	settlePeople(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
