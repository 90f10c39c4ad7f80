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

// CreateProgram stores a new program. Its organization must exist (NotFound); a
// key or a uuid that another program has is Conflict; a malformed key or uuid is
// Invalid.
func (s *Store) CreateProgram(ctx context.Context, p registrar.Program) error {
	if err := checkProgram(p); err != nil {
		return err
	}
	return programFault(p.Key, s.inTx(ctx, func(q querier) error {
		organization, err := managingOrganization(ctx, q, p)
		if err != nil {
			return err
		}
		return s.insertProgram(ctx, q, p, organization)
	}))
}

// PutProgram stores what a sync learned, and reports whether the program is new.
// It is found by its uuid when there is one, then by its key; one without a uuid
// takes it on. A program that moves to another organization loses its links and
// its snapshot: the same student key is another learner there.
func (s *Store) PutProgram(ctx context.Context, p registrar.Program) (created bool, err error) {
	if err := checkProgram(p); err != nil {
		return false, err
	}
	err = s.inTx(ctx, func(q querier) error {
		organization, err := managingOrganization(ctx, q, p)
		if err != nil {
			return err
		}
		id, from, err := findProgram(ctx, q, p)
		if errors.Is(err, sql.ErrNoRows) {
			created = true
			return s.insertProgram(ctx, q, p, organization)
		}
		if err != nil {
			return err
		}
		if from != organization {
			if err := forgetLinks(ctx, q, id); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx, `UPDATE programs SET key = $1, uuid = COALESCE($2, uuid), organization_id = $3 WHERE id = $4`,
			p.Key, orNull(string(p.UUID)), organization, id)
		return err
	})
	return created && err == nil, programFault(p.Key, err)
}

// RenameProgram gives a program another key. An unknown program is NotFound, a
// key in use is Conflict.
func (s *Store) RenameProgram(ctx context.Context, from, to registrar.ProgramKey) error {
	if err := checkProgram(registrar.Program{Key: to}); err != nil {
		return err
	}
	return programFault(from, changedOne(s.write.ExecContext(ctx, `UPDATE programs SET key = $1 WHERE key = $2`, to, from)))
}

const programQuery = `SELECT p.key, COALESCE(p.uuid, ''), o.key FROM programs p JOIN organizations o ON o.id = p.organization_id`

// Programs lists every program by key, ascending.
func (s *Store) Programs(ctx context.Context) ([]registrar.Program, error) {
	var all []registrar.Program
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var p registrar.Program
		if err := rows.Scan(&p.Key, &p.UUID, &p.Organization); err != nil {
			return err
		}
		all = append(all, p)
		return nil
	}, programQuery)
	if err != nil {
		return nil, classify("programs", err)
	}
	slices.SortFunc(all, func(a, b registrar.Program) int { return cmp.Compare(a.Key, b.Key) })
	return all, nil
}

// Program finds a program by its key; an unknown one is NotFound.
func (s *Store) Program(ctx context.Context, key registrar.ProgramKey) (registrar.Program, error) {
	var p registrar.Program
	if !key.Valid() {
		return p, programFault(key, sql.ErrNoRows)
	}
	err := s.read.QueryRowContext(ctx, programQuery+` WHERE p.key = $1`, key).Scan(&p.Key, &p.UUID, &p.Organization)
	return p, programFault(key, err)
}

// identify returns the ids of a program and its organization, as long as all that
// the caller knows of the program is still true; else [sql.ErrNoRows]. What was
// made for the program as it was might belong behind another school's wall.
func identify(ctx context.Context, q querier, p registrar.Program) (program, organization string, err error) {
	if !p.Key.Valid() || !p.Organization.Valid() || !storable(string(p.UUID)) {
		return "", "", sql.ErrNoRows
	}
	err = q.QueryRowContext(ctx, `SELECT p.id, o.id FROM programs p JOIN organizations o ON o.id = p.organization_id
		WHERE p.key = $1 AND COALESCE(p.uuid, '') = $2 AND o.key = $3`, p.Key, p.UUID, p.Organization).
		Scan(&program, &organization)
	return program, organization, err
}

// findProgram returns the row that is meant by p and who manages it now.
func findProgram(ctx context.Context, q querier, p registrar.Program) (id, organization string, err error) {
	if p.UUID != "" {
		err = q.QueryRowContext(ctx, `SELECT id, organization_id FROM programs WHERE uuid = $1`, p.UUID).Scan(&id, &organization)
		if !errors.Is(err, sql.ErrNoRows) {
			return id, organization, err
		}
	}
	// With another uuid the row is another program, and inserting will say so.
	err = q.QueryRowContext(ctx, `SELECT id, organization_id FROM programs WHERE key = $1 AND (uuid IS NULL OR $2 = '')`,
		p.Key, p.UUID).Scan(&id, &organization)
	return id, organization, err
}

func (s *Store) insertProgram(ctx context.Context, q querier, p registrar.Program, organization string) error {
	id, err := newID()
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO programs (id, key, uuid, organization_id, created_at) VALUES ($1, $2, $3, $4, $5)`,
		id, p.Key, orNull(string(p.UUID)), organization, s.stamp())
	return err
}

// managingOrganization returns the id of the organization that p names.
func managingOrganization(ctx context.Context, q querier, p registrar.Program) (string, error) {
	id, err := organizationID(ctx, q, p.Organization)
	if errors.Is(err, sql.ErrNoRows) {
		return "", registrar.Fail(registrar.NotFound, fmt.Sprintf("There is no organization %q.", p.Organization), err)
	}
	return id, err
}

// forgetLinks empties what is known about a program's learners. A snapshot being
// recorded holds the row that goes first, so it is waited for.
func forgetLinks(ctx context.Context, q querier, program string) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM program_snapshots WHERE program_id = $1`, program); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, `DELETE FROM program_links WHERE program_id = $1`, program)
	return err
}

func checkProgram(p registrar.Program) error {
	if !p.Key.Valid() {
		return registrar.Fail(registrar.Invalid,
			"A program key is made of letters, digits, dashes and underscores, at most 255 of them.", nil)
	}
	if p.UUID == "" {
		return nil
	}
	canonical, err := registrar.ParseProgramUUID(string(p.UUID))
	if err == nil && canonical != p.UUID {
		return registrar.Fail(registrar.Invalid, "A program uuid is written in lower case.", nil)
	}
	return err
}

func programFault(key registrar.ProgramKey, err error) error {
	return conflict(fmt.Sprintf("program %q", key), "A program of this key or uuid already exists.", err)
}
