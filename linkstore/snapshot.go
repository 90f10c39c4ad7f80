package linkstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"registrar/internal/registrar"
)

// snapshot is a program's enrollments as they are stored: one link for each
// student key, sorted.
type snapshot struct {
	program, organization string // ids
	links                 []link
	seenAt                time.Time
}

// link is one learner's enrollment in the snapshot's program.
type link struct {
	learner
	status     registrar.ProgramStatus
	curriculum registrar.CurriculumUUID
	account    bool
	seenAt     time.Time // as stored; a snapshot's own links do not say
}

// RecordSnapshot replaces the link index of a program by a whole listing that
// was seen at a time. An older listing than the recorded one is ignored; of rows
// whose student keys differ in case alone the last wins; a row whose key names
// no learner (blank, or with a NUL) is left out. Only what changed is written, so
// the same listing again costs one row.
//
// What was written after the listing began stays as [Store.RecordWrites] stored
// it: the listing may not show it yet.
//
// A program that has got another key, uuid or organization since it was read is
// NotFound: the rows might belong behind another school's wall.
func (s *Store) RecordSnapshot(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, seenAt time.Time) error {
	snap := snapshot{links: linksOf(rows), seenAt: micro(seenAt)}
	digest := snap.digest()
	return classify(fmt.Sprintf("snapshot of program %q", p.Key), s.inTx(ctx, func(q querier) (err error) {
		if snap.program, snap.organization, err = identify(ctx, q, p); err != nil {
			return err
		}
		recorded, newer, err := snap.begin(ctx, q)
		if err != nil || !newer || recorded == digest {
			return err
		}
		whole, err := s.replaceLinks(ctx, q, snap)
		if err != nil {
			return err
		}
		if !whole {
			digest = "" // what is stored is not this listing
		}
		_, err = q.ExecContext(ctx, `UPDATE program_snapshots SET row_count = $1, digest = $2 WHERE program_id = $3`,
			len(snap.links), digest, snap.program)
		return err
	}))
}

// linksOf turns listed rows into links.
func linksOf(rows []registrar.ProgramEnrollment) []link {
	links := make([]link, 0, len(rows))
	for _, row := range rows {
		folded, ok := foldable(row.StudentKey)
		if !ok || !storable(string(row.Status)+string(row.Curriculum)+string(row.Account.Username)) {
			continue
		}
		l := link{
			learner: learner{folded: folded, key: row.StudentKey},
			status:  row.Status, curriculum: row.Curriculum, account: row.Account.State == registrar.Linked,
		}
		if l.account {
			l.username = row.Account.Username
		}
		links = append(links, l)
	}
	return lastOfEach(links, func(l link) registrar.StudentKey { return l.folded })
}

// begin moves the program's time forward, which also makes the next snapshot of
// this program wait for the end of this transaction. It returns the recorded
// digest, or that a newer snapshot is recorded already.
func (snap snapshot) begin(ctx context.Context, q querier) (recorded string, newer bool, err error) {
	err = q.QueryRowContext(ctx, `INSERT INTO program_snapshots (program_id, organization_id, seen_at, row_count, digest)
		VALUES ($1, $2, $3, 0, '')
		ON CONFLICT (program_id) DO UPDATE SET seen_at = excluded.seen_at WHERE program_snapshots.seen_at <= excluded.seen_at
		RETURNING digest`, snap.program, snap.organization, snap.seenAt).Scan(&recorded)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return recorded, err == nil, err
}

// replaceLinks writes the difference between what is stored and the snapshot. It
// reports whether that is all: links that were written later are left alone.
func (s *Store) replaceLinks(ctx context.Context, q querier, snap snapshot) (whole bool, err error) {
	stored, err := snap.stored(ctx, q)
	if err != nil {
		return false, err
	}
	whole = true
	var learners []learner
	var changed []link
	for _, l := range snap.links {
		old, known := stored[l.folded]
		delete(stored, l.folded)
		if !known || l.username != "" && l.username != old.username {
			learners = append(learners, l.learner)
		}
		switch {
		case old.seenAt.After(snap.seenAt):
			whole = false
		case !known || l.status != old.status || l.curriculum != old.curriculum || l.account != old.account:
			changed = append(changed, l)
		}
	}
	if err := s.putLearners(ctx, q, snap.organization, learners); err != nil {
		return false, err
	}
	if err := snap.put(ctx, q, changed); err != nil {
		return false, err
	}
	gone := make([]registrar.StudentKey, 0, len(stored))
	for folded, l := range stored {
		if l.seenAt.After(snap.seenAt) {
			whole = false
			continue
		}
		gone = append(gone, folded)
	}
	return whole, snap.drop(ctx, q, gone)
}

// stored reads the program's present links by folded key.
func (snap snapshot) stored(ctx context.Context, q querier) (map[registrar.StudentKey]link, error) {
	links := make(map[registrar.StudentKey]link, len(snap.links))
	err := each(ctx, q, func(rows *sql.Rows) error {
		var l link
		if err := rows.Scan(&l.folded, &l.username, &l.status, &l.curriculum, &l.account, &l.seenAt); err != nil {
			return err
		}
		links[l.folded] = l
		return nil
	}, `SELECT l.folded_key, r.username, l.status, l.curriculum, l.account_exists, l.seen_at FROM program_links l
		JOIN learners r ON r.organization_id = l.organization_id AND r.folded_key = l.folded_key
		WHERE l.program_id = $1`, snap.program)
	return links, err
}

func (snap snapshot) put(ctx context.Context, q querier, links []link) error {
	for chunk := range slices.Chunk(links, chunkRows) {
		const shared, own = 3, 4
		args := append(make([]any, 0, shared+own*len(chunk)), snap.program, snap.organization, snap.seenAt)
		for _, l := range chunk {
			args = append(args, l.folded, l.status, l.curriculum, l.account)
		}
		_, err := q.ExecContext(ctx, `INSERT INTO program_links
			(program_id, organization_id, seen_at, folded_key, status, curriculum, account_exists)
			VALUES `+places(len(chunk), shared, own)+`
			ON CONFLICT (program_id, folded_key) DO UPDATE SET status = excluded.status,
			curriculum = excluded.curriculum, account_exists = excluded.account_exists, seen_at = excluded.seen_at`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (snap snapshot) drop(ctx context.Context, q querier, gone []registrar.StudentKey) error {
	for chunk := range slices.Chunk(gone, chunkKeys) {
		args := padded([]any{snap.program}, chunk)
		_, err := q.ExecContext(ctx, `DELETE FROM program_links WHERE program_id = $1 AND folded_key IN `+list(len(args)-1, 1), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// digest is equal for equal listings. No field holds a NUL, so fields cannot run
// into each other.
func (snap snapshot) digest() string {
	h := sha256.New()
	for _, l := range snap.links {
		for _, field := range []string{
			string(l.folded), string(l.status), string(l.curriculum), strconv.FormatBool(l.account), string(l.username),
		} {
			h.Write([]byte(field + "\x00")) // a hash never fails to take bytes
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
