package jobs

import (
	"cmp"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"registrar/internal/registrar"
)

// Config is how a [Queue] works. The zero value of a field is its default.
type Config struct {
	Exports int // exports at a time, on this replica; 0 means 4
	Uploads int // uploads at a time, on this replica; 0 means 2
	// Batches is how many batches of rows one upload sends at a time, over all its
	// course runs; 0 means 4. The [Enroller] bounds those of one course run.
	Batches int
	// Ahead is how many course runs of one export are read at a time; 0 means 4.
	Ahead int
	// Timeout bounds one attempt at a job; 0 means 30 minutes.
	Timeout time.Duration
	// Lease is how long a job stays with a worker that gives no sign of life; 0
	// means 15 s. It is renewed three times as often, and looked for twice as often.
	Lease time.Duration
	// Grace is how long running jobs may go on after [Queue.Stop] before they are
	// handed back; 0 means 10 s.
	Grace time.Duration
	// Attempts is how often a job is begun, after trouble of our own, deaths and
	// restarts, before it is given up; 0 means 10.
	Attempts int
	// Keep is the age at which the files of an ended job are deleted, and those that
	// a killed process left without a job, which are a day old at least; 0 means never.
	Keep time.Duration
}

func (c Config) withDefaults() Config {
	c.Exports = cmp.Or(c.Exports, 4)
	c.Uploads = cmp.Or(c.Uploads, 2)
	c.Batches = cmp.Or(c.Batches, 4)
	c.Ahead = cmp.Or(c.Ahead, 4)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Minute)
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Attempts = cmp.Or(c.Attempts, 10)
	return c
}

// Deps are what a [Queue] works with. All but Pool and Observe are needed.
type Deps struct {
	Store    Store
	LMS      Pages
	Enroller Enroller
	Files    Storage
	// DB is the database of the store, for River alone. Pool is what lies below it
	// on PostgreSQL; nil says that DB is SQLite and that this process is alone.
	DB   *sql.DB
	Pool *pgxpool.Pool
	Log  *slog.Logger
	// Observe, if set, hears of every attempt that is over, with the state it
	// leaves the job in and the time that it took. It must not block.
	Observe func(kind registrar.JobKind, state registrar.JobState, took time.Duration)
}
