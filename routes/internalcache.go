package routes

import (
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// purgeAll drops every kept answer, on every replica.
func (a *API) purgeAll(c *fiber.Ctx) error {
	ctx, note := c.UserContext(), event(c, internal, "flush_program_cache")
	if err := staffOnly(c, note); err != nil {
		return err
	}
	if err := a.deps.Purger.DropAll(ctx); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// purgeProgram drops what is kept of one program.
func (a *API) purgeProgram(c *fiber.Ctx) error {
	ctx, key := c.UserContext(), programKey(c)
	note := event(c, internal, "flush_program_cache")
	note.Tell("program_key", string(key))
	if err := staffOnly(c, note); err != nil {
		return err
	}
	program, err := a.deps.Directory.Program(ctx, key)
	if err != nil {
		if registrar.KindOf(err) == registrar.NotFound {
			note.Failed("program_not_found")
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
// exist, by whatever method, a superuser of the gateway included, as in the original.
func staffOnly(c *fiber.Ctx, note *registrar.Activity) error {
	who, err := caller(c.UserContext())
	if err != nil {
		return err
	}
	if !who.Staff {
		note.Failed("user_is_not_staff")
		c.Response().Header.Del(fiber.HeaderAllow) // what is not there has no methods
		return notFound(nil)
	}
	return nil
}
