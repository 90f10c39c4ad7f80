package routes

import (
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// v1Programs lists every program that the caller may see, without pages.
func (a *API) v1Programs(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := asked(c)
		note := event(c, v, "list_programs")
		who, err := caller(ctx)
		if err != nil {
			return err
		}
		filter, err := a.programFilter(ctx, note, queryV1(c).value)
		if err != nil {
			return err
		}
		rows, known, err := a.matching(ctx, who, filter)
		if err != nil {
			return err
		}
		if !filter.byDetails() {
			known = a.detailsOf(ctx, rows)
		}
		return sendDetails(c, known.Sources, each(rows, func(p registrar.Program) programItem {
			return itemOf(who, p, known.Value[p.Key])
		}))
	}
}

// v1Program answers one program.
func (a *API) v1Program(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in, err := a.permitV1(c, event(c, v, "get_program_detail"), registrar.ReadMetadata)
		if err != nil {
			return err
		}
		known := a.detailsOrGap(asked(c), in.program)
		return sendDetails(c, known.Sources, itemOf(in.caller, in.program, known.Value))
	}
}
