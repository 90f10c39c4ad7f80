package linkstore

import (
	"context"
	"database/sql"
	"errors"

	"registrar/internal/registrar"
)

// SeePrincipal turns what a verified token says into the caller of a request. A
// new username becomes a user; an e-mail address and a staff flag that the token
// tells replace the stored ones; memberships promised to the address are
// fulfilled and count at once. An inactive user is Unauthenticated.
//
// Staff is what this token says, false when it says nothing: a flag from an
// older token must not open a door.
func (s *Store) SeePrincipal(ctx context.Context, c registrar.Claims) (registrar.Principal, error) {
	if c.Username == "" || len(c.Username) > maxName || !storable(string(c.Username)+c.Email) {
		return registrar.Principal{}, invalidToken(nil)
	}
	p, err := s.seePrincipal(ctx, c)
	if err != nil {
		return registrar.Principal{}, classify("see principal", err)
	}
	return p, nil
}

func (s *Store) seePrincipal(ctx context.Context, c registrar.Claims) (registrar.Principal, error) {
	u, err := recall(ctx, s.read, c.Username)
	if errors.Is(err, sql.ErrNoRows) || err == nil && u.outdated(c) {
		err = s.inTx(ctx, func(q querier) error {
			u, err = s.learn(ctx, q, c)
			return err
		})
	}
	if err != nil {
		return registrar.Principal{}, err
	}
	if !u.active {
		return registrar.Principal{}, invalidToken(errors.New("the user is inactive"))
	}
	grants, groups, err := heldBy(ctx, s.read, u.id)
	if err != nil {
		return registrar.Principal{}, err
	}
	return registrar.Principal{
		Username: c.Username, Staff: c.Administrator != nil && *c.Administrator, Superuser: u.super,
		Grants: grants, Groups: groups,
	}, nil
}

// knownUser is a row of users, and whether promises wait for its address.
type knownUser struct {
	id                   string
	email                string
	active, staff, super bool
	promised             bool
}

// outdated reports whether seeing c changes anything that is stored.
func (u knownUser) outdated(c registrar.Claims) bool {
	return c.Email != "" && c.Email != u.email || c.Administrator != nil && *c.Administrator != u.staff || u.promised
}

func recall(ctx context.Context, q querier, name registrar.Username) (u knownUser, err error) {
	err = q.QueryRowContext(ctx, `SELECT id, email, is_active, is_staff, is_superuser,
		email <> '' AND EXISTS (SELECT 1 FROM pending_members m WHERE m.email = users.email)
		FROM users WHERE username = $1`, name).
		Scan(&u.id, &u.email, &u.active, &u.staff, &u.super, &u.promised)
	return u, err
}

// learn stores what the claims tell. Many may see one new user at once: the
// first insert wins, and the others find its row.
func (s *Store) learn(ctx context.Context, q querier, c registrar.Claims) (knownUser, error) {
	id, err := newID()
	if err != nil {
		return knownUser{}, err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO users (id, username, email, is_active, is_staff, is_superuser, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (username) DO NOTHING`,
		id, c.Username, c.Email, true, c.Administrator != nil && *c.Administrator, false, s.stamp())
	if err != nil {
		return knownUser{}, err
	}
	u, err := recall(ctx, q, c.Username)
	if err != nil || !u.active {
		return u, err // nothing is learned of, or promised to, somebody who is turned away
	}
	if c.Email != "" {
		u.email = c.Email
	}
	if c.Administrator != nil {
		u.staff = *c.Administrator
	}
	_, err = q.ExecContext(ctx, `UPDATE users SET email = $1, is_staff = $2 WHERE id = $3`, u.email, u.staff, u.id)
	if err != nil {
		return u, err
	}
	return u, s.promote(ctx, q, u.id, u.email)
}

func invalidToken(cause error) error {
	return registrar.Fail(registrar.Unauthenticated, "Invalid token.", cause)
}
