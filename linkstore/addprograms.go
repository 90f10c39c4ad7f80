package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"registrar/internal/registrar"
)

// NewProgram is a program that an operator wants to have, as Discovery knows it.
type NewProgram struct {
	UUID registrar.ProgramUUID
	// Key is the key that the operator asks for; empty for none in particular.
	Key registrar.ProgramKey
	// Otherwise is the key of a new program for which no other is asked.
	Otherwise registrar.ProgramKey
	// Authors are the program's authoring organizations in Discovery's order. The
	// last one that has a key manages the program.
	Authors []registrar.Organization
}

// AddedProgram is what became of a [NewProgram].
type AddedProgram struct {
	Program registrar.Program
	Created bool
	// Was is the former key of a program that was renamed; empty for the others.
	Was registrar.ProgramKey
}

// AddPrograms stores programs and the organizations that are missing, all or
// nothing, and returns what became of each. Of a program that is stored already,
// by its uuid, only the key changes, and only if another one is asked for. Of an
// organization that is stored already, nothing does.
//
// A key that another program has is Conflict, and the detail names both; a new
// program without a usable key or authoring organization is Invalid.
func (s *Store) AddPrograms(ctx context.Context, wanted []NewProgram) ([]AddedProgram, error) {
	added := make([]AddedProgram, 0, len(wanted))
	err := s.inTx(ctx, func(q querier) error {
		for _, w := range wanted {
			a, err := s.addProgram(ctx, q, w)
			if err != nil {
				return fmt.Errorf("program %q: %w", w.UUID, err)
			}
			added = append(added, a)
		}
		return nil
	})
	if err != nil {
		return nil, classify("add programs", err)
	}
	return added, nil
}

func (s *Store) addProgram(ctx context.Context, q querier, w NewProgram) (AddedProgram, error) {
	if canonical, err := registrar.ParseProgramUUID(string(w.UUID)); err != nil || canonical != w.UUID {
		return AddedProgram{}, registrar.Fail(registrar.Invalid, fmt.Sprintf("%q is no program uuid in lower case.", w.UUID), err)
	}
	var known registrar.Program
	err := q.QueryRowContext(ctx, programQuery+` WHERE p.uuid = $1`, w.UUID).Scan(&known.Key, &known.UUID, &known.Organization)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s.newProgram(ctx, q, w)
	case err != nil:
		return AddedProgram{}, err
	case w.Key == "" || w.Key == known.Key:
		return AddedProgram{Program: known}, nil
	}
	if err := freeKey(ctx, q, w.Key, w.UUID); err != nil {
		return AddedProgram{}, err
	}
	_, err = q.ExecContext(ctx, `UPDATE programs SET key = $1 WHERE uuid = $2`, w.Key, w.UUID)
	a := AddedProgram{Program: known, Was: known.Key}
	a.Program.Key = w.Key
	return a, programFault(w.Key, err)
}

func (s *Store) newProgram(ctx context.Context, q querier, w NewProgram) (AddedProgram, error) {
	p := registrar.Program{Key: w.Key, UUID: w.UUID}
	if p.Key == "" {
		p.Key = w.Otherwise
	}
	if err := freeKey(ctx, q, p.Key, w.UUID); err != nil {
		return AddedProgram{}, err
	}
	var manager string
	for _, o := range w.Authors {
		if o.Key == "" {
			continue
		}
		var err error
		if manager, p.Organization, err = s.author(ctx, q, o); err != nil {
			return AddedProgram{}, err
		}
	}
	if manager == "" {
		return AddedProgram{}, registrar.Fail(registrar.Invalid,
			fmt.Sprintf("Program %s has no authoring organization with a key, and so none that could manage it.", w.UUID), nil)
	}
	return AddedProgram{Program: p, Created: true}, programFault(p.Key, s.insertProgram(ctx, q, p, manager))
}

// author finds an authoring organization, by its uuid or else by its key, or makes
// it. It returns the row's id and the key that the organization has here.
func (s *Store) author(ctx context.Context, q querier, o registrar.Organization) (id string, key registrar.OrganizationKey, err error) {
	if err := checkOrganization(o); err != nil {
		return "", "", err
	}
	id, err = findOrganization(ctx, q, o)
	if errors.Is(err, sql.ErrNoRows) {
		if err := s.insertOrganization(ctx, q, o); err != nil {
			return "", "", organizationFault(o.Key, err)
		}
		id, err = organizationID(ctx, q, o.Key)
	}
	if err != nil {
		return "", "", err
	}
	err = q.QueryRowContext(ctx, `SELECT key FROM organizations WHERE id = $1`, id).Scan(&key)
	return id, key, err
}

// freeKey makes sure that a key can be given to the program of a uuid.
func freeKey(ctx context.Context, q querier, key registrar.ProgramKey, to registrar.ProgramUUID) error {
	if !key.Valid() {
		return registrar.Fail(registrar.Invalid, fmt.Sprintf("%q cannot be the key of program %s: "+
			"a program key is made of letters, digits, dashes and underscores, at most 255 of them.", key, to), nil)
	}
	var uuid string
	err := q.QueryRowContext(ctx, `SELECT COALESCE(uuid, 'without a uuid') FROM programs WHERE key = $1`, key).Scan(&uuid)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return registrar.Fail(registrar.Conflict,
		fmt.Sprintf("The key %q is that of the program %s and cannot be given to the program %s too.", key, uuid, to), nil)
}
