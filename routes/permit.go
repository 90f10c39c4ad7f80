package routes

import (
	"context"

	"registrar/internal/registrar"
)

// entry is a caller let in to a program.
type entry struct {
	caller  registrar.Principal
	program registrar.Program
	// details are read only for permissions that need the program's type.
	details registrar.ProgramDetails
}

// caller returns who is asking, or [registrar.Unauthenticated].
func caller(ctx context.Context) (registrar.Principal, error) {
	who, ok := registrar.PrincipalFrom(ctx)
	if !ok {
		return who, registrar.Fail(registrar.Unauthenticated, "Authentication credentials were not provided.", nil)
	}
	return who, nil
}

// permit is the door of every program route: 401, then 404, then 403. Discovery
// is asked only for a caller whose grants suffice.
func (a *API) permit(ctx context.Context, key registrar.ProgramKey, want registrar.Permission) (entry, error) {
	return a.admit(ctx, key, want, a.typed)
}

// typing reads the details that decide about enrollment permissions.
type typing func(ctx context.Context, program registrar.Program) (registrar.ProgramDetails, error)

// admit is permit with a say in what becomes of details that cannot be had.
func (a *API) admit(ctx context.Context, key registrar.ProgramKey, want registrar.Permission, typed typing) (entry, error) {
	who, err := caller(ctx)
	if err != nil {
		return entry{}, err
	}
	if !key.Valid() {
		return entry{}, notFound(nil)
	}
	program, err := a.deps.Directory.Program(ctx, key)
	if err != nil {
		return entry{}, err
	}
	in := entry{caller: who, program: program}
	// By grants first: somebody who may nothing must not cost a Discovery call,
	// nor learn from its failure that the program has one.
	if !who.Can(want, program) {
		return entry{}, forbidden()
	}
	if !want.MastersOnly() {
		return in, nil
	}
	in.details, err = typed(ctx, program)
	if err != nil {
		return entry{}, err
	}
	if !who.CanWith(want, program, in.details) {
		return entry{}, forbidden()
	}
	return in, nil
}

// typed returns the details that decide about enrollment permissions. A program
// that Discovery does not have is of no type; a Discovery that did not answer
// says nothing, so its error must not become a 403.
func (a *API) typed(ctx context.Context, program registrar.Program) (registrar.ProgramDetails, error) {
	report, err := a.deps.Catalog.Details(ctx, program)
	if err != nil && registrar.KindOf(err) != registrar.NotFound {
		return registrar.ProgramDetails{}, err
	}
	return report.Value, nil
}

func forbidden() error {
	return registrar.Fail(registrar.Forbidden, "You do not have permission to perform this action.", nil)
}

func notFound(cause error) error {
	return registrar.Fail(registrar.NotFound, "Not found.", cause)
}
