package aggregate

import (
	"context"

	"registrar/internal/registrar"
)

// Learners returns every row of the program's enrollment listing, in the LMS's
// order. The listing is required: without it there is an error, of the LMS's kind.
func (c *Composer) Learners(ctx context.Context, p registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
	ctx, cancel := share(ctx, most)
	defer cancel()
	l := read(ctx, c.cache, c.enrollments(p))
	if l.err != nil {
		return registrar.Report[[]registrar.ProgramEnrollment]{}, l.err
	}
	return registrar.Report[[]registrar.ProgramEnrollment]{Value: l.value.rows, Sources: []registrar.Source{l.source}}, nil
}
