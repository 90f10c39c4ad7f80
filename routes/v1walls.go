package routes

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// What a [API.Mount] calls a judge of addresses: asked before who the caller is, by
// every method. See also otherMethods.
const addressOnly = "?"

// mountOriginal hands the routes of v1 and v2 to add, and what the original answers
// before it looks at the method: an address that fits no pattern is a page, whoever
// asks, and a program that is not there is absent by any method.
func (a *API) mountOriginal(add func(method, path string, handler fiber.Handler)) {
	var paths []string
	noting := func(method, path string, handler fiber.Handler) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
		add(method, path, handler)
	}
	a.mountV1(noting)
	a.mountWrites(noting)
	a.mountReports(noting)
	for _, path := range paths {
		if fits := pattern(path); fits != nil {
			add(addressOnly, path, fits)
		}
		if strings.Contains(path, ":program_key") {
			add(otherMethods, path, a.v1Known)
		}
	}
}

// pattern holds what stands in an address to what the original's patterns take; nil
// for a path in which nothing does.
func pattern(path string) fiber.Handler {
	program, course, job := strings.Contains(path, ":program_key"), strings.Contains(path, "+"), strings.Contains(path, ":job_id")
	if !program && !job {
		return nil
	}
	return func(c *fiber.Ctx) error {
		if program && !isToken(string(programKey(c)), "") {
			return noRoute()
		}
		var err error
		if course {
			_, err = courseOf(c)
		}
		if job {
			_, err = jobID(c)
		}
		return err
	}
}

// v1Known refuses a method that is not on a program that is not. What the caller may
// do there is not asked: no permission is for a method that is not there.
func (a *API) v1Known(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if _, err := caller(ctx); err != nil {
		return err
	}
	key := programKey(c)
	if !key.Valid() {
		return notFound(nil)
	}
	_, err := a.deps.Directory.Program(ctx, key)
	return err
}
