package aggregate

import (
	"context"

	"golang.org/x/sync/errgroup"

	"registrar/internal/registrar"
)

// learner is one learner of one program, while a record is composed.
type learner struct {
	composer *Composer
	program  registrar.Program
	row      registrar.ProgramEnrollment
	user     registrar.Username // empty: none, or not known
	want     registrar.Parts
}

// courseShare is what one course run adds to a record.
type courseShare struct {
	course  registrar.LearnerCourse
	sources []registrar.Source
	// maybe is whether the learner is in the run by this program, or may be, when
	// the listing failed. A seat from elsewhere is none of the program's business.
	maybe bool
}

// Record composes everything known of one learner in p, with the optional parts
// that want names. Details and the enrollment listing are required. A learner who
// is not in the listing is [registrar.NotFound], code "learner_not_in_program".
//
// For a learner without an account the optional parts are skipped. For one whose
// account name cannot be found out they fail, code "username_unknown".
func (c *Composer) Record(ctx context.Context, p registrar.Program, key registrar.StudentKey, want registrar.Parts) (registrar.Report[registrar.LearnerRecord], error) {
	var report registrar.Report[registrar.LearnerRecord]
	details, listed, err := c.required(ctx, p)
	if err != nil {
		return report, err
	}
	active, _ := details.value.ActiveCurriculum()
	row, ok := pick(listed.value.of(key), active.UUID)
	if !ok {
		return report, &registrar.Error{
			Kind: registrar.NotFound, Code: "learner_not_in_program", Detail: "The program has no such learner.",
		}
	}
	l := learner{composer: c, program: p, row: row, user: row.Account.Username, want: want}
	report.Sources = append(report.Sources, details.source, listed.source)
	report.Sources = append(report.Sources, l.identify(ctx)...)

	courses, certificates := l.shares(ctx, details.value.Runs())
	report.Value = registrar.LearnerRecord{Enrollment: l.row, Courses: make([]registrar.LearnerCourse, 0, len(courses))}
	for _, s := range courses {
		if s.maybe {
			s.course.Certificate = certificateOf(certificates.value, s.course.Run.Key)
		}
		report.Value.Courses = append(report.Value.Courses, s.course)
		report.Sources = append(report.Sources, s.sources...)
	}
	if want.Certificates {
		_, source := certificates.nullable()
		report.Sources = append(report.Sources, source)
	}
	return report, nil
}

// shares asks every course run, and for the certificates, at the same time.
func (l learner) shares(ctx context.Context, runs []registrar.CourseRun) ([]courseShare, got[[]registrar.Certificate]) {
	var certificates got[[]registrar.Certificate]
	asked := ask(l, l.want.Certificates, l.certificates())
	var g errgroup.Group
	g.Go(func() error {
		ctx, cancel := share(ctx, most)
		defer cancel()
		certificates = read(ctx, l.composer.cache, asked)
		return nil
	})
	courses := gather(ctx, l.composer.fan, runs, l.course, func(run registrar.CourseRun, err error) courseShare {
		lost := broken[registrar.CourseStatus](registrar.FromCourseEnrollments, run.Key, err)
		return courseShare{course: registrar.LearnerCourse{Run: run}, sources: []registrar.Source{lost.source}}
	})
	_ = g.Wait() // read reports its failures itself
	return courses, certificates
}

// course asks for one course run: first whether the learner is in it, from the
// listing that all learners share, then for the learner's own parts. Who is not
// in the run has none, and the LMS is not asked.
func (l learner) course(ctx context.Context, run registrar.CourseRun) courseShare {
	c := l.composer
	first, cancel := share(ctx, half)
	defer cancel()
	enrolled := read(first, c.cache, c.courseEnrollments(l.program, run.Key))
	out := courseShare{
		course:  registrar.LearnerCourse{Run: run, Status: status(enrolled.value.of(l.row.StudentKey))},
		sources: []registrar.Source{enrolled.source},
	}
	out.maybe = enrolled.err != nil || out.course.Status != nil
	grade, completion := both(ctx, c.cache,
		ask(l, out.maybe && l.want.Grades, l.grade(run.Key)),
		ask(l, out.maybe && l.want.Completion, l.completion(run.Key)))
	var source registrar.Source
	if l.want.Grades {
		out.course.Grade, source = grade.nullable()
		out.sources = append(out.sources, source)
	}
	if l.want.Completion {
		out.course.Completion, source = completion.nullable()
		out.sources = append(out.sources, source)
	}
	return out
}

// ask returns p if it is worth asking and can be asked.
func ask[T any](l learner, worth bool, p part[T]) part[T] {
	switch {
	case !worth || l.row.Account.State == registrar.Pending:
		return p.skipped()
	case l.user == "":
		return p.impossible(usernameUnknown())
	}
	return p
}

// certificateOf returns the certificate of one course run. The LMS lists those
// of all courses of the site; the others do not leave this room.
func certificateOf(all []registrar.Certificate, run registrar.CourseKey) *registrar.Certificate {
	for _, c := range all {
		if c.Course == run {
			return &c
		}
	}
	return nil
}
