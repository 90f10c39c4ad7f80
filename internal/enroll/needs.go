package enroll

import (
	"context"
	"time"

	"registrar/internal/registrar"
)

// LMS takes batches of enrollments. Every HTTP status is an answer; an error
// means that none came. It repeats nothing by itself.
type LMS interface {
	WriteProgramEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, items []registrar.WriteItem) (registrar.WriteAnswer, error)
	WriteCourseEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, course registrar.CourseKey, items []registrar.WriteItem) (registrar.WriteAnswer, error)
}

// Index is told which enrollments in a program the LMS accepted, and when. Of the
// accounts nothing is known.
type Index interface {
	RecordWrites(ctx context.Context, program registrar.Program, rows []registrar.ProgramEnrollment, at time.Time) error
}

// Cache forgets what it keeps about these learners' enrollments in a program or,
// where run is not nil, in that course run, and the listings that they stand in.
type Cache interface {
	EnrollmentsWritten(ctx context.Context, program registrar.Program, run *registrar.CourseKey, keys []registrar.StudentKey) error
}

// Progress is what a job knows of a write that was begun before. Batches are
// counted from 0 and the same in every attempt at the same items.
type Progress interface {
	// Done returns the answer that was saved for a batch. It is asked for every
	// batch, one after the other, before anything is sent.
	Done(batch int) (registrar.WriteAnswer, bool)
	// Save keeps the answer to a batch; the zero answer, too, which says that none
	// came. It is called from several goroutines at once. An error ends the write.
	Save(ctx context.Context, batch int, a registrar.WriteAnswer) error
	// Wait waits for the time that the LMS is given a rest, in which nothing is sent
	// to it. It returns false at once when the write has waited enough, and early
	// when ctx ends.
	Wait(ctx context.Context, rest time.Duration) bool
}
