package aggregate

import (
	"context"
	"slices"

	"registrar/internal/registrar"
)

// tableShare is one course run's table with the sources it came from.
type tableShare[R any] struct {
	table   registrar.Table[R]
	sources []registrar.Source
}

// Grades returns the grade table of every course run that ids name, or of all
// runs of the active curriculum when there are none, in curriculum order. An id
// that is not in the program is the error of [registrar.ProgramDetails.Run]. A
// table whose source failed has state "failed" and leaves the others as they are;
// when there are no others, because the LMS is away, that is the error.
func (c *Composer) Grades(ctx context.Context, p registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
	return tables(ctx, c, p, ids, func(ctx context.Context, run registrar.CourseRun) tableShare[registrar.GradeRow] {
		g := read(ctx, c.cache, c.grades(p, run.Key))
		table := tableOf(run, g.value, g.err, func(r registrar.GradeRow) bool { return r.Failed })
		return tableShare[registrar.GradeRow]{table: table, sources: []registrar.Source{g.source}}
	}, registrar.FromGrades)
}

// CourseEnrollments is like [Composer.Grades], of who is enrolled. A learner may
// have two rows, under two curricula.
func (c *Composer) CourseEnrollments(ctx context.Context, p registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.CourseEnrollment]], error) {
	return tables(ctx, c, p, ids, func(ctx context.Context, run registrar.CourseRun) tableShare[registrar.CourseEnrollment] {
		g := read(ctx, c.cache, c.courseEnrollments(p, run.Key))
		table := tableOf(run, g.value.rows, g.err, func(registrar.CourseEnrollment) bool { return false })
		return tableShare[registrar.CourseEnrollment]{table: table, sources: []registrar.Source{g.source}}
	}, registrar.FromCourseEnrollments)
}

// tables reads the details, which are required, and gathers a table per run.
func tables[R any](ctx context.Context, c *Composer, p registrar.Program, ids []registrar.CourseID,
	branch func(context.Context, registrar.CourseRun) tableShare[R], name registrar.SourceName,
) (registrar.Report[[]registrar.Table[R]], error) {
	details, err := c.Details(ctx, p)
	if err != nil {
		return registrar.Report[[]registrar.Table[R]]{}, err
	}
	runs, err := selected(details.Value, ids)
	if err != nil {
		return registrar.Report[[]registrar.Table[R]]{}, err
	}
	return tabulate(ctx, c, runs, details.Sources, branch, name)
}

// tabulate gathers one table per run and adds their sources to sources. name is
// what a branch that panicked was about. Its error is that of [nothing].
func tabulate[R any](ctx context.Context, c *Composer, runs []registrar.CourseRun, sources []registrar.Source,
	branch func(context.Context, registrar.CourseRun) tableShare[R], name registrar.SourceName,
) (registrar.Report[[]registrar.Table[R]], error) {
	shares := gather(ctx, c.fan, runs, branch, func(run registrar.CourseRun, err error) tableShare[R] {
		lost := broken[R](name, run.Key, err)
		return tableShare[R]{table: tableOf[R](run, nil, lost.err, nil), sources: []registrar.Source{lost.source}}
	})
	report := registrar.Report[[]registrar.Table[R]]{Value: make([]registrar.Table[R], 0, len(runs)), Sources: sources}
	for _, s := range shares {
		report.Value = append(report.Value, s.table)
		report.Sources = append(report.Sources, s.sources...)
	}
	return report, nothing(report)
}

// nothing returns why no table at all could be had and asking again may help, nil
// otherwise. Rows that are all missing are no answer: a caller who takes the
// status for the truth would think that nobody has a grade. What asking again does
// not mend, such as a run that the LMS does not know, stays told run by run.
func nothing[R any](report registrar.Report[[]registrar.Table[R]]) error {
	some := slices.ContainsFunc(report.Value, func(t registrar.Table[R]) bool { return t.State != registrar.TableFailed })
	if some || len(report.Value) == 0 {
		return nil
	}
	for _, s := range report.Sources {
		if s.State == registrar.SourceFailed && registrar.Retryable(s.Err) {
			return s.Err
		}
	}
	return nil
}

// selected returns the runs that ids name, each once, in curriculum order.
func selected(details registrar.ProgramDetails, ids []registrar.CourseID) ([]registrar.CourseRun, error) {
	runs := details.Runs()
	if len(ids) == 0 {
		return runs, nil
	}
	wanted := make(map[registrar.CourseKey]bool, len(ids))
	for _, id := range ids {
		run, err := details.Run(id)
		if err != nil {
			return nil, err
		}
		wanted[run.Key] = true
	}
	return slices.DeleteFunc(runs, func(r registrar.CourseRun) bool { return !wanted[r.Key] }), nil
}

// tableOf is the table of rows, or of a source that failed with err.
func tableOf[R any](run registrar.CourseRun, rows []R, err error, failed func(R) bool) registrar.Table[R] {
	t := registrar.Table[R]{Run: run, State: registrar.TableOK, Rows: rows}
	switch {
	case err != nil:
		t.State, t.Rows = registrar.TableFailed, nil
	case len(rows) == 0:
		t.State = registrar.TableEmpty
	case slices.ContainsFunc(rows, failed):
		t.State = registrar.TablePartial
	}
	return t
}
