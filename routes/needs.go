package routes

import (
	"context"
	"io"
	"iter"
	"time"

	"registrar/internal/registrar"
)

// Directory knows which programs and organizations there are. An unknown one is
// [registrar.NotFound].
type Directory interface {
	Program(ctx context.Context, key registrar.ProgramKey) (registrar.Program, error)
	Programs(ctx context.Context) ([]registrar.Program, error)
	Organization(ctx context.Context, key registrar.OrganizationKey) (registrar.Organization, error)
}

// Catalog knows what Discovery says of programs.
type Catalog interface {
	Details(ctx context.Context, program registrar.Program) (registrar.Report[registrar.ProgramDetails], error)
	// DetailsOf leaves a program out that could not be read, and adds a failed
	// source for it.
	DetailsOf(ctx context.Context, programs []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]
}

// Learners knows who is enrolled and how they are doing.
type Learners interface {
	Learners(ctx context.Context, program registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error)
	// ProgramsOf looks among the given programs only.
	ProgramsOf(ctx context.Context, student registrar.StudentKey, among []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error)
	Record(ctx context.Context, program registrar.Program, student registrar.StudentKey, parts registrar.Parts) (registrar.Report[registrar.LearnerRecord], error)
}

// Tables gives whole course runs, in curriculum order; no runs named means every
// run of the program.
type Tables interface {
	Grades(ctx context.Context, program registrar.Program, runs []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error)
	Completion(ctx context.Context, program registrar.Program, runs []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.LearnerCompletion]], error)
	CourseEnrollments(ctx context.Context, program registrar.Program, runs []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.CourseEnrollment]], error)
}

// Purger forgets what is kept of upstream answers, on every replica.
type Purger interface {
	DropAll(ctx context.Context) error
	DropProgram(ctx context.Context, program registrar.Program) error
}

// Submitter starts jobs. The record of a job exists when its id is returned.
type Submitter interface {
	Submit(ctx context.Context, order registrar.JobOrder) (registrar.JobID, error)
	// SubmitUpload reads rows to their end first; an error among them is returned
	// and leaves nothing behind. A program that is being written to already is
	// [registrar.Conflict].
	SubmitUpload(ctx context.Context, order registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error)
}

// JobBook knows the jobs there are and were. An unknown one is
// [registrar.NotFound].
type JobBook interface {
	Job(ctx context.Context, id registrar.JobID) (registrar.Job, error)
	// Jobs returns one stretch of what matches, the oldest first, and how many
	// match in all.
	Jobs(ctx context.Context, filter registrar.JobFilter) (jobs []registrar.Job, total int, err error)
	// WriteJobOf is [registrar.NotFound] when no job is writing to the program.
	WriteJobOf(ctx context.Context, program registrar.ProgramKey) (registrar.Job, error)
}

// Linker makes addresses at which a file can be had for a while, without
// credentials. A file that is gone may be [registrar.NotFound].
type Linker interface {
	Link(ctx context.Context, name string) (string, error)
}

// Enroller writes enrollments to the LMS, at once. What the LMS refuses, and that it
// is away, stands in the report; an error means that nothing could be tried.
type Enroller interface {
	Write(ctx context.Context, write registrar.EnrollmentWrite) (registrar.WriteReport, error)
}

// Reports lists the reports of a program that were made on the day of since or
// later, by name; all of them for the zero time.
type Reports interface {
	Reports(ctx context.Context, program registrar.Program, since time.Time) ([]registrar.ReportFile, error)
}

// Shelf has files to which it gave links. A token that is not good for name, now,
// is [registrar.NotFound], and so is a file that is gone.
type Shelf interface {
	// Fetch opens the file, which stays open as long as ctx, and tells its size in
	// bytes.
	Fetch(ctx context.Context, token, name string) (body io.ReadCloser, size int64, err error)
}
