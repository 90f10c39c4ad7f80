package audit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// Config says how records are kept. The zero value of each field is its documented
// default.
type Config struct {
	// Key is the site's secret by which student keys are hashed, of 16 bytes or
	// more. Default: a random one, so that hashes of two runs or two replicas cannot
	// be compared.
	Key []byte
	// Flush is how long a read waits for others to be stored with. Default: 200 ms.
	Flush time.Duration
	// Batch is how many are stored at a time. Default: 100.
	Batch int
	// Queue is how many reads wait at most, and how many records for a store that is
	// away. Default: 10000.
	Queue int
	// Timeout bounds one attempt to store. Default: 5 s.
	Timeout time.Duration
	// Patience is how long records wait for a store that is away. Default: 10 min.
	Patience time.Duration
}

// Store keeps records.
type Store interface {
	// RecordTouch stores all of records or none. One whose id is stored already is
	// left as it is.
	RecordTouch(ctx context.Context, records []Record) error
}

// Programs knows which organization manages a program.
type Programs interface {
	Program(ctx context.Context, key registrar.ProgramKey) (registrar.Program, error)
}

// Deps is what the recorder uses.
type Deps struct {
	Store    Store        // required
	Programs Programs     // required
	Log      *slog.Logger // nil: no log, and so no refuge for records
}

func (c Config) withDefaults() Config {
	c.Flush = cmp.Or(c.Flush, 200*time.Millisecond)
	c.Batch = cmp.Or(c.Batch, 100)
	c.Queue = cmp.Or(c.Queue, 10_000)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Patience = cmp.Or(c.Patience, 10*time.Minute)
	if len(c.Key) == 0 {
		c.Key = make([]byte, sha256Block)
		_, _ = rand.Read(c.Key) // never fails: the process ends instead
	}
	return c
}

const (
	minKey      = 16
	sha256Block = 64
)

func (c Config) check() error {
	if len(c.Key) < minKey {
		return fmt.Errorf("audit: the site's key has %d bytes; want %d or more", len(c.Key), minKey)
	}
	if min(c.Batch, c.Queue) < 1 || min(c.Flush, c.Timeout, c.Patience) < 0 {
		return errors.New("audit: a batch, a queue or a time is less than it can be")
	}
	return nil
}
