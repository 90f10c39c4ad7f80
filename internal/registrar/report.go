package registrar

import (
	"slices"
	"time"
)

// SourceName says where a part of an answer came from.
type SourceName string

// The sources of a composed answer.
const (
	FromProgramEnrollments SourceName = "lms.program_enrollments"
	FromCourseEnrollments  SourceName = "lms.course_enrollments"
	FromGrades             SourceName = "lms.grades"
	FromCompletion         SourceName = "lms.completion"
	FromCertificates       SourceName = "lms.certificates"
	FromAccounts           SourceName = "lms.accounts"
	FromDiscovery          SourceName = "discovery.program"
	FromLinkstore          SourceName = "linkstore"
)

// SourceState says how well a source answered.
type SourceState string

// The states of a source.
const (
	SourceOK      SourceState = "ok"
	SourceStale   SourceState = "stale"   // an older answer stands in for a failed or running refresh
	SourceFailed  SourceState = "failed"  // no answer; the part is missing
	SourceSkipped SourceState = "skipped" // not asked: the learner has no account, or the site has no such API
)

// Source is one source's share in a composed answer.
type Source struct {
	Name      SourceName
	Program   ProgramKey // empty unless the answer is about several programs
	Course    CourseKey  // zero where the source is not about one course run
	State     SourceState
	FetchedAt time.Time     // zero when nothing was fetched
	Took      time.Duration // time this request waited for it; 0 for a cache hit
	Hit       bool          // answered from the cache
	// ExpiresIn is how long the answer stays fresh; negative once it is stale.
	ExpiresIn time.Duration
	// Digest changes if and only if what the source said has changed.
	Digest string
	Err    error // why it failed; nil otherwise
}

// Report is a composed answer and the sources of its parts.
type Report[T any] struct {
	Value   T
	Sources []Source
}

// Complete reports whether no part is missing.
func (r Report[T]) Complete() bool {
	return !slices.ContainsFunc(r.Sources, func(s Source) bool { return s.State == SourceFailed })
}

// Hit reports whether no upstream was waited for.
func (r Report[T]) Hit() bool {
	return !slices.ContainsFunc(r.Sources, func(s Source) bool {
		return !s.Hit && s.State != SourceSkipped && s.Name != FromLinkstore
	})
}

// Stale reports whether an older answer stands in for any part.
func (r Report[T]) Stale() bool {
	return slices.ContainsFunc(r.Sources, func(s Source) bool { return s.State == SourceStale })
}

// Age is the age of the oldest part at now; 0 when nothing has one.
func (r Report[T]) Age(now time.Time) time.Duration {
	var age time.Duration
	for _, s := range r.Sources {
		if !s.FetchedAt.IsZero() {
			age = max(age, now.Sub(s.FetchedAt))
		}
	}
	return age
}

// Parts says which optional parts of a learner record are asked for.
type Parts struct{ Grades, Completion, Certificates bool }

// LearnerRecord is everything the gateway knows of one learner in one program.
type LearnerRecord struct {
	Enrollment ProgramEnrollment
	Courses    []LearnerCourse // in curriculum order, every run of the program
}

// LearnerCourse is a learner's share in one course run. A nil member means
// there is nothing to tell; whether it failed stands in the report's sources.
type LearnerCourse struct {
	Run         CourseRun
	Status      *CourseStatus // nil when the learner is not in the run
	Grade       *Grade
	Completion  *Completion
	Certificate *Certificate
}

// TableState says how well one course run's table could be filled.
type TableState string

// The states of a table.
const (
	TableOK      TableState = "ok"
	TablePartial TableState = "partial" // some rows carry an error
	TableEmpty   TableState = "empty"   // the LMS has no rows
	TableFailed  TableState = "failed"  // the source failed; no rows
)

// Table is one course run's rows.
type Table[R any] struct {
	Run   CourseRun
	State TableState
	Rows  []R
}

// LearnerCompletion is one line of a course run's completion table. Failed marks
// a learner whose completion the LMS could not give.
type LearnerCompletion struct {
	StudentKey StudentKey
	Completion Completion
	Failed     bool
}
