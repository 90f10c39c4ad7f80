package routes

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// purgeAll drops every kept answer, on every replica.
func (a *API) purgeAll(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if err := staffOnly(ctx); err != nil {
		return err
	}
	if err := a.deps.Purger.DropAll(ctx); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// purgeProgram drops what is kept of one program.
func (a *API) purgeProgram(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if err := staffOnly(ctx); err != nil {
		return err
	}
	program, err := a.deps.Directory.Program(ctx, programKey(c))
	if err != nil {
		if registrar.KindOf(err) == registrar.NotFound {
			return registrar.Fail(registrar.NotFound, "No Program matches the given query.", err)
		}
		return err
	}
	if err := a.deps.Purger.DropProgram(ctx, program); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// staffOnly lets the LMS's global staff pass. To anybody else the route does not
// exist, a superuser of the gateway included, as in the original.
func staffOnly(ctx context.Context) error {
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	if !who.Staff {
		return notFound(nil)
	}
	return nil
}
