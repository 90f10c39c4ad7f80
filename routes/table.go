package routes

import (
	"context"
	"log/slog"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// askTable is one method of [Tables].
type askTable[R any] func(context.Context, registrar.Program, []registrar.CourseID) (registrar.Report[[]registrar.Table[R]], error)

// table answers a table of the whole program, or of one course run when the
// path names one.
func table[R any](a *API, of shape[R], ask askTable[R]) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := asked(c)
		in, err := a.permit(ctx, programKey(c), registrar.ReadEnrollments)
		if err != nil {
			return err
		}
		query, err := queryOf(c)
		if err != nil {
			return err
		}
		runs, err := courseRuns(c, query, in.details)
		if err != nil {
			return err
		}
		as, err := negotiate(c, query, tableFormats()...)
		if err != nil {
			return err
		}
		touch(c, tableTouch(in.program.Key, runs))
		report, err := ask(ctx, in.program, runs)
		if err != nil {
			return err
		}
		return sendTable(a, c, as, tableBody[R]{shape: of, program: in.program.Key, report: report})
	}
}

// tableTouch names the course run when there is but one; several are the program.
func tableTouch(program registrar.ProgramKey, runs []registrar.CourseID) registrar.Touch {
	t := registrar.Touch{Kind: registrar.TouchRead, Program: program}
	if len(runs) == 1 {
		t.Course = string(runs[0])
	}
	return t
}

// sendTable streams body. All that the stream needs is in body, for c belongs to
// another request by the time it is read.
func sendTable[R any](a *API, c *fiber.Ctx, as format, body tableBody[R]) error {
	p := partsOf(body.report.Sources)
	if done, err := a.preface(c, p, as, nil); done || err != nil {
		return err
	}
	body.provenance = provenanceOf(p, a.config.Now())
	c.Set(fiber.HeaderContentType, as.contentType())
	if as != asJSON {
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+body.fileName(as)+`"`)
	}
	ctx := c.UserContext()
	// The length is not known before the end, so it goes out in chunks.
	c.Context().SetBodyStream(&stream{
		render: body.renderer(as),
		failed: func(err error) {
			a.config.Log.ErrorContext(ctx, "table broke off",
				slog.String("table", body.shape.name), slog.Any("error", err))
		},
	}, -1)
	return nil
}

// fileName is such as "masters-cs-grades.csv", with the course run's id before
// the table's name when there is but one.
func (b tableBody[R]) fileName(as format) string {
	name := string(b.program)
	if len(b.report.Value) == 1 {
		name += "-" + fileSafe(b.report.Value[0].Run.ID())
	}
	return name + "-" + b.shape.name + "." + string(as)
}

// fileSafe replaces what a header or a file system could misread.
func fileSafe(text string) string {
	return strings.Map(func(r rune) rune {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if letter || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, text)
}
