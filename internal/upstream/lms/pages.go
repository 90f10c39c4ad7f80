package lms

import (
	"context"
	"fmt"
	"iter"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// ProgramEnrollmentPages reads a program's enrollments page by page, each row as
// the LMS sent it, in its order. One page at a time is in memory. An error comes
// last; one for a status has a method HTTPStatus, to be found with [errors.As].
func (c *Client) ProgramEnrollmentPages(ctx context.Context, program registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
	if err := checkProgram(program); err != nil {
		return failed(err)
	}
	return c.pages(ctx, upstream.Listing{
		Request: upstream.Request{
			Operation: "program enrollments", Class: "enrollments", Path: programPath(program) + "enrollments/",
			Accept: upstream.Statuses(200), // as in ProgramEnrollments
		},
		SizeParam: "page_size", Size: c.cfg.PageSize,
	})
}

// CourseEnrollmentPages reads a course run's enrollments as
// [Client.ProgramEnrollmentPages] reads a program's.
func (c *Client) CourseEnrollmentPages(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
	if err := checkRun(program, course); err != nil {
		return failed(err)
	}
	return c.pages(ctx, upstream.Listing{
		Request: upstream.Request{
			Operation: "course enrollments", Class: "enrollments", Path: coursePath(program, course, "enrollments"),
			Accept: upstream.Statuses(200),
		},
		SizeParam: "page_size", Size: c.cfg.PageSize,
	})
}

// GradePages reads a course run's grades as [Client.ProgramEnrollmentPages] reads
// enrollments. Each page has the status it came with: 200, 207, 422, or another
// 2xx. A 204 is a page without rows, and the last one.
func (c *Client) GradePages(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
	if err := checkRun(program, course); err != nil {
		return failed(err)
	}
	return c.pages(ctx, upstream.Listing{
		Request: upstream.Request{
			Operation: "course grades", Class: "grades", Path: coursePath(program, course, "grades"),
			Accept: func(r upstream.Response) bool { return r.Status >= 200 && r.Status < 300 || r.Status == 422 },
		},
		SizeParam: "page_size", Size: c.cfg.GradesPageSize,
	})
}

// pages walks l with a whole page for a row, so that rows keep the status that
// they came with.
func (c *Client) pages(ctx context.Context, l upstream.Listing) iter.Seq2[registrar.LMSPage, error] {
	return func(yield func(registrar.LMSPage, error) bool) {
		for whole, err := range upstream.Rows(ctx, c.up, l, wholePage) {
			if err != nil {
				yield(registrar.LMSPage{}, fmt.Errorf("lms: %s: %w", l.Request.Operation, explain(err)))
				return
			}
			page := registrar.LMSPage{Status: 204} // the one answer that is not opened
			if len(whole) > 0 {
				page = whole[0]
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// wholePage is an [upstream.Envelope].
func wholePage(r upstream.Response) ([]registrar.LMSPage, *string, error) {
	rows, next, err := upstream.OpenPage[registrar.LMSRow](r)
	if err != nil {
		return nil, nil, err
	}
	return []registrar.LMSPage{{Status: r.Status, Rows: rows}}, next, nil
}

// failed is a listing that ends before it begins.
func failed(err error) iter.Seq2[registrar.LMSPage, error] {
	return func(yield func(registrar.LMSPage, error) bool) { yield(registrar.LMSPage{}, err) }
}
