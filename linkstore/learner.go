package linkstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"registrar/internal/registrar"
)

// learner is a row of learners. Its key is the organization and the folded
// student key; the spelling is the one that was seen first.
type learner struct {
	folded   registrar.StudentKey
	key      registrar.StudentKey
	username registrar.Username // empty as long as nobody told it
}

// maxKey bounds student keys, in bytes. The LMS keeps 255 characters; an index
// of PostgreSQL cannot hold more than some 2,700 bytes.
const maxKey = 1020

// foldable returns the form of a student key under which it is stored. One that
// is blank, oversized or not storable names no learner.
func foldable(key registrar.StudentKey) (folded registrar.StudentKey, ok bool) {
	folded = key.Fold()
	return folded, folded != "" && len(key) <= maxKey && len(folded) <= maxKey && storable(string(key))
}

// Usernames returns the known accounts of an organization's learners, by folded
// student key. Learners without one, and unknown organizations, are absent.
func (s *Store) Usernames(ctx context.Context, organization registrar.OrganizationKey, keys []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
	names := make(map[registrar.StudentKey]registrar.Username, len(keys))
	folded := make([]registrar.StudentKey, 0, len(keys))
	for _, key := range keys {
		if f, ok := foldable(key); ok {
			folded = append(folded, f)
		}
	}
	if !organization.Valid() {
		return names, nil
	}
	for chunk := range slices.Chunk(folded, chunkKeys) {
		args := padded([]any{organization}, chunk)
		err := each(ctx, s.read, func(rows *sql.Rows) error {
			var key registrar.StudentKey
			var name registrar.Username
			err := rows.Scan(&key, &name)
			names[key] = name
			return err
		}, `SELECT r.folded_key, r.username FROM learners r JOIN organizations o ON o.id = r.organization_id
			WHERE o.key = $1 AND r.username <> '' AND r.folded_key IN `+list(len(args)-1, 1), args...)
		if err != nil {
			return nil, classify(fmt.Sprintf("usernames of organization %q", organization), err)
		}
	}
	return names, nil
}

// RecordLinks stores which accounts belong to student keys of an organization; a
// known key keeps its spelling. It says nothing about programs: whether an
// enrollment is linked is seen with the next snapshot. An unknown organization
// is NotFound.
func (s *Store) RecordLinks(ctx context.Context, organization registrar.OrganizationKey, links []registrar.Link) error {
	learners := make([]learner, 0, len(links))
	for _, l := range links {
		folded, ok := foldable(l.StudentKey)
		if ok && l.Username != "" && storable(string(l.Username)) {
			learners = append(learners, learner{folded: folded, key: l.StudentKey, username: l.Username})
		}
	}
	learners = lastOfEach(learners, func(l learner) registrar.StudentKey { return l.folded })
	return classify(fmt.Sprintf("links of organization %q", organization), s.inTx(ctx, func(q querier) error {
		id, err := organizationID(ctx, q, organization)
		if err != nil {
			return err
		}
		return s.putLearners(ctx, q, id, learners)
	}))
}

// putLearners inserts learners and takes over the usernames that are told. They
// come sorted: two writers that lock rows in one order cannot lock each other
// out.
func (s *Store) putLearners(ctx context.Context, q querier, organization string, learners []learner) error {
	now := s.stamp()
	for chunk := range slices.Chunk(learners, chunkRows) {
		const shared, own = 2, 4
		args := append(make([]any, 0, shared+own*len(chunk)), organization, now)
		for _, l := range chunk {
			linked := sql.Null[time.Time]{V: now, Valid: l.username != ""}
			args = append(args, l.folded, l.key, l.username, linked)
		}
		_, err := q.ExecContext(ctx, `INSERT INTO learners (organization_id, created_at, folded_key, student_key, username, linked_at)
			VALUES `+places(len(chunk), shared, own)+`
			ON CONFLICT (organization_id, folded_key) DO UPDATE
			SET username = excluded.username, linked_at = excluded.linked_at, lms_user_id = NULL
			WHERE excluded.username <> '' AND excluded.username <> learners.username`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
