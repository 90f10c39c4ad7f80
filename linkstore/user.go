package linkstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"registrar/internal/registrar"
)

// User is a caller as the gateway remembers one: somebody who came with a valid
// token, or was entered by hand before.
type User struct {
	Username registrar.Username
	Email    string // empty when no token told it
	// Inactive users are turned away, whatever their token says.
	Inactive bool
	// Staff is the LMS's global staff flag as last told. What counts for a
	// request is what the request's own token says.
	Staff     bool
	Superuser bool // holds every permission
}

// CreateUser stores a user before the first token comes; pending memberships of
// the e-mail address are fulfilled, and the user joins the groups. A username in
// use is Conflict, an unknown group NotFound, a group that is named twice Invalid;
// then nothing is stored.
func (s *Store) CreateUser(ctx context.Context, u User, groups ...string) error {
	if u.Username == "" || len(u.Username) > maxName || !storable(string(u.Username)+u.Email) {
		return registrar.Fail(registrar.Invalid, "A user needs a username, of at most 255 bytes.", nil)
	}
	for i, name := range groups {
		if slices.Contains(groups[:i], name) {
			return registrar.Fail(registrar.Invalid, fmt.Sprintf("Group %q is named twice; duplicate groups are not allowed.", name), nil)
		}
	}
	err := s.inTx(ctx, func(q querier) error {
		id, err := newID()
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `INSERT INTO users (id, username, email, is_active, is_staff, is_superuser, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, u.Username, u.Email, !u.Inactive, u.Staff, u.Superuser, s.stamp())
		if err != nil {
			return err
		}
		for _, name := range groups {
			group, err := groupID(ctx, q, name)
			if err != nil {
				return err
			}
			if err := s.join(ctx, q, id, group); err != nil {
				return err
			}
		}
		return s.promote(ctx, q, id, u.Email)
	})
	return conflict("create user", "A user of this name already exists.", err)
}

// maxName bounds the names of users and groups, in bytes.
const maxName = 255

// Users lists every user by username, ascending.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	var all []User
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var u User
		var active bool
		if err := rows.Scan(&u.Username, &u.Email, &active, &u.Staff, &u.Superuser); err != nil {
			return err
		}
		u.Inactive = !active
		all = append(all, u)
		return nil
	}, `SELECT username, email, is_active, is_staff, is_superuser FROM users`)
	if err != nil {
		return nil, classify("users", err)
	}
	slices.SortFunc(all, func(a, b User) int { return cmp.Compare(a.Username, b.Username) })
	return all, nil
}

// SetUserActive lets a user in or turns them away; an unknown one is NotFound.
func (s *Store) SetUserActive(ctx context.Context, name registrar.Username, active bool) error {
	return s.setUser(ctx, `UPDATE users SET is_active = $1 WHERE username = $2`, name, active)
}

// SetUserStaff corrects the staff flag until the next token tells it; an unknown
// user is NotFound.
func (s *Store) SetUserStaff(ctx context.Context, name registrar.Username, staff bool) error {
	return s.setUser(ctx, `UPDATE users SET is_staff = $1 WHERE username = $2`, name, staff)
}

// SetUserSuperuser gives a user every permission, or takes that back; an unknown
// user is NotFound.
func (s *Store) SetUserSuperuser(ctx context.Context, name registrar.Username, super bool) error {
	return s.setUser(ctx, `UPDATE users SET is_superuser = $1 WHERE username = $2`, name, super)
}

func (s *Store) setUser(ctx context.Context, statement string, name registrar.Username, value bool) error {
	if !storable(string(name)) {
		return classify("set user", noUser())
	}
	err := changedOne(s.write.ExecContext(ctx, statement, value, name))
	return classify("set user", orNoUser(err))
}

// userID returns the id behind a username; an unknown one is NotFound.
func userID(ctx context.Context, q querier, name registrar.Username) (id string, err error) {
	if !storable(string(name)) {
		return "", noUser()
	}
	err = q.QueryRowContext(ctx, `SELECT id FROM users WHERE username = $1`, name).Scan(&id)
	return id, orNoUser(err)
}

func noUser() error { return registrar.Fail(registrar.NotFound, "There is no such user.", nil) }

func orNoUser(err error) error {
	if err != nil && kindOf(err) == registrar.NotFound {
		return noUser()
	}
	return err
}
