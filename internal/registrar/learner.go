package registrar

import (
	"encoding/json"
	"time"
)

// AccountState says whether a learner has an LMS account yet.
type AccountState string

// The states of a learner's account.
const (
	Linked  AccountState = "linked"  // an LMS account belongs to the enrollment
	Pending AccountState = "pending" // enrolled by student key; no account yet
)

// Account is a learner's account as far as it is known. Username may be empty
// for a linked one: older LMS builds do not tell it.
type Account struct {
	State    AccountState
	Username Username
}

// ProgramStatus is the state of a learner's enrollment in a program: enrolled,
// pending, suspended, canceled (one l) or ended.
type ProgramStatus string

// CourseStatus is the state of a learner's enrollment in a course run: active
// or inactive.
type CourseStatus string

// ProgramStatuses lists the states that the LMS knows, in its own order.
func ProgramStatuses() []ProgramStatus {
	return []ProgramStatus{"enrolled", "pending", "suspended", "canceled", "ended"}
}

// The states of an enrollment in a course run.
const (
	CourseActive   CourseStatus = "active"
	CourseInactive CourseStatus = "inactive"
)

// ProgramEnrollment is one learner's row in a program, as the LMS lists it.
type ProgramEnrollment struct {
	StudentKey StudentKey
	Status     ProgramStatus
	Account    Account
	Curriculum CurriculumUUID
}

// CourseEnrollment is one learner's row in a course run, as the LMS lists it. A
// learner can have two, under two curricula.
type CourseEnrollment struct {
	StudentKey    StudentKey
	Status        CourseStatus
	AccountExists bool
	CourseStaff   bool
	Curriculum    CurriculumUUID
}

// Grade is a learner's grade in one course run. Percent runs from 0 to 1 and
// keeps the digits the LMS sent.
type Grade struct {
	Letter  string // empty below every cutoff
	Percent json.Number
	Passed  bool
}

// GradeRow is one line of a course run's grades: a grade, or Failed when the
// LMS could not compute this learner's. Its own words for the failure may leak
// internals, so they stop at the upstream client.
type GradeRow struct {
	StudentKey StudentKey
	Grade      Grade
	Failed     bool
}

// Completion is how far a learner is in one course run. A nil member is one
// that this site cannot give: the aggregator plugin tells the percentage alone,
// the progress endpoint the counts of units alone.
type Completion struct {
	Percent    *json.Number // 0 to 1
	Complete   *int64
	Incomplete *int64
	Locked     *int64
}

// CompletionRow is one account's completion in a course run.
type CompletionRow struct {
	Username   Username
	Completion Completion
}

// Certificate is one learner's certificate in one course run.
type Certificate struct {
	Course      CourseKey
	Status      string // "downloadable", "generating", …
	DownloadURL string // absolute; empty when there is nothing to download
}

// LMSAccount is an account as the LMS's accounts API shows it to staff.
type LMSAccount struct {
	ID       int64
	Username Username
	Email    string
	Active   bool
}

// Link joins a school's student key to an LMS account.
type Link struct {
	StudentKey StudentKey
	Username   Username
}

// ProgramLink is one program of a learner in the link index: the enrollment as
// last seen, and when that was.
type ProgramLink struct {
	Program    ProgramKey
	StudentKey StudentKey
	Status     ProgramStatus
	Account    Account
	SeenAt     time.Time
}
