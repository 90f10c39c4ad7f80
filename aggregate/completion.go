package aggregate

import (
	"context"

	"registrar/internal/registrar"
)

// Completion is like [Composer.Grades], of how far the learners are. The LMS
// tells it by username, so the program's enrollment listing is required too: it
// says whose username that is, and accounts that are not in it are left out.
//
// A run's table has a row for every linked learner of the program in the run's
// enrollment listing, in its order. An active learner of whom the LMS said nothing
// has a failed row, an inactive one has none. When that listing cannot be had,
// the rows are those of the LMS's completion listing.
func (c *Composer) Completion(ctx context.Context, p registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.LearnerCompletion]], error) {
	var none registrar.Report[[]registrar.Table[registrar.LearnerCompletion]]
	details, listed, err := c.required(ctx, p)
	if err != nil {
		return none, err
	}
	runs, err := selected(details.value, ids)
	if err != nil {
		return none, err
	}
	sources := []registrar.Source{details.source, listed.source}
	names, asked := c.unlistedNames(ctx, p, listed.value.rows)
	members := newRoster(listed.value.rows, names)
	return tabulate(ctx, c, runs, append(sources, asked...),
		func(ctx context.Context, run registrar.CourseRun) tableShare[registrar.LearnerCompletion] {
			return c.completionTable(ctx, p, run, members)
		}, registrar.FromCompletion)
}

// completionTable asks who is in the run, then for their completion alone: a
// site without the completion plugin needs a call for each of them.
func (c *Composer) completionTable(ctx context.Context, p registrar.Program, run registrar.CourseRun, members roster) tableShare[registrar.LearnerCompletion] {
	first, cancel := share(ctx, half)
	defer cancel()
	enrolled := read(first, c.cache, c.courseEnrollments(p, run.Key))
	present := members.all
	if enrolled.err == nil {
		present = members.in(enrolled.value.rows)
	}
	names := usernames(present)
	ask := c.completion(p, run.Key, names)
	if len(names) == 0 {
		ask = ask.skipped()
	}
	g := read(ctx, c.cache, ask).unlessOff()
	if g.value.Short {
		// The rows stand, and the report is not complete.
		g.source.State, g.source.Err = registrar.SourceFailed, &registrar.Error{
			Kind: registrar.Upstream, Code: "completion_incomplete",
			Detail: "The LMS could not tell the completion of some learners.",
		}
	}
	off := g.source.State == registrar.SourceSkipped && len(names) > 0
	var rows []registrar.LearnerCompletion
	switch {
	case g.err != nil || off:
	case enrolled.err == nil:
		rows = joinPresent(present, g.value)
	default:
		rows = joinListed(members, g.value.Rows)
	}
	return tableShare[registrar.LearnerCompletion]{
		table:   tableOf(run, rows, g.err, func(r registrar.LearnerCompletion) bool { return r.Failed }),
		sources: []registrar.Source{enrolled.source, g.source},
	}
}
