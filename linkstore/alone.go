package linkstore

import (
	"errors"
	"fmt"
	"os"

	"registrar/internal/registrar"
)

// ServeAlone claims the database for one serving process, until release is called
// or the process ends, however it ends. On SQLite a second claim fails with
// [registrar.Conflict]: replicas that share one file would each keep a cache and
// limits of their own. On PostgreSQL everybody may serve. Commands of an operator
// need no claim.
func (s *Store) ServeAlone() (release func() error, err error) {
	if s.file == "" {
		return func() error { return nil }, nil
	}
	file, err := os.OpenFile(s.file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("linkstore: claim: %w", err)
	}
	if err := lockFile(file); err != nil {
		cause := errors.Join(err, file.Close())
		return nil, registrar.Fail(registrar.Conflict,
			"Another gateway already serves from this SQLite file. Several replicas need PostgreSQL: set store.dsn to postgres://….", cause)
	}
	// The lock file stays: removing it would let two processes lock two files.
	return file.Close, nil
}
