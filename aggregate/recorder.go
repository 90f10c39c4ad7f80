package aggregate

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"registrar/internal/registrar"
)

// recordEvery is how often an unchanged snapshot is recorded again, only to say
// that it still holds. So the index may look this much older than it is.
const recordEvery = time.Minute

// recorder feeds the link index with every enrollment listing that was walked.
type recorder struct {
	index Index
	log   *slog.Logger

	mu   sync.Mutex
	last map[registrar.ProgramUUID]record
}

// record is what the index was told last of a program, by this process.
type record struct {
	digest string
	seen   time.Time
}

func newRecorder(index Index, cfg Config) *recorder {
	return &recorder{index: index, log: cfg.Log, last: make(map[registrar.ProgramUUID]record)}
}

// record writes a landed listing into the index. Readers do not wait for it and
// do not fail with it: the next listing that lands tries again.
func (r *recorder) record(ctx context.Context, p registrar.Program, l landing) {
	rows, ok := l.entry.value.(listing[registrar.ProgramEnrollment])
	if !ok || r.known(p.UUID, l) {
		return
	}
	if err := r.index.RecordSnapshot(ctx, p, rows.rows, l.begun); err != nil {
		r.log.WarnContext(ctx, "aggregate: snapshot not recorded",
			slog.String("program", string(p.Key)), slog.Any("error", err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[p.UUID] = record{digest: l.entry.digest, seen: l.begun}
}

// known reports whether the index has just been told the same.
func (r *recorder) known(uuid registrar.ProgramUUID, l landing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.last[uuid]
	return ok && last.digest == l.entry.digest && l.begun.Sub(last.seen) < recordEvery
}
