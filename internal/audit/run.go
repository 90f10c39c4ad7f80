package audit

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

const (
	firstPause = time.Second // between attempts; doubled each time
	maxPause   = 30 * time.Second
)

// backlog is what waits for a store that is away, and since when it is.
type backlog struct {
	records []Record
	since   time.Time
	pause   time.Duration
	again   <-chan time.Time // nil: nothing waits
}

// run stores reads in batches, and tries again what could not be stored.
func (r *Recorder) run() {
	defer close(r.ended)
	var batch []Record
	var flush <-chan time.Time
	var b backlog
	for {
		select {
		case rec := <-r.reads:
			if batch = append(batch, rec); len(batch) == 1 {
				flush = time.After(r.cfg.Flush)
			}
			if len(batch) < r.cfg.Batch {
				continue
			}
			r.storeReads(&b, batch)
			batch, flush = nil, nil
		case <-flush:
			r.storeReads(&b, batch)
			batch, flush = nil, nil
		case rec := <-r.late:
			r.keep(&b, rec)
		case <-b.again:
			r.tryAgain(&b)
		case <-r.closing:
			r.finish(&b, batch)
			return
		}
	}
}

func (r *Recorder) storeReads(b *backlog, batch []Record) {
	if len(batch) == 0 {
		return
	}
	if err := r.store(r.base, batch); err != nil {
		r.saveInLog(r.base, err, batch...)
		r.keep(b, batch...)
	}
}

// keep adds to what waits, as far as there is room.
func (r *Recorder) keep(b *backlog, records ...Record) {
	room := max(r.cfg.Queue-len(b.records), 0)
	if len(records) > room {
		r.lost.Add(uint64(len(records) - room))
		records = records[:room]
	}
	b.records = append(b.records, records...)
	if b.again == nil && len(b.records) > 0 {
		b.since, b.pause = time.Now(), firstPause
		b.again = time.After(b.pause)
	}
}

// tryAgain stores what waits, batch by batch, and gives up when the store was away
// for too long.
func (r *Recorder) tryAgain(b *backlog) {
	for len(b.records) > 0 {
		n := min(r.cfg.Batch, len(b.records))
		if r.store(r.base, b.records[:n]) != nil {
			break
		}
		b.records = slices.Delete(b.records, 0, n)
		b.since = time.Now()
	}
	if len(b.records) > 0 && time.Since(b.since) >= r.cfg.Patience {
		r.log.ErrorContext(r.base, "audit records are given up; they stand in the log only", slog.Int("records", len(b.records)))
		r.lost.Add(uint64(len(b.records)))
		b.records = nil
	}
	if len(b.records) == 0 {
		*b = backlog{}
		return
	}
	b.pause = min(2*b.pause, maxPause)
	b.again = time.After(b.pause)
}

// finish stores what is left, trying once.
func (r *Recorder) finish(b *backlog, batch []Record) {
	for left := true; left; {
		select {
		case rec := <-r.reads:
			batch = append(batch, rec)
		case rec := <-r.late:
			r.keep(b, rec)
		default:
			left = false
		}
	}
	for part := range slices.Chunk(batch, r.cfg.Batch) {
		r.storeReads(b, part)
	}
	for part := range slices.Chunk(b.records, r.cfg.Batch) {
		if r.store(r.base, part) != nil {
			r.lost.Add(uint64(len(part)))
		}
	}
}

// hashesInLine bounds a line of the log: an upload can name a hundred thousand
// learners.
const hashesInLine = 100

// saveInLog writes records where they are safe while the store is away. Logs name
// nobody, so the caller stands there as a hash too.
func (r *Recorder) saveInLog(ctx context.Context, cause error, records ...Record) {
	r.log.ErrorContext(ctx, "audit records could not be stored", slog.Int("records", len(records)), slog.Any("error", cause))
	for _, rec := range records {
		learners := rec.Learners
		for first := true; first || len(learners) > 0; first = false {
			n := min(hashesInLine, len(learners))
			r.log.LogAttrs(ctx, slog.LevelError, "audit record", append(r.attrs(rec), slog.Any("learners", learners[:n]))...)
			learners = learners[n:]
		}
	}
}

func (r *Recorder) attrs(rec Record) []slog.Attr {
	return []slog.Attr{
		slog.String("id", rec.ID), slog.Time("at", rec.At), slog.String("request_id", rec.RequestID),
		slog.String("caller", r.callerHash(rec.Username)), slog.String("kind", string(rec.Kind)), slog.String("method", rec.Method), slog.String("route", rec.Route),
		slog.String("program", string(rec.Program)), slog.String("course", rec.Course), slog.String("job", string(rec.Job)),
		slog.Int("status", rec.Status),
	}
}
