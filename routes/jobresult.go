package routes

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// resultLink is where the job's file can be had, or null when there is none any
// more, or none for this caller. It is made for every answer: kept links would
// expire.
//
// Who ordered a file may look at the job for ever, but gets at learners' data only as
// long as the grants last that the order was made by.
func (a *API) resultLink(ctx context.Context, job registrar.Job) (*string, error) {
	if job.Result == "" {
		return nil, nil //nolint:nilnil // null is an answer: there is no file
	}
	if ok, err := a.mayHave(ctx, job); err != nil || !ok {
		return nil, err
	}
	link, err := a.deps.Linker.Link(ctx, job.Result)
	if registrar.KindOf(err) == registrar.NotFound {
		return nil, nil //nolint:nilnil // as above
	}
	return orNull(link), err
}

// mayHave reports whether the caller, who may see the job, may have its file too. The
// program's type is not asked: the file is of when it had one.
func (a *API) mayHave(ctx context.Context, job registrar.Job) (bool, error) {
	who, err := caller(ctx)
	if err != nil {
		return false, err
	}
	if readsAllJobs(who) {
		return true, nil
	}
	program, err := a.deps.Directory.Program(ctx, job.Program)
	if registrar.KindOf(err) == registrar.NotFound {
		return false, nil // and with it every grant
	}
	want := registrar.ReadEnrollments
	if job.Kind.Writes() {
		want = registrar.WriteEnrollments
	}
	return who.Can(want, program), err
}

// touchResults notes that the caller got at the files of other callers' jobs. That of
// one's own is on record since it was ordered.
func touchResults(c *fiber.Ctx, jobs ...registrar.Job) {
	who, ok := registrar.PrincipalFrom(c.UserContext())
	var seen *registrar.Touch
	for _, job := range jobs {
		switch {
		case !ok || job.Result == "" || job.Owner == who.Username:
		case seen == nil:
			seen = &registrar.Touch{Kind: registrar.TouchRead, Program: job.Program, Job: job.ID}
		default:
			// One record for a request: of several jobs it names none, of several
			// programs neither.
			seen.Job = ""
			if seen.Program != job.Program {
				seen.Program = ""
			}
		}
	}
	if seen != nil {
		touch(c, *seen)
	}
}
