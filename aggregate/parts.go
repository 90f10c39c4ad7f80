package aggregate

import (
	"context"
	"log/slog"
	"slices"

	"registrar/internal/registrar"
)

// The parts that the package knows, each with its key, its tags and its source.
// Everything about people stands in the scope of the program it was asked for.

func (c *Composer) details(p registrar.Program) part[registrar.ProgramDetails] {
	return part[registrar.ProgramDetails]{
		name:  registrar.FromDiscovery,
		key:   NewKey(ViewProgram, PublicScope(), registrar.CourseKey{}, string(p.UUID)),
		tags:  []Tag{ProgramTag(p)},
		codec: plain[registrar.ProgramDetails](),
		load: func(ctx context.Context) (registrar.ProgramDetails, error) {
			return c.sources.Programs.Program(ctx, p.UUID)
		},
	}
}

func (c *Composer) enrollments(p registrar.Program) part[listing[registrar.ProgramEnrollment]] {
	return part[listing[registrar.ProgramEnrollment]]{
		name:  registrar.FromProgramEnrollments,
		key:   NewKey(ViewEnrollments, ProgramScope(p), registrar.CourseKey{}, ""),
		tags:  []Tag{ProgramTag(p), EnrollmentsTag(p)},
		codec: listingCodec(programKey),
		load: func(ctx context.Context) (listing[registrar.ProgramEnrollment], error) {
			rows, err := c.sources.Enrollments.ProgramEnrollments(ctx, p.UUID)
			return newListing(rows, programKey), err
		},
		landed: func(ctx context.Context, l landing) { c.recorder.record(ctx, p, l) },
	}
}

func (c *Composer) courseEnrollments(p registrar.Program, run registrar.CourseKey) part[listing[registrar.CourseEnrollment]] {
	return part[listing[registrar.CourseEnrollment]]{
		name: registrar.FromCourseEnrollments, course: run,
		key:   NewKey(ViewCourseEnrollments, ProgramScope(p), run, ""),
		tags:  []Tag{ProgramTag(p), RunTag(run)},
		codec: listingCodec(courseKey),
		load: func(ctx context.Context) (listing[registrar.CourseEnrollment], error) {
			rows, err := c.sources.Enrollments.CourseEnrollments(ctx, p.UUID, run)
			return newListing(rows, courseKey), err
		},
	}
}

func (c *Composer) grades(p registrar.Program, run registrar.CourseKey) part[[]registrar.GradeRow] {
	return part[[]registrar.GradeRow]{
		name: registrar.FromGrades, course: run,
		key:   NewKey(ViewGrades, ProgramScope(p), run, ""),
		tags:  []Tag{ProgramTag(p), RunTag(run)},
		codec: gradeRowsCodec(),
		load: func(ctx context.Context) ([]registrar.GradeRow, error) {
			rows, err := c.sources.Grades.CourseGrades(ctx, p.UUID, run)
			return whole(rows), err
		},
		partial: func(rows []registrar.GradeRow) bool {
			return slices.ContainsFunc(rows, func(r registrar.GradeRow) bool { return r.Failed })
		},
	}
}

// completions are a course run's rows. Short says that the source failed for some
// learners and told of the others.
type completions struct {
	Rows  []registrar.CompletionRow
	Short bool
}

// completion is the course run's completion of users. They are not a part of the
// key: a learner who joins the run later is seen when the part is renewed.
func (c *Composer) completion(p registrar.Program, run registrar.CourseKey, users []registrar.Username) part[completions] {
	return part[completions]{
		name: registrar.FromCompletion, course: run,
		key:   NewKey(ViewCompletion, ProgramScope(p), run, ""),
		tags:  []Tag{ProgramTag(p), RunTag(run)},
		codec: plain[completions](),
		load: func(ctx context.Context) (completions, error) {
			rows, err := c.sources.Completions.CourseCompletion(ctx, run, users)
			if err != nil && len(rows) > 0 && ctx.Err() == nil {
				// One learner's failure must not hide the others. It ends here, so it
				// is logged here.
				c.cfg.Log.WarnContext(ctx, "aggregate: some learners' completion not read", slog.Any("error", err))
				return completions{Rows: whole(rows), Short: true}, nil
			}
			return completions{Rows: whole(rows)}, err
		},
		partial: func(all completions) bool { return all.Short },
	}
}

func (l learner) grade(run registrar.CourseKey) part[registrar.Grade] {
	return part[registrar.Grade]{
		name: registrar.FromGrades, course: run,
		key:   NewKey(ViewLearnerGrades, ProgramScope(l.program), run, string(l.user)),
		tags:  append(l.tags(), RunTag(run)),
		codec: gradeCodec(),
		load: func(ctx context.Context) (registrar.Grade, error) {
			return l.composer.sources.Grades.LearnerGrade(ctx, l.user, run)
		},
	}
}

func (l learner) completion(run registrar.CourseKey) part[registrar.Completion] {
	return part[registrar.Completion]{
		name: registrar.FromCompletion, course: run,
		key:   NewKey(ViewLearnerCompletion, ProgramScope(l.program), run, string(l.user)),
		tags:  append(l.tags(), RunTag(run)),
		codec: plain[registrar.Completion](),
		load: func(ctx context.Context) (registrar.Completion, error) {
			return l.composer.sources.Completions.LearnerCompletion(ctx, l.user, run)
		},
	}
}

func (l learner) certificates() part[[]registrar.Certificate] {
	return part[[]registrar.Certificate]{
		name:  registrar.FromCertificates,
		key:   NewKey(ViewCertificates, ProgramScope(l.program), registrar.CourseKey{}, string(l.user)),
		tags:  l.tags(),
		codec: plain[[]registrar.Certificate](),
		load: func(ctx context.Context) ([]registrar.Certificate, error) {
			all, err := l.composer.sources.Accounts.Certificates(ctx, l.user)
			return whole(all), err
		},
	}
}

// tags are those of every part about l. The slice has no room to spare, so two
// appends to it never share memory.
func (l learner) tags() []Tag {
	return slices.Clip([]Tag{ProgramTag(l.program), LearnerTag(l.program.Organization, l.row.StudentKey)})
}

// whole is rows, clipped and never nil: an empty listing has one form, and a
// reader who appends gets a copy.
func whole[R any](rows []R) []R {
	if rows == nil {
		return []R{}
	}
	return slices.Clip(rows)
}
