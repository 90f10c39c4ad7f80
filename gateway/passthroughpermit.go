package gateway

import (
	"context"
	"fmt"
	"slices"

	"registrar/internal/registrar"
)

// Programs lists the programs that the gateway manages.
type Programs interface {
	Programs(ctx context.Context) ([]registrar.Program, error)
}

// Catalog knows which course runs the programs list, and of what type they are. A
// program whose details could not be had is absent, and its source failed.
type Catalog interface {
	DetailsOf(ctx context.Context, programs []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]
}

// Accounts knows in which programs a learner has this LMS account.
type Accounts interface {
	ProgramsOfUsername(ctx context.Context, name registrar.Username) ([]registrar.ProgramKey, error)
	// StudentKeysOfUsername are the learner's in one of them.
	StudentKeysOfUsername(ctx context.Context, program registrar.ProgramKey, name registrar.Username) ([]registrar.StudentKey, error)
}

// reach is what of an answer the caller may see.
type reach struct {
	everything bool
	// program is the one that lets the caller in, the first of several; empty where
	// none had to.
	program registrar.ProgramKey
	// courses are the runs of the programs that let the caller in; filled only
	// for a rule that filters.
	courses map[registrar.CourseKey]bool
}

// permit decides whether the caller may ask r about t: there must be one program
// on which the caller holds the rule's permission and which satisfies every
// placeholder. Two programs that satisfy one each are not enough: the learner of
// one school in the course of another is nobody's business.
func (p *Passthrough) permit(ctx context.Context, r *rule, t target) (reach, error) {
	who, ok := registrar.PrincipalFrom(ctx)
	switch {
	case !ok:
		return reach{}, unauthenticated("token_missing", notProvided, nil)
	case len(r.holes) == 0 && who.Superuser:
		return reach{everything: true}, nil
	case len(r.holes) == 0:
		return reach{}, registrar.Fail(registrar.Forbidden, "", nil)
	}
	candidates, err := p.candidates(ctx, who, r, t)
	if err != nil {
		return reach{}, err
	}
	if who.Superuser {
		return reach{everything: true, program: about(r, candidates)}, nil
	}
	if len(candidates) == 0 {
		return reach{}, registrar.Fail(registrar.Forbidden, "", nil)
	}
	if !r.holes[courseKey] && !r.filters() && !r.Permission.MastersOnly() {
		return reach{program: candidates[0].Key}, nil
	}
	return p.permitByDetails(ctx, who, r, t, candidates)
}

// candidates are the programs that let the caller in as far as the link store
// knows. Discovery is not asked for somebody who may nothing.
func (p *Passthrough) candidates(ctx context.Context, who registrar.Principal, r *rule, t target) ([]registrar.Program, error) {
	programs, err := p.deps.Programs.Programs(ctx)
	if err != nil {
		return nil, fmt.Errorf("gateway: passthrough: programs: %w", err)
	}
	programs = slices.DeleteFunc(programs, func(program registrar.Program) bool {
		return !who.Can(r.Permission, program) || r.holes[programUUID] && program.UUID != t.program
	})
	if !r.holes[username] || len(programs) == 0 {
		return programs, nil
	}
	linked, err := p.deps.Accounts.ProgramsOfUsername(ctx, t.username)
	if err != nil {
		return nil, fmt.Errorf("gateway: passthrough: programs of an account: %w", err)
	}
	return slices.DeleteFunc(programs, func(program registrar.Program) bool {
		return !slices.Contains(linked, program.Key)
	}), nil
}

// permitByDetails decides among candidates by what Discovery says of them. A
// Discovery that did not answer says nothing, so its error is no 403.
func (p *Passthrough) permitByDetails(ctx context.Context, who registrar.Principal, r *rule, t target, candidates []registrar.Program) (reach, error) {
	report := p.deps.Catalog.DetailsOf(ctx, candidates)
	in := reach{courses: map[registrar.CourseKey]bool{}}
	allowed := false
	for _, program := range candidates {
		details, ok := report.Value[program.Key]
		if !ok || !who.CanWith(r.Permission, program, details) {
			continue
		}
		runs := details.Runs()
		if r.holes[courseKey] && !slices.ContainsFunc(runs, func(run registrar.CourseRun) bool { return run.Key == t.course }) {
			continue
		}
		if !allowed {
			in.program = program.Key
		}
		allowed = true
		if r.filters() {
			for _, run := range runs {
				in.courses[run.Key] = true
			}
		}
	}
	// A filter that does not know all of the caller's courses would drop some
	// without a word.
	if allowed && (!r.filters() || report.Complete()) {
		return in, nil
	}
	for _, source := range report.Sources {
		if source.State == registrar.SourceFailed {
			return reach{}, fmt.Errorf("gateway: passthrough: programs' details: %w", source.Err)
		}
	}
	return reach{}, registrar.Fail(registrar.Forbidden, "", nil)
}
