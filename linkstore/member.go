package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"registrar/internal/registrar"
)

// AddMember puts a user into a group; one who is in it stays there. An unknown
// group or user is NotFound.
func (s *Store) AddMember(ctx context.Context, group string, name registrar.Username) error {
	return classify(fmt.Sprintf("add member to group %q", group), s.inTx(ctx, func(q querier) error {
		to, err := groupID(ctx, q, group)
		if err != nil {
			return err
		}
		user, err := userID(ctx, q, name)
		if err != nil {
			return err
		}
		return s.join(ctx, q, user, to)
	}))
}

// AddPendingMember promises a membership to whoever comes with exactly this
// e-mail address, upper and lower case told apart. A user who already has it
// joins with the next token. An unknown group is NotFound.
func (s *Store) AddPendingMember(ctx context.Context, group, email string) error {
	if email == "" || !storable(email) {
		return registrar.Fail(registrar.Invalid, "A pending member needs an e-mail address.", nil)
	}
	return classify(fmt.Sprintf("add pending member to group %q", group), s.inTx(ctx, func(q querier) error {
		to, err := groupID(ctx, q, group)
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `INSERT INTO pending_members (email, group_id, created_at) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, email, to, s.stamp())
		return err
	}))
}

// RemoveMember takes a user out of a group; one who is not in it is NotFound.
func (s *Store) RemoveMember(ctx context.Context, group string, name registrar.Username) error {
	return classify(fmt.Sprintf("remove member of group %q", group), s.inTx(ctx, func(q querier) error {
		from, err := groupID(ctx, q, group)
		if err != nil {
			return err
		}
		user, err := userID(ctx, q, name)
		if err != nil {
			return err
		}
		return orNoMember(changedOne(q.ExecContext(ctx,
			`DELETE FROM group_members WHERE group_id = $1 AND user_id = $2`, from, user)))
	}))
}

// RemovePendingMember takes a promise back; one that was not made, or is
// fulfilled already, is NotFound.
func (s *Store) RemovePendingMember(ctx context.Context, group, email string) error {
	return classify(fmt.Sprintf("remove pending member of group %q", group), s.inTx(ctx, func(q querier) error {
		from, err := groupID(ctx, q, group)
		if err != nil {
			return err
		}
		if !storable(email) {
			return orNoMember(sql.ErrNoRows)
		}
		return orNoMember(changedOne(q.ExecContext(ctx,
			`DELETE FROM pending_members WHERE group_id = $1 AND email = $2`, from, email)))
	}))
}

// promote fulfils the promises made to an e-mail address. It deletes before it
// joins, so that a promise made meanwhile is kept and not lost.
func (s *Store) promote(ctx context.Context, q querier, user, email string) error {
	if email == "" {
		return nil // else everybody without an address would share their promises
	}
	var groups []string
	err := each(ctx, q, func(rows *sql.Rows) error {
		var group string
		if err := rows.Scan(&group); err != nil {
			return err
		}
		groups = append(groups, group)
		return nil
	}, `DELETE FROM pending_members WHERE email = $1 RETURNING group_id`, email)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := s.join(ctx, q, user, group); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) join(ctx context.Context, q querier, user, group string) error {
	_, err := q.ExecContext(ctx, `INSERT INTO group_members (user_id, group_id, joined_at) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, user, group, s.stamp())
	return err
}

func orNoMember(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return registrar.Fail(registrar.NotFound, "There is no such member.", err)
	}
	return err
}
