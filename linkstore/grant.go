package linkstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"registrar/internal/registrar"
)

// Grant gives a user a permission on a target, beside what groups give. One that
// is held already stays. An unknown user or target is NotFound; an unknown
// permission, or one that cannot be held there, is Invalid.
func (s *Store) Grant(ctx context.Context, name registrar.Username, want registrar.Permission, on Target) error {
	if err := checkPermission(want, on); err != nil {
		return err
	}
	return classify(fmt.Sprintf("grant %s on %s", want, on), s.inTx(ctx, func(q querier) error {
		user, err := userID(ctx, q, name)
		if err != nil {
			return err
		}
		ids, err := on.resolve(ctx, q)
		if err != nil {
			return err
		}
		id, err := newID()
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `INSERT INTO grants (id, user_id, permission, scope, organization_id, program_id, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			id, user, want, on.scope, ids.organization, ids.program, s.stamp())
		return err
	}))
}

// Revoke takes a direct grant back. One that is not held is NotFound; what a
// group gives is not touched.
func (s *Store) Revoke(ctx context.Context, name registrar.Username, permission registrar.Permission, on Target) error {
	return classify(fmt.Sprintf("revoke on %s", on), s.inTx(ctx, func(q querier) error {
		user, err := userID(ctx, q, name)
		if err != nil {
			return err
		}
		ids, err := on.resolve(ctx, q)
		if err != nil {
			return err
		}
		err = changedOne(q.ExecContext(ctx, `DELETE FROM grants WHERE user_id = $1 AND permission = $2 AND scope = $3
			AND COALESCE(organization_id, '') = $4 AND COALESCE(program_id, '') = $5`,
			user, permission, on.scope, ids.organization.String, ids.program.String))
		if errors.Is(err, sql.ErrNoRows) {
			return registrar.Fail(registrar.NotFound, "There is no such grant.", err)
		}
		return err
	}))
}

func checkPermission(p registrar.Permission, on Target) error {
	if p == registrar.ReadAllJobs && on.scope != GlobalScope {
		return registrar.Fail(registrar.Invalid, string(p)+" is held globally or not at all.", nil)
	}
	if p != registrar.ReadAllJobs && !slices.Contains(registrar.ProgramPermissions(), p) {
		return registrar.Fail(registrar.Invalid, fmt.Sprintf("%q is no permission.", p), nil)
	}
	return nil
}

// held lists everything that a user holds: a role or a permission on a target, and
// the group that gives it. An organization without a name is told by its key.
const held = `SELECT g.scope, COALESCE(o.key, p.key, ''), g.role, COALESCE(gp.permission, ''),
	g.name, COALESCE(NULLIF(o.name, ''), o.key, '')
	FROM group_members m JOIN user_groups g ON g.id = m.group_id
	LEFT JOIN organizations o ON o.id = g.organization_id LEFT JOIN programs p ON p.id = g.program_id
	LEFT JOIN group_permissions gp ON gp.group_id = g.id WHERE m.user_id = $1
	UNION
	SELECT d.scope, COALESCE(o.key, p.key, ''), '', d.permission, '', ''
	FROM grants d LEFT JOIN organizations o ON o.id = d.organization_id LEFT JOIN programs p ON p.id = d.program_id
	WHERE d.user_id = $1`

// heldBy gathers what a user may do, from groups and direct grants together, and
// the groups by name. Each list is sorted and names everything once.
func heldBy(ctx context.Context, q querier, user string) (registrar.Grants, []registrar.Group, error) {
	byTarget := make(map[Target][]registrar.Permission)
	var groups []registrar.Group
	err := each(ctx, q, func(rows *sql.Rows) error {
		var on Target
		var role registrar.Role
		var permission registrar.Permission
		var group registrar.Group
		if err := rows.Scan(&on.scope, &on.key, &role, &permission, &group.Name, &group.Organization); err != nil {
			return err
		}
		byTarget[on] = append(byTarget[on], role.Permissions()...)
		if permission != "" {
			byTarget[on] = append(byTarget[on], permission)
		}
		if group.Name != "" { // a direct grant comes from none
			groups = append(groups, group)
		}
		return nil
	}, held, user)
	if err != nil {
		return registrar.Grants{}, nil, err
	}
	slices.SortFunc(groups, func(a, b registrar.Group) int { return cmp.Compare(a.Name, b.Name) })
	return gathered(byTarget), slices.Compact(groups), nil
}

func gathered(byTarget map[Target][]registrar.Permission) registrar.Grants {
	g := registrar.Grants{
		Organizations: make(map[registrar.OrganizationKey][]registrar.Permission),
		Programs:      make(map[registrar.ProgramKey][]registrar.Permission),
	}
	for on, permissions := range byTarget {
		slices.Sort(permissions)
		permissions = slices.Compact(permissions)
		switch on.scope {
		case GlobalScope:
			g.Global = permissions
		case OrganizationScope:
			g.Organizations[registrar.OrganizationKey(on.key)] = permissions
		case ProgramScope:
			g.Programs[registrar.ProgramKey(on.key)] = permissions
		}
	}
	return g
}
