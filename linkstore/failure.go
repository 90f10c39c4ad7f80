package linkstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	driverlite "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"registrar/internal/registrar"
)

// classify adds the place to an error of the database and gives it a kind. It
// returns nil for nil, and leaves alone what is classified already.
func classify(place string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*registrar.Error](err); ok {
		return fmt.Errorf("linkstore: %s: %w", place, err)
	}
	cause := fmt.Errorf("linkstore: %s: %w", place, wordless(err))
	switch k := kindOf(err); k {
	case registrar.NotFound:
		return registrar.Fail(k, "Not found.", cause)
	case registrar.Conflict:
		return registrar.Fail(k, "It conflicts with what is stored already.", cause)
	case registrar.Invalid:
		return registrar.Fail(k, "A value cannot be stored.", cause)
	case registrar.Unavailable:
		return registrar.Fail(k, "The database cannot be reached.", cause)
	default:
	}
	return cause // a deadline of the caller's stays visible, and the rest is a defect
}

// conflict is classify with a sentence of its own for a name that is taken.
func conflict(place, detail string, err error) error {
	if err != nil && kindOf(err) == registrar.Conflict {
		return registrar.Fail(registrar.Conflict, detail, fmt.Errorf("linkstore: %s: %w", place, wordless(err)))
	}
	return classify(place, err)
}

func kindOf(err error) registrar.Kind {
	if errors.Is(err, sql.ErrNoRows) {
		return registrar.NotFound
	}
	if isConnecting(err) { // whatever the server said to it, no statement is at fault
		return registrar.Unavailable
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(e.Code)
	}
	if e, ok := errors.AsType[*driverlite.Error](err); ok {
		return sqliteKind(e.Code())
	}
	if unreachable(err) {
		return registrar.Unavailable
	}
	return registrar.Internal
}

// isConnecting reports whether a connection was not made. One that ran out of time
// says nothing about the caller's.
func isConnecting(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// unreachable reports whether the connection, not the statement, is at fault.
func unreachable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	_, network := errors.AsType[*net.OpError](err)
	return network || garbled(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// garbled reports whether what came is not PostgreSQL's protocol, as from a proxy
// that is not well. pgx has no types for these errors.
func garbled(err error) bool {
	text := err.Error()
	return strings.Contains(text, "invalid message length") || strings.Contains(text, "unknown message type")
}

// postgresKind reads an SQLSTATE. Its first two characters are the class.
func postgresKind(state string) registrar.Kind {
	switch state {
	case "23505", "23503": // unique, foreign key
		return registrar.Conflict
	case "23514", "23502": // check, not null
		return registrar.Invalid
	case "25006", "40001", "40P01": // a standby took over; serialization; deadlock
		return registrar.Unavailable
	}
	if len(state) < 2 {
		return registrar.Internal
	}
	switch state[:2] {
	case "22": // data exception, such as a NUL in a text
		return registrar.Invalid
	case "08", "53", "57", "58": // connection, resources, operator, system
		return registrar.Unavailable
	}
	return registrar.Internal
}

// sqliteKind reads an extended result code; its low byte is the class.
func sqliteKind(code int) registrar.Kind {
	switch code {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return registrar.Conflict
	case codes.SQLITE_CONSTRAINT_CHECK, codes.SQLITE_CONSTRAINT_NOTNULL:
		return registrar.Invalid
	}
	switch code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_READONLY, codes.SQLITE_IOERR,
		codes.SQLITE_FULL, codes.SQLITE_CANTOPEN:
		return registrar.Unavailable
	case codes.SQLITE_TOOBIG:
		return registrar.Invalid
	}
	return registrar.Internal
}
