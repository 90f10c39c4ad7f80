package linkstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"registrar/internal/registrar"
)

// LinksOf returns which of the programs have a learner of this student key in
// their last snapshot or by a write since, by program key ascending. The key
// compares without case. A link was seen when its program's snapshot was, or when
// it was written: what a snapshot no longer lists is gone.
func (s *Store) LinksOf(ctx context.Context, key registrar.StudentKey, programs []registrar.ProgramKey) ([]registrar.ProgramLink, error) {
	folded, ok := foldable(key)
	if !ok {
		return nil, nil
	}
	var links []registrar.ProgramLink
	for chunk := range slices.Chunk(programs, chunkKeys) {
		args := padded([]any{folded}, chunk)
		err := each(ctx, s.read, func(rows *sql.Rows) error {
			link, err := scanLink(rows)
			links = append(links, link)
			return err
		}, `SELECT p.key, r.student_key, l.status, l.account_exists, r.username, l.seen_at, s.seen_at
			FROM program_links l JOIN programs p ON p.id = l.program_id
			JOIN learners r ON r.organization_id = l.organization_id AND r.folded_key = l.folded_key
			LEFT JOIN program_snapshots s ON s.program_id = l.program_id
			WHERE l.folded_key = $1 AND p.key IN `+list(len(args)-1, 1), args...)
		if err != nil {
			return nil, classify("links of a learner", err)
		}
	}
	slices.SortFunc(links, func(a, b registrar.ProgramLink) int { return cmp.Compare(a.Program, b.Program) })
	return links, nil
}

func scanLink(rows *sql.Rows) (registrar.ProgramLink, error) {
	var link registrar.ProgramLink
	var account bool
	var username registrar.Username
	var snapshotAt sql.Null[time.Time]
	err := rows.Scan(&link.Program, &link.StudentKey, &link.Status, &account, &username, &link.SeenAt, &snapshotAt)
	if snapshotAt.V.After(link.SeenAt) {
		link.SeenAt = snapshotAt.V
	}
	link.SeenAt = link.SeenAt.UTC()
	link.Account = registrar.Account{State: registrar.Pending}
	if account {
		link.Account = registrar.Account{State: registrar.Linked, Username: username}
	}
	return link, err
}

// ProgramsOfUsername returns the programs in whose last snapshot an enrollment was
// linked to this LMS account, by key ascending, whatever school they belong to:
// the caller keeps to those it may see. Usernames compare by case, so that a
// spelling nobody recorded is nobody's. A learner known by student key alone has
// no account yet and is not found.
func (s *Store) ProgramsOfUsername(ctx context.Context, name registrar.Username) ([]registrar.ProgramKey, error) {
	if name == "" || len(name) > maxKey || !storable(string(name)) {
		return nil, nil
	}
	var keys []registrar.ProgramKey
	// The second condition lets both engines take the partial index.
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var key registrar.ProgramKey
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	}, `SELECT DISTINCT p.key FROM learners r
		JOIN program_links l ON l.organization_id = r.organization_id AND l.folded_key = r.folded_key
		JOIN programs p ON p.id = l.program_id
		WHERE r.username = $1 AND r.username <> '' AND l.account_exists`, name)
	if err != nil {
		return nil, classify("programs of an account", err)
	}
	slices.Sort(keys) // the engines' collations differ
	return keys, nil
}

// StudentKeysOfUsername returns the student keys under which an LMS account is
// linked in a program, in the order of their folded form. What
// [Store.ProgramsOfUsername] does not find in the program has none.
func (s *Store) StudentKeysOfUsername(ctx context.Context, program registrar.ProgramKey, name registrar.Username) ([]registrar.StudentKey, error) {
	if !program.Valid() || name == "" || len(name) > maxKey || !storable(string(name)) {
		return nil, nil
	}
	var keys []registrar.StudentKey
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var key registrar.StudentKey
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	}, `SELECT r.student_key FROM learners r
		JOIN program_links l ON l.organization_id = r.organization_id AND l.folded_key = r.folded_key
		JOIN programs p ON p.id = l.program_id
		WHERE r.username = $1 AND r.username <> '' AND l.account_exists AND p.key = $2`, name, program)
	if err != nil {
		return nil, classify("student keys of an account", err)
	}
	slices.SortFunc(keys, func(x, y registrar.StudentKey) int { return cmp.Compare(x.Fold(), y.Fold()) })
	return keys, nil
}

// SnapshotTimes says when the newest recorded snapshot of each program was seen.
// A program without one is absent, also when enrollments were written to it.
func (s *Store) SnapshotTimes(ctx context.Context, programs []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
	times := make(map[registrar.ProgramKey]time.Time, len(programs))
	for chunk := range slices.Chunk(programs, chunkKeys) {
		args := padded([]any{never()}, chunk)
		err := each(ctx, s.read, func(rows *sql.Rows) error {
			var key registrar.ProgramKey
			var at time.Time
			err := rows.Scan(&key, &at)
			times[key] = at.UTC()
			return err
		}, `SELECT p.key, s.seen_at FROM program_snapshots s JOIN programs p ON p.id = s.program_id
			WHERE s.seen_at > $1 AND p.key IN `+list(len(args)-1, 1), args...)
		if err != nil {
			return nil, classify("snapshot times", err)
		}
	}
	return times, nil
}
