package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"registrar/internal/registrar"
)

// Scope says what kind of thing a right is held on.
type Scope string

// The scopes, as they are stored.
const (
	GlobalScope       Scope = "global"
	OrganizationScope Scope = "organization"
	ProgramScope      Scope = "program"
)

// roles lists the roles that can be held on targets of scope s.
func (s Scope) roles() []string {
	var names []string
	for _, r := range registrar.Roles() {
		if strings.HasPrefix(string(r), string(s)+"_") {
			names = append(names, string(r))
		}
	}
	return names
}

// Target is what a right is held on. It is made by [Global], [OnOrganization]
// and [OnProgram]; the zero value is no target, so that a forgotten one never
// opens everything. Targets compare with ==.
type Target struct {
	scope Scope
	key   string
}

// Global is everything: all organizations and all programs.
func Global() Target { return Target{scope: GlobalScope} }

// OnOrganization is one organization and the programs that it manages.
func OnOrganization(key registrar.OrganizationKey) Target {
	return Target{scope: OrganizationScope, key: string(key)}
}

// OnProgram is one program.
func OnProgram(key registrar.ProgramKey) Target {
	return Target{scope: ProgramScope, key: string(key)}
}

// Scope returns the kind of target, "" for none.
func (t Target) Scope() Scope { return t.scope }

// Key returns the organization's or the program's key, "" for the others.
func (t Target) Key() string { return t.key }

// String names the target for people: "global", "organization NorthU" or
// "program masters-cs".
func (t Target) String() string {
	if t.key == "" {
		return string(t.scope)
	}
	return string(t.scope) + " " + t.key
}

// targetIDs are the two columns that a target is stored in; one at most is set.
type targetIDs struct{ organization, program sql.NullString }

// resolve finds the row behind a target; an unknown one is NotFound.
func (t Target) resolve(ctx context.Context, q querier) (targetIDs, error) {
	var ids targetIDs
	var query string
	var found *sql.NullString
	switch t.scope {
	case GlobalScope:
		return ids, nil
	case OrganizationScope:
		query, found = `SELECT id FROM organizations WHERE key = $1`, &ids.organization
	case ProgramScope:
		query, found = `SELECT id FROM programs WHERE key = $1`, &ids.program
	default:
		return ids, registrar.Fail(registrar.Invalid, "It is not said what the right is held on.", nil)
	}
	// The one rule of spelling serves both kinds of key.
	if !registrar.ProgramKey(t.key).Valid() {
		return ids, t.missing(sql.ErrNoRows)
	}
	err := q.QueryRowContext(ctx, query, t.key).Scan(found)
	if errors.Is(err, sql.ErrNoRows) {
		return ids, t.missing(err)
	}
	return ids, err
}

func (t Target) missing(cause error) error {
	return registrar.Fail(registrar.NotFound, fmt.Sprintf("There is no %s %q.", t.scope, t.key), cause)
}
