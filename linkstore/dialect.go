package linkstore

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// dialect is the engine behind the store. Only migrations and the reading of
// driver errors depend on it.
type dialect int

const (
	postgres dialect = iota
	sqlite
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// goose returns the migration library's name of the engine.
func (d dialect) goose() goose.Dialect {
	if d == sqlite {
		return goose.DialectSQLite3
	}
	return goose.DialectPostgres
}

// types replaces the tokens for the few column types that differ, and for the
// one trigger.
func (d dialect) types() *strings.Replacer {
	if d == sqlite {
		return strings.NewReplacer("{{timestamp}}", "TIMESTAMP", "{{bytes}}", "BLOB",
			"{{audit_log is append-only}}", sqliteAppendOnly, "{{audit_log is gone}}", "")
	}
	return strings.NewReplacer("{{timestamp}}", "TIMESTAMPTZ", "{{bytes}}", "BYTEA",
		"{{audit_log is append-only}}", postgresAppendOnly, "{{audit_log is gone}}", "DROP FUNCTION audit_log_refuse();")
}

// What keeps the rows of the audit log as they were written. The engines have no
// common words for a trigger.
const (
	sqliteAppendOnly = `-- +goose StatementBegin
CREATE TRIGGER audit_log_append_only BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
-- +goose StatementEnd`
	postgresAppendOnly = `-- +goose StatementBegin
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_append_only BEFORE UPDATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();`
)

// hasTable is a query that counts the tables of one name in the present schema.
func (d dialect) hasTable() string {
	if d == sqlite {
		return `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
	}
	return `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`
}

// migrations returns the folder of migrations in the engine's own types.
func (d dialect) migrations() (fs.FS, error) {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return typedFS{FS: sub, types: d.types()}, nil
}

// typedFS replaces type tokens while files are read.
type typedFS struct {
	fs.FS
	types *strings.Replacer
}

// Open opens a file whose tokens are replaced; folders pass through.
func (t typedFS) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil { // reopened by ReadFile, which reads to the end
		return nil, err
	}
	text, err := fs.ReadFile(t.FS, name)
	if err != nil {
		return nil, err
	}
	return typedFile{Reader: bytes.NewReader([]byte(t.types.Replace(string(text)))), info: info}, nil
}

// typedFile is a file in memory. Its info keeps the size on disk, which nothing
// relies on.
type typedFile struct {
	*bytes.Reader
	info fs.FileInfo
}

// Stat describes the file on disk.
func (f typedFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close has nothing to give back.
func (f typedFile) Close() error { return nil }
