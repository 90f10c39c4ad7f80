package registrar

import (
	"encoding/json"
	"fmt"
	"time"
)

// JobID names a job: a UUIDv4 in lower case.
type JobID string

// JobState is how far a job is, in the original's words.
type JobState string

// The states of a job. Succeeded says that the job came to its end, not that the
// LMS took every row: that is what its text tells.
const (
	JobPending    JobState = "Pending"
	JobInProgress JobState = "In Progress"
	JobRetrying   JobState = "Retrying"
	JobSucceeded  JobState = "Succeeded"
	JobFailed     JobState = "Failed"
	JobCanceled   JobState = "Canceled"
)

// JobStates lists the states in the order in which a job can go through them.
func JobStates() []JobState {
	return []JobState{JobPending, JobInProgress, JobRetrying, JobSucceeded, JobFailed, JobCanceled}
}

// Processing reports whether a job in state s may still do something.
func (s JobState) Processing() bool {
	return s == JobPending || s == JobInProgress || s == JobRetrying
}

// JobKind is what a job does, by the original's name of the task.
type JobKind string

// The kinds of job.
const (
	ListProgramEnrollments   JobKind = "list_program_enrollments"
	ListCourseEnrollments    JobKind = "list_course_run_enrollments"
	ListAllCourseEnrollments JobKind = "list_all_course_run_enrollments"
	GetCourseGrades          JobKind = "get_course_run_grades"
	WriteProgramEnrollments  JobKind = "write_program_enrollments"
	WriteCourseEnrollments   JobKind = "write_course_run_enrollments"
)

// Writes reports whether k changes enrollments. A program has one such job at a
// time.
func (k JobKind) Writes() bool { return k == WriteProgramEnrollments || k == WriteCourseEnrollments }

// FileFormat is the form of a job's result file, and its name's ending.
type FileFormat string

// The forms of result files.
const (
	JSONFile FileFormat = "json"
	CSVFile  FileFormat = "csv"
)

// JobOrder is everything a job needs to know. What is decided when the caller
// asks stays decided: which course runs, which columns.
type JobOrder struct {
	Kind    JobKind
	Owner   Username
	Program Program
	// Curriculum is the active curriculum, which program writes are sent with;
	// empty when the program has none, upon which nothing can be written.
	Curriculum CurriculumUUID
	// Runs are the course runs to read, in the order of the file. For a course
	// upload they are all that the program has, to look rows up in.
	Runs   []CourseRun
	Format FileFormat
	// WithAccount adds username and e-mail address to a program's enrollments.
	WithAccount bool
	// WithStaff adds course_staff to course enrollments, both ways.
	WithStaff bool
}

// Name is what the original calls the job; the Program Console takes it apart at
// its colons. Grades name no program.
func (o JobOrder) Name() string {
	switch {
	case o.Kind == GetCourseGrades:
		return string(o.Kind)
	case o.Kind.Writes():
		return fmt.Sprintf("%s:write:%s", o.Program.Key, o.Kind)
	}
	return fmt.Sprintf("%s:read:%s", o.Program.Key, o.Kind)
}

// Job is a job as its owner may see it.
type Job struct {
	ID      JobID
	Owner   Username
	Kind    JobKind
	Name    string
	Program ProgramKey
	State   JobState
	// Text is a summary in the form of an HTTP status, such as "207"; empty for
	// none.
	Text string
	// Reason is why the job failed, in words that the owner may read; Code names
	// it for programs. Both are empty unless the job failed.
	Reason, Code string
	// Result is the name of the result file; empty as long as there is none, and
	// again when it was deleted for its age.
	Result   string
	Attempt  int // how often a worker has begun it
	Created  time.Time
	Started  time.Time // zero until a worker took it
	Finished time.Time // zero as long as it is processing
}

// JobFilter narrows a list of jobs; the zero value of a field does not.
type JobFilter struct {
	Owner   Username
	Program ProgramKey
	Kind    JobKind
	States  []JobState
	// Since and Until bound the time of creation: Since is within, Until is not.
	Since, Until  time.Time
	Offset, Limit int // Limit 0 means all
}

// JobOutcome is how a job ended.
type JobOutcome struct {
	State        JobState // JobSucceeded or JobFailed
	Text         string
	Result       string
	Reason, Code string
}

// UploadRow is one line of an upload. Course is what the uploader wrote, empty in
// program uploads. Staff is nil where the line has no such cell.
type UploadRow struct {
	StudentKey string  `json:"student_key"`
	Status     string  `json:"status"`
	Course     string  `json:"course_id,omitempty"`
	Staff      *string `json:"course_staff,omitempty"`
}

// Item is the row as the LMS takes it; course_staff stays the text that the
// uploader wrote.
func (r UploadRow) Item() WriteItem {
	item := WriteItem{"student_key": quoted(r.StudentKey), "status": quoted(r.Status)}
	if r.Staff != nil {
		item["course_staff"] = quoted(*r.Staff)
	}
	return item
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string always can be
	return text
}
