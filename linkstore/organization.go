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

// CreateOrganization stores a new organization. A key or a uuid that another
// one has is Conflict; a key that no URL can carry is Invalid.
func (s *Store) CreateOrganization(ctx context.Context, o registrar.Organization) error {
	if err := checkOrganization(o); err != nil {
		return err
	}
	return organizationFault(o.Key, s.insertOrganization(ctx, s.write, o))
}

// CreateOrganizationWithGroups stores a new organization and groups on it, all or
// nothing, and returns the groups. An organization without a name is named by its
// key. A group says its role, and its name unless that is to be the organization's
// name, an underscore and the role. The errors are those of
// [Store.CreateOrganization] and [Store.CreateGroup].
func (s *Store) CreateOrganizationWithGroups(ctx context.Context, o registrar.Organization, groups ...Group) ([]Group, error) {
	if err := checkOrganization(o); err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = string(o.Key)
	}
	groups = slices.Clone(groups)
	for i := range groups {
		g := &groups[i]
		g.Target = OnOrganization(o.Key)
		if g.Name == "" {
			g.Name = o.Name + "_" + string(g.Role)
		}
		if err := g.check(); err != nil {
			return nil, err
		}
	}
	err := s.inTx(ctx, func(q querier) error {
		if err := s.insertOrganization(ctx, q, o); err != nil {
			return organizationFault(o.Key, err)
		}
		on, err := OnOrganization(o.Key).resolve(ctx, q)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := s.insertGroup(ctx, q, g, on); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, classify(fmt.Sprintf("create organization %q", o.Key), err)
	}
	return groups, nil
}

// PutOrganization stores what a sync learned, and reports whether the
// organization is new. It is found by its uuid when there is one, then by its
// key; one that was made by hand takes on the uuid. Empty fields of o leave what
// is stored. A key that belongs to another uuid is Conflict.
func (s *Store) PutOrganization(ctx context.Context, o registrar.Organization) (created bool, err error) {
	if err := checkOrganization(o); err != nil {
		return false, err
	}
	err = s.inTx(ctx, func(q querier) error {
		id, err := findOrganization(ctx, q, o)
		if errors.Is(err, sql.ErrNoRows) {
			created = true
			return s.insertOrganization(ctx, q, o)
		}
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE organizations SET key = $1, name = COALESCE($2, name),
			discovery_uuid = COALESCE($3, discovery_uuid), sso_slug = COALESCE($4, sso_slug) WHERE id = $5`,
			o.Key, orNull(o.Name), orNull(o.DiscoveryUUID), orNull(o.SSOSlug), id)
		return err
	})
	return created && err == nil, organizationFault(o.Key, err)
}

// findOrganization returns the id of the row that is meant by o.
func findOrganization(ctx context.Context, q querier, o registrar.Organization) (id string, err error) {
	if o.DiscoveryUUID != "" {
		err = q.QueryRowContext(ctx, `SELECT id FROM organizations WHERE discovery_uuid = $1`, o.DiscoveryUUID).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			return id, err
		}
	}
	// With another uuid the row is another organization, and inserting will say so.
	err = q.QueryRowContext(ctx, `SELECT id FROM organizations WHERE key = $1 AND (discovery_uuid IS NULL OR $2 = '')`,
		o.Key, o.DiscoveryUUID).Scan(&id)
	return id, err
}

func (s *Store) insertOrganization(ctx context.Context, q querier, o registrar.Organization) error {
	id, err := newID()
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO organizations (id, key, name, discovery_uuid, sso_slug, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		id, o.Key, o.Name, orNull(o.DiscoveryUUID), orNull(o.SSOSlug), s.stamp())
	return err
}

const organizationColumns = `key, name, COALESCE(discovery_uuid, ''), COALESCE(sso_slug, '')`

// Organizations lists every organization by key, ascending.
func (s *Store) Organizations(ctx context.Context) ([]registrar.Organization, error) {
	var all []registrar.Organization
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var o registrar.Organization
		if err := rows.Scan(&o.Key, &o.Name, &o.DiscoveryUUID, &o.SSOSlug); err != nil {
			return err
		}
		all = append(all, o)
		return nil
	}, `SELECT `+organizationColumns+` FROM organizations`)
	if err != nil {
		return nil, classify("organizations", err)
	}
	// The engines' collations differ, bytes do not.
	slices.SortFunc(all, func(a, b registrar.Organization) int { return cmp.Compare(a.Key, b.Key) })
	return all, nil
}

// Organization finds an organization by its key; an unknown one is NotFound.
func (s *Store) Organization(ctx context.Context, key registrar.OrganizationKey) (registrar.Organization, error) {
	var o registrar.Organization
	if !key.Valid() {
		return o, organizationFault(key, sql.ErrNoRows)
	}
	err := s.read.QueryRowContext(ctx, `SELECT `+organizationColumns+` FROM organizations WHERE key = $1`, key).
		Scan(&o.Key, &o.Name, &o.DiscoveryUUID, &o.SSOSlug)
	return o, organizationFault(key, err)
}

// organizationID returns the id behind a key, or [sql.ErrNoRows].
func organizationID(ctx context.Context, q querier, key registrar.OrganizationKey) (id string, err error) {
	if !key.Valid() {
		return "", sql.ErrNoRows
	}
	err = q.QueryRowContext(ctx, `SELECT id FROM organizations WHERE key = $1`, key).Scan(&id)
	return id, err
}

func checkOrganization(o registrar.Organization) error {
	if !o.Key.Valid() {
		return registrar.Fail(registrar.Invalid,
			"An organization key is made of letters, digits, dashes and underscores, at most 255 of them.", nil)
	}
	if !storable(o.Name + o.DiscoveryUUID + o.SSOSlug) {
		return registrar.Fail(registrar.Invalid, "A name, a uuid or a slug is no text that can be stored.", nil)
	}
	return nil
}

func organizationFault(key registrar.OrganizationKey, err error) error {
	return conflict(fmt.Sprintf("organization %q", key), "An organization of this key or uuid already exists.", err)
}
