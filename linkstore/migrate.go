package linkstore

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"registrar/internal/registrar"
)

// versionTable is where the migrations that ran are listed.
const versionTable = goose.DefaultTablename

// Migrate brings the schema up to date and returns how many migrations that
// took; 0 means that it was. Several may try at once on PostgreSQL: one works
// and the others wait, five minutes at most.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	provider, err := s.migrations()
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, classify("migrate", err)
	}
	return len(results), nil
}

// CheckSchema compares the schema with what this program needs. One that is
// behind or ahead is Unavailable, and the detail says what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	provider, err := s.migrations()
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	want := sources[len(sources)-1].Version // ascending, and never empty
	have, err := s.schemaVersion(ctx)
	if err != nil {
		return classify("schema version", err)
	}
	switch {
	case have < want:
		return wrongSchema("schema_behind", fmt.Sprintf(
			"The database schema is at version %d and this program needs %d: run `registrar migrate`.", have, want))
	case have > want:
		return wrongSchema("schema_ahead", fmt.Sprintf(
			"The database schema is at version %d, ahead of this program's %d: a newer release ran `registrar migrate`; run that release.", have, want))
	}
	return nil
}

func wrongSchema(code, detail string) error {
	return &registrar.Error{Kind: registrar.Unavailable, Code: code, Detail: detail}
}

// schemaVersion reads the version without the library's help, which would
// create the table of versions on the way.
func (s *Store) schemaVersion(ctx context.Context) (int64, error) {
	var tables int
	if err := s.read.QueryRowContext(ctx, s.dialect.hasTable(), versionTable).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var version int64
	err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+versionTable).Scan(&version)
	return version, err
}

func (s *Store) migrations() (*goose.Provider, error) {
	files, err := s.dialect.migrations()
	if err != nil {
		return nil, fmt.Errorf("linkstore: migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect == postgres {
		const seconds, tries = 1, 300
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(seconds, tries))
		if err != nil {
			return nil, fmt.Errorf("linkstore: migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(s.dialect.goose(), s.write, files, options...)
	if err != nil {
		return nil, fmt.Errorf("linkstore: migrations: %w", err)
	}
	return provider, nil
}
