package jobs

import (
	"context"
	"database/sql"
	"io"
	"iter"
	"time"

	"registrar/internal/registrar"
)

// Book says whose a job is. Attempts fence: what a worker does with an attempt
// that is not the last one any more is Conflict.
type Book interface {
	// ClaimJob begins a job's next attempt, under a lease. It is Conflict when
	// somebody else's lease is not over, or when the job has ended.
	ClaimJob(ctx context.Context, id registrar.JobID, lease time.Duration) (registrar.Job, registrar.JobOrder, error)
	// RenewJob makes the lease last for as long again, from now.
	RenewJob(ctx context.Context, id registrar.JobID, attempt int, lease time.Duration) error
	// ReleaseJob gives the lease back: the job is Retrying and anybody's.
	ReleaseJob(ctx context.Context, id registrar.JobID, attempt int) error
}

// Steps keeps what is done of a job, so that the next worker does not do it
// again.
type Steps interface {
	SaveStep(ctx context.Context, id registrar.JobID, attempt, step int, outcome []byte) error
	Steps(ctx context.Context, id registrar.JobID) (map[int][]byte, error)
	// FinishJob stores how the job ended and drops its steps.
	FinishJob(ctx context.Context, id registrar.JobID, attempt int, outcome registrar.JobOutcome) error
}

// Ledger takes jobs in and finds those that nobody works on.
type Ledger interface {
	// CreateJob stores a Pending job and runs enqueue in the same transaction. It
	// is Conflict when the job writes and another one of its program does.
	CreateJob(ctx context.Context, job registrar.Job, order registrar.JobOrder, enqueue func(ctx context.Context, tx *sql.Tx) error) error
	// AbandonedJobs lists jobs whose lease is over, and those that are Pending for
	// longer than pendingFor.
	AbandonedJobs(ctx context.Context, pendingFor time.Duration, limit int) ([]registrar.JobID, error)
	// DropLeases ends all leases; for a process that is alone with its database.
	DropLeases(ctx context.Context) error
}

// Attic knows the files that have outlived their use.
type Attic interface {
	// Job finds a job; an unknown one is NotFound.
	Job(ctx context.Context, id registrar.JobID) (registrar.Job, error)
	// AgedJobs lists jobs that ended before a time and still have files.
	AgedJobs(ctx context.Context, before time.Time, limit int) ([]registrar.Job, error)
	// ForgetFile notes that a job's files are gone.
	ForgetFile(ctx context.Context, id registrar.JobID) error
}

// Store is the link store, as far as jobs need it.
type Store interface {
	Book
	Steps
	Ledger
	Attic
}

// Pages reads the LMS's listings page by page, in its order, each row as it was
// sent. An error comes last; one for an HTTP status has a method HTTPStatus() int.
type Pages interface {
	ProgramEnrollmentPages(ctx context.Context, program registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error]
	CourseEnrollmentPages(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) iter.Seq2[registrar.LMSPage, error]
	GradePages(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) iter.Seq2[registrar.LMSPage, error]
}

// Enroller writes enrollments to the LMS. What the LMS says stands in the report;
// an error means that the write could not be processed to its end.
type Enroller interface {
	Write(ctx context.Context, w registrar.EnrollmentWrite, progress Progress) (registrar.WriteReport, error)
}

// Progress remembers the LMS's answers to the batches of one write, so that a
// write that is begun again sends only what was not answered. Its methods may
// be called from several goroutines.
type Progress interface {
	Done(batch int) (registrar.WriteAnswer, bool)
	Save(ctx context.Context, batch int, answer registrar.WriteAnswer) error
	// Wait waits while the LMS is given a rest; false means that the job has waited
	// enough, or has ended.
	Wait(ctx context.Context, rest time.Duration) bool
}

// Storage is where files are kept, and where they are looked for that nobody owns.
type Storage interface {
	Files
	// Tidy deletes files directly in folder that were last written before a time:
	// those that a killed process left half, and of the whole ones those that mayGo
	// lets go.
	Tidy(ctx context.Context, folder string, before time.Time, mayGo func(name string) (bool, error)) (deleted int, err error)
}

// Files keeps files by name.
type Files interface {
	// Create stores what write writes; nothing when write fails.
	Create(ctx context.Context, name, contentType string, write func(io.Writer) error) error
	// Open reads a file; an unknown one is NotFound.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}
