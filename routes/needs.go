package routes

import (
	"context"

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
