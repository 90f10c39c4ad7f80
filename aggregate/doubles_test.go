package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

// world is a double of every source. A nil func answers as an empty site would.
type world struct {
	program           func(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error)
	enrollments       func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error)
	courseEnrollments func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error)
	courseGrades      func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error)
	learnerGrade      func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error)
	courseCompletion  func(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error)
	learnerCompletion func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error)
	certificates      func(context.Context, registrar.Username) ([]registrar.Certificate, error)
	links             func(context.Context, string, []registrar.StudentKey) ([]registrar.Link, error)
	record            func(context.Context, registrar.Program, []registrar.ProgramEnrollment, time.Time) error
	linksOf           func(context.Context, registrar.StudentKey, []registrar.ProgramKey) ([]registrar.ProgramLink, error)
	times             func(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error)
	usernames         func(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error)
	organization      func(context.Context, registrar.OrganizationKey) (registrar.Organization, error)
}

func (w *world) Program(ctx context.Context, u registrar.ProgramUUID) (registrar.ProgramDetails, error) {
	if w.program == nil {
		return details(u), nil
	}
	return w.program(ctx, u)
}

func (w *world) ProgramEnrollments(ctx context.Context, u registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
	if w.enrollments == nil {
		return nil, nil
	}
	return w.enrollments(ctx, u)
}

func (w *world) CourseEnrollments(ctx context.Context, u registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
	if w.courseEnrollments == nil {
		return nil, nil
	}
	return w.courseEnrollments(ctx, u, k)
}

func (w *world) CourseGrades(ctx context.Context, u registrar.ProgramUUID, k registrar.CourseKey) ([]registrar.GradeRow, error) {
	if w.courseGrades == nil {
		return nil, nil
	}
	return w.courseGrades(ctx, u, k)
}

func (w *world) LearnerGrade(ctx context.Context, u registrar.Username, k registrar.CourseKey) (registrar.Grade, error) {
	if w.learnerGrade == nil {
		return registrar.Grade{}, notFound("user_not_enrolled")
	}
	return w.learnerGrade(ctx, u, k)
}

func (w *world) CourseCompletion(ctx context.Context, k registrar.CourseKey, u []registrar.Username) ([]registrar.CompletionRow, error) {
	if w.courseCompletion == nil {
		return nil, nil
	}
	return w.courseCompletion(ctx, k, u)
}

func (w *world) LearnerCompletion(ctx context.Context, u registrar.Username, k registrar.CourseKey) (registrar.Completion, error) {
	if w.learnerCompletion == nil {
		return registrar.Completion{}, notFound("user_not_enrolled")
	}
	return w.learnerCompletion(ctx, u, k)
}

func (w *world) Certificates(ctx context.Context, u registrar.Username) ([]registrar.Certificate, error) {
	if w.certificates == nil {
		return nil, nil
	}
	return w.certificates(ctx, u)
}

func (w *world) Links(ctx context.Context, slug string, keys []registrar.StudentKey) ([]registrar.Link, error) {
	if w.links == nil {
		return nil, nil
	}
	return w.links(ctx, slug, keys)
}

func (w *world) RecordSnapshot(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, at time.Time) error {
	if w.record == nil {
		return nil
	}
	return w.record(ctx, p, rows, at)
}

func (w *world) LinksOf(ctx context.Context, k registrar.StudentKey, ps []registrar.ProgramKey) ([]registrar.ProgramLink, error) {
	if w.linksOf == nil {
		return nil, nil
	}
	return w.linksOf(ctx, k, ps)
}

func (w *world) SnapshotTimes(ctx context.Context, ps []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
	if w.times == nil {
		return map[registrar.ProgramKey]time.Time{}, nil
	}
	return w.times(ctx, ps)
}

func (w *world) Usernames(ctx context.Context, o registrar.OrganizationKey, keys []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
	if w.usernames == nil {
		return map[registrar.StudentKey]registrar.Username{}, nil
	}
	return w.usernames(ctx, o, keys)
}

func (w *world) Organization(ctx context.Context, o registrar.OrganizationKey) (registrar.Organization, error) {
	if w.organization == nil {
		return registrar.Organization{Key: o}, nil
	}
	return w.organization(ctx, o)
}

func (w *world) sources() aggregate.Sources {
	return aggregate.Sources{
		Programs: w, Enrollments: w, Grades: w, Completions: w, Accounts: w, Index: w, Directory: w,
	}
}

// compose returns a Composer over w that the test closes.
func compose(tb testing.TB, w *world, cfg aggregate.Config) *aggregate.Composer {
	tb.Helper()
	c, err := aggregate.New(cfg, w.sources())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// keep is a Config whose every view has policy p.
func keep(p aggregate.Policy) aggregate.Config {
	return aggregate.Config{Policy: func(aggregate.View) aggregate.Policy { return p }}
}

const (
	curriculum = registrar.CurriculumUUID("b7f0c1de-8d1e-4b0c-9a54-60a2b8b6f0aa")
	retired    = registrar.CurriculumUUID("00000000-0000-0000-0000-000000000001")
)

func masters() registrar.Program {
	return registrar.Program{Key: "masters-cs", UUID: "5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11", Organization: "NorthU"}
}

func key(tb testing.TB, text string) registrar.CourseKey {
	tb.Helper()
	k, err := registrar.ParseCourseKey(text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// details has three course runs, the first with an external key.
func details(uuid registrar.ProgramUUID) registrar.ProgramDetails {
	runs := make([]registrar.CourseRun, 0, 3)
	for _, text := range []string{"course-v1:NorthU+A+1", "course-v1:NorthU+B+1", "NorthU/C/1"} {
		k, err := registrar.ParseCourseKey(text)
		if err != nil {
			panic(err)
		}
		runs = append(runs, registrar.CourseRun{Key: k, Title: text, Start: time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)})
	}
	runs[0].ExternalKey = "CS.101"
	return registrar.ProgramDetails{
		UUID: uuid, Title: "Computer Science", TypeSlug: "masters",
		Curricula: []registrar.Curriculum{
			{UUID: retired, Name: "old"},
			{UUID: curriculum, Name: "new", Active: true, Runs: runs},
		},
	}
}

func linked(k registrar.StudentKey, user registrar.Username) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{
		StudentKey: k, Status: "enrolled", Curriculum: curriculum,
		Account: registrar.Account{State: registrar.Linked, Username: user},
	}
}

func pending(k registrar.StudentKey) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{
		StudentKey: k, Status: "pending", Curriculum: curriculum, Account: registrar.Account{State: registrar.Pending},
	}
}

func listed(rows ...registrar.ProgramEnrollment) func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
	return func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) { return rows, nil }
}

func active(k registrar.StudentKey) registrar.CourseEnrollment {
	return registrar.CourseEnrollment{StudentKey: k, Status: registrar.CourseActive, AccountExists: true, Curriculum: curriculum}
}

func inactive(k registrar.StudentKey) registrar.CourseEnrollment {
	e := active(k)
	e.Status = registrar.CourseInactive
	return e
}

func inRun(rows ...registrar.CourseEnrollment) func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
	return func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
		return rows, nil
	}
}

func done(percent string) registrar.Completion {
	n := json.Number(percent)
	return registrar.Completion{Percent: &n}
}

func notFound(code string) error {
	return &registrar.Error{Kind: registrar.NotFound, Code: code, Detail: "None."}
}

// down is a dead LMS.
func down() error {
	return registrar.Fail(registrar.Unavailable, "The LMS is not available.", errors.New("refused"))
}

// everything asks for all parts of a record.
func everything() registrar.Parts {
	return registrar.Parts{Grades: true, Completion: true, Certificates: true}
}

// line is a source without its clocks.
type line struct {
	Name   registrar.SourceName
	Course string
	State  registrar.SourceState
	Code   string
}

func lines(sources []registrar.Source) []line {
	out := make([]line, 0, len(sources))
	for _, s := range sources {
		l := line{Name: s.Name, Course: s.Course.String(), State: s.State}
		if s.Err != nil {
			l.Code = registrar.CodeOf(s.Err)
		}
		out = append(out, l)
	}
	return out
}
