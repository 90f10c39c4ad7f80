package jobs

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5/pgxpool"
)

// CheckSchema is Unavailable when River's tables are not those of this program;
// the detail says what to do. pool is nil on SQLite.
func CheckSchema(ctx context.Context, db *sql.DB, pool *pgxpool.Pool) error {
	migrator, err := newMigrator(db, pool)
	if err != nil {
		return err
	}
	return checkSchema(ctx, migrator)
}
