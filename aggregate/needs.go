package aggregate

import (
	"context"
	"errors"
	"time"

	"registrar/internal/registrar"
)

// Programs is Discovery's word on programs.
type Programs interface {
	// Program returns the details of one program; [registrar.NotFound] when
	// Discovery has none.
	Program(ctx context.Context, uuid registrar.ProgramUUID) (registrar.ProgramDetails, error)
}

// Enrollments lists who is in a program and in its course runs, as the LMS says.
type Enrollments interface {
	// ProgramEnrollments walks a program's whole enrollment listing.
	ProgramEnrollments(ctx context.Context, uuid registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error)
	// CourseEnrollments walks the enrollment listing of one course run.
	CourseEnrollments(ctx context.Context, uuid registrar.ProgramUUID, run registrar.CourseKey) ([]registrar.CourseEnrollment, error)
}

// Grades is the LMS's gradebook.
type Grades interface {
	// CourseGrades walks the grades of one course run's linked learners.
	CourseGrades(ctx context.Context, uuid registrar.ProgramUUID, run registrar.CourseKey) ([]registrar.GradeRow, error)
	// LearnerGrade returns one grade; [registrar.NotFound] means there is none.
	LearnerGrade(ctx context.Context, user registrar.Username, run registrar.CourseKey) (registrar.Grade, error)
}

// Completions tells how far learners are.
type Completions interface {
	// CourseCompletion lists the completion of the named accounts, perhaps of
	// more. [registrar.NotFound] with code "completion_off" means that this site
	// cannot tell. Rows beside an error are good: the source failed for the others.
	CourseCompletion(ctx context.Context, run registrar.CourseKey, users []registrar.Username) ([]registrar.CompletionRow, error)
	// LearnerCompletion is one account's; any other [registrar.NotFound] means
	// there is none.
	LearnerCompletion(ctx context.Context, user registrar.Username, run registrar.CourseKey) (registrar.Completion, error)
}

// Accounts is what the LMS knows of accounts.
type Accounts interface {
	// Certificates lists an account's certificates in all courses of the site.
	Certificates(ctx context.Context, user registrar.Username) ([]registrar.Certificate, error)
	// Links maps student keys to accounts by the school's SSO provider. Unknown
	// keys are absent.
	Links(ctx context.Context, ssoSlug string, keys []registrar.StudentKey) ([]registrar.Link, error)
}

// Index is the link store's index of who was last seen in which program.
type Index interface {
	// RecordSnapshot replaces a program's links by rows, seen at that time.
	RecordSnapshot(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, seen time.Time) error
	// LinksOf returns a learner's links within the programs, compared by folded key.
	LinksOf(ctx context.Context, key registrar.StudentKey, programs []registrar.ProgramKey) ([]registrar.ProgramLink, error)
	// SnapshotTimes tells when each program was last recorded; never recorded
	// ones are absent.
	SnapshotTimes(ctx context.Context, programs []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error)
}

// Directory is the link store's knowledge of schools and their learners.
type Directory interface {
	// Usernames returns the accounts that are known, by folded student key.
	Usernames(ctx context.Context, school registrar.OrganizationKey, keys []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error)
	// Organization returns a school, for the slug of its SSO provider.
	Organization(ctx context.Context, key registrar.OrganizationKey) (registrar.Organization, error)
}

// Sources is everything a [Composer] asks. All of them are required, and all
// must be safe for concurrent use.
type Sources struct {
	Programs    Programs
	Enrollments Enrollments
	Grades      Grades
	Completions Completions
	Accounts    Accounts
	Index       Index
	Directory   Directory
}

func (s Sources) check() error {
	if s.Programs == nil || s.Enrollments == nil || s.Grades == nil || s.Completions == nil ||
		s.Accounts == nil || s.Index == nil || s.Directory == nil {
		return errors.New("aggregate: every source is required")
	}
	return nil
}
