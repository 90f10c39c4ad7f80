package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"registrar/internal/registrar"
)

// RecordWrites puts enrollments that the LMS has just accepted into the link index
// of a program, without waiting for its next snapshot. at is when the answer came.
// What the index knows of a learner's account stays, for the LMS does not tell it
// with a write; a learner who is new here has one if the school's key has one. A
// row without a curriculum keeps the known one.
//
// A write that is older than the newest snapshot, or than what a later write left,
// is ignored, and an older snapshot that comes later does not undo it. The next
// snapshot is compared in full, whatever it lists. A program that has got another
// key, uuid or organization since it was read is NotFound.
func (s *Store) RecordWrites(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, at time.Time) error {
	snap := snapshot{links: linksOf(rows), seenAt: micro(at)}
	if len(snap.links) == 0 {
		return nil
	}
	return classify(fmt.Sprintf("writes to program %q", p.Key), s.inTx(ctx, func(q querier) (err error) {
		if snap.program, snap.organization, err = identify(ctx, q, p); err != nil {
			return err
		}
		current, err := snap.amend(ctx, q)
		if err != nil || !current {
			return err
		}
		if err := s.putLearners(ctx, q, snap.organization, learnersOf(snap.links)); err != nil {
			return err
		}
		links, err := snap.completed(ctx, q)
		if err != nil {
			return err
		}
		return snap.put(ctx, q, links)
	}))
}

// never is the time of the snapshot of a program that has none. Its row is there
// for writes to lock.
func never() time.Time { return time.Unix(0, 0).UTC() }

// amend makes sure that the next snapshot is compared row by row, and makes it wait
// for the end of this transaction. It reports that a newer one is recorded already,
// in which the writes are.
func (snap snapshot) amend(ctx context.Context, q querier) (current bool, err error) {
	var program string
	err = q.QueryRowContext(ctx, `INSERT INTO program_snapshots (program_id, organization_id, seen_at, row_count, digest)
		VALUES ($1, $2, $3, 0, '')
		ON CONFLICT (program_id) DO UPDATE SET digest = '' WHERE program_snapshots.seen_at <= $4
		RETURNING program_id`, snap.program, snap.organization, never(), snap.seenAt).Scan(&program)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// completed returns the links with what is known and was not written, without
// those that something later is stored of. Their learners are stored.
func (snap snapshot) completed(ctx context.Context, q querier) ([]link, error) {
	stored, err := snap.storedOf(ctx, q)
	if err != nil {
		return nil, err
	}
	links := make([]link, 0, len(snap.links))
	for _, l := range snap.links {
		old := stored[l.folded]
		if old.seenAt.After(snap.seenAt) {
			continue
		}
		if l.curriculum == "" {
			l.curriculum = old.curriculum
		}
		l.account = l.account || old.account || old.seenAt.IsZero() && old.username != ""
		links = append(links, l)
	}
	return links, nil
}

// storedOf reads what is known of the snapshot's learners, by folded key. The time
// of a link is zero when the program has none.
func (snap snapshot) storedOf(ctx context.Context, q querier) (map[registrar.StudentKey]link, error) {
	stored := make(map[registrar.StudentKey]link, len(snap.links))
	for chunk := range slices.Chunk(snap.links, chunkKeys) {
		keys := make([]registrar.StudentKey, len(chunk))
		for i, l := range chunk {
			keys[i] = l.folded
		}
		args := padded([]any{snap.program, snap.organization}, keys)
		err := each(ctx, q, func(rows *sql.Rows) error {
			var l link
			var seenAt sql.Null[time.Time]
			err := rows.Scan(&l.folded, &l.username, &l.curriculum, &l.account, &seenAt)
			l.seenAt = seenAt.V
			stored[l.folded] = l
			return err
		}, `SELECT r.folded_key, r.username, COALESCE(l.curriculum, ''), COALESCE(l.account_exists, FALSE), l.seen_at
			FROM learners r LEFT JOIN program_links l ON l.program_id = $1 AND l.folded_key = r.folded_key
			WHERE r.organization_id = $2 AND r.folded_key IN `+list(len(args)-2, 2), args...)
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

func learnersOf(links []link) []learner {
	learners := make([]learner, len(links))
	for i, l := range links {
		learners[i] = l.learner
	}
	return learners
}
