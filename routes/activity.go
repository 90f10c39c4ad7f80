package routes

import (
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// event names the tracking event of the request, such as
// "registrar.v1.list_programs", and returns where more can be told. A HEAD is no
// event, as in the original, though what it touches is still on record.
func event(c *fiber.Ctx, v version, name string) *registrar.Activity {
	note := registrar.ActivityFrom(c.UserContext())
	if c.Method() != fiber.MethodHead {
		note.Named("registrar." + string(v) + "." + name)
	}
	return note
}

// touch notes whose data the request is about to read.
func touch(c *fiber.Ctx, t registrar.Touch) {
	registrar.ActivityFrom(c.UserContext()).Touched(t)
}

// tellPresent tells of what the caller gave; what was left out has no property.
func tellPresent(note *registrar.Activity, name, value string) {
	if value != "" {
		note.Tell(name, value)
	}
}

// lacking tells which permission the caller would have needed, in the original's
// words.
func lacking(note *registrar.Activity, permission string) {
	note.Tell("missing_permissions", []string{permission})
}
