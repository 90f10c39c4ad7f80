package linkstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"registrar/internal/registrar"
)

// Group is a named set of users that holds rights together. Names are unique
// across all groups.
type Group struct {
	Name   string
	Target Target
	// Role is what a group on an organization or a program holds there; its
	// prefix must be the target's scope. A global group has none.
	Role registrar.Role
	// Permissions are what a global group holds everywhere; other groups have
	// none beside their role's.
	Permissions []registrar.Permission
}

// CreateGroup stores a new group. A name in use is Conflict, an unknown target
// NotFound, a role or permission that does not fit the target Invalid.
func (s *Store) CreateGroup(ctx context.Context, g Group) error {
	if err := g.check(); err != nil {
		return err
	}
	return classify(fmt.Sprintf("create group %q", g.Name), s.inTx(ctx, func(q querier) error {
		ids, err := g.Target.resolve(ctx, q)
		if err != nil {
			return err
		}
		return s.insertGroup(ctx, q, g, ids)
	}))
}

func (s *Store) insertGroup(ctx context.Context, q querier, g Group, on targetIDs) error {
	id, err := newID()
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO user_groups (id, name, scope, organization_id, program_id, role, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, g.Name, g.Target.scope, on.organization, on.program, g.Role, s.stamp())
	if err != nil {
		return groupFault(g.Name, err)
	}
	for _, p := range g.Permissions {
		_, err := q.ExecContext(ctx, `INSERT INTO group_permissions (group_id, permission) VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, id, p)
		if err != nil {
			return err
		}
	}
	return nil
}

// GroupChange is what [Store.EnsureGroup] had to do.
type GroupChange string

// The changes of a group.
const (
	GroupKept    GroupChange = "kept"
	GroupCreated GroupChange = "created"
	GroupRenamed GroupChange = "renamed"
)

// EnsureGroup makes sure that the target has a group of the role, and that it is
// called so. A group of that role which has another name is renamed, the oldest if
// there are several; its members stay. A global group is Invalid, for it has no
// role to know it by; the other errors are those of [Store.CreateGroup].
func (s *Store) EnsureGroup(ctx context.Context, g Group) (GroupChange, error) {
	if err := g.check(); err != nil {
		return "", err
	}
	if g.Role == "" {
		return "", registrar.Fail(registrar.Invalid, "A global group has no role by which it could be known.", nil)
	}
	change := GroupKept
	err := s.inTx(ctx, func(q querier) error {
		on, err := g.Target.resolve(ctx, q)
		if err != nil {
			return err
		}
		var id, name string
		err = q.QueryRowContext(ctx, `SELECT id, name FROM user_groups
			WHERE role = $1 AND (organization_id = $2 OR program_id = $3)
			ORDER BY CASE name WHEN $4 THEN 0 ELSE 1 END, created_at, id LIMIT 1`,
			g.Role, on.organization, on.program, g.Name).Scan(&id, &name)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			change = GroupCreated
			return s.insertGroup(ctx, q, g, on)
		case err != nil || name == g.Name:
			return err
		}
		change = GroupRenamed
		_, err = q.ExecContext(ctx, `UPDATE user_groups SET name = $1 WHERE id = $2`, g.Name, id)
		return groupFault(g.Name, err)
	})
	if err != nil {
		return "", classify(fmt.Sprintf("group %q", g.Name), err)
	}
	return change, nil
}

// groupFault names the name that is taken: groups of all scopes share one set.
func groupFault(name string, err error) error {
	return conflict(fmt.Sprintf("group %q", name),
		fmt.Sprintf("A group %q already exists, and the names of groups are unique across all organizations and programs.", name), err)
}

func (g Group) check() error {
	if g.Name == "" || len(g.Name) > maxName || !storable(g.Name) {
		return registrar.Fail(registrar.Invalid, "A group needs a name, of at most 255 bytes.", nil)
	}
	if g.Target.scope == GlobalScope {
		if g.Role != "" || len(g.Permissions) == 0 {
			return registrar.Fail(registrar.Invalid, "A global group has permissions, and no role.", nil)
		}
		for _, p := range g.Permissions {
			if err := checkPermission(p, g.Target); err != nil {
				return err
			}
		}
		return nil
	}
	if len(g.Permissions) > 0 {
		return registrar.Fail(registrar.Invalid, "Only a global group has permissions beside a role.", nil)
	}
	if g.Role.Permissions() == nil || !strings.HasPrefix(string(g.Role), string(g.Target.scope)+"_") {
		return registrar.Fail(registrar.Invalid, fmt.Sprintf("%q is no role on %s. The roles are %s.",
			g.Role, g.Target, strings.Join(g.Target.scope.roles(), ", ")), nil)
	}
	return nil
}

// Groups lists every group by name, ascending.
func (s *Store) Groups(ctx context.Context) ([]Group, error) {
	var all []Group
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var g Group
		var permission registrar.Permission
		if err := rows.Scan(&g.Name, &g.Target.scope, &g.Target.key, &g.Role, &permission); err != nil {
			return err
		}
		// The rows of one group come together, one for each permission.
		if len(all) == 0 || all[len(all)-1].Name != g.Name {
			all = append(all, g)
		}
		if permission != "" {
			last := &all[len(all)-1]
			last.Permissions = append(last.Permissions, permission)
		}
		return nil
	}, `SELECT g.name, g.scope, COALESCE(o.key, p.key, ''), g.role, COALESCE(gp.permission, '')
		FROM user_groups g LEFT JOIN organizations o ON o.id = g.organization_id LEFT JOIN programs p ON p.id = g.program_id
		LEFT JOIN group_permissions gp ON gp.group_id = g.id ORDER BY g.name, gp.permission`)
	if err != nil {
		return nil, classify("groups", err)
	}
	slices.SortFunc(all, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// groupID returns the id behind a group's name; an unknown one is NotFound.
func groupID(ctx context.Context, q querier, name string) (id string, err error) {
	if storable(name) {
		err = q.QueryRowContext(ctx, `SELECT id FROM user_groups WHERE name = $1`, name).Scan(&id)
	} else {
		err = sql.ErrNoRows
	}
	if errors.Is(err, sql.ErrNoRows) {
		return "", registrar.Fail(registrar.NotFound, fmt.Sprintf("There is no group %q.", name), err)
	}
	return id, err
}
