package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode/utf8"
)

// querier is what a pool and a transaction share. Inside a transaction all
// statements must go through it: SQLite has one writer, and a second one would
// wait for itself.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// inTx runs f in a transaction, and keeps what it did if it returns nil.
func (s *Store) inTx(ctx context.Context, f func(q querier) error) error {
	return s.inSQLTx(ctx, func(tx *sql.Tx) error { return f(tx) })
}

// inSQLTx is inTx for an f that hands the transaction on to somebody else's code.
func (s *Store) inSQLTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// After the commit this says "already done"; after a failure the cause is
	// on its way, and a panic must not keep the only connection.
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// each runs a query and calls scan for every row.
func each(ctx context.Context, q querier, scan func(rows *sql.Rows) error, query string, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// orNull stores an empty text as NULL, which is unlike every other NULL.
func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// storable reports whether PostgreSQL can keep a text at all. What it cannot
// keep, nobody can look up.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// changedOne turns "no row was touched" into [sql.ErrNoRows].
func changedOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return sql.ErrNoRows
	}
	return nil
}
