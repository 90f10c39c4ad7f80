package routes

import (
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// version is a version of the API, as it stands in addresses and in the names of
// events.
type version string

// The versions. v1 and v2 are one API under two names; handlers are told which
// one was asked for, because it comes back in the addresses of jobs.
const (
	v1 version = "v1"
	v2 version = "v2"
	v3 version = "v3"
	// internal stands in names of events alone.
	internal version = "internal"
)

// mountV1 hands the routes of the original API to add, once for each of its two
// versions.
func (a *API) mountV1(add func(method, path string, handler fiber.Handler)) {
	for _, v := range []version{v1, v2} {
		root := "/api/" + string(v)
		program := root + "/programs/:program_key"
		course := program + "/courses/+"

		add(fiber.MethodGet, root+"/programs", a.v1Programs(v))
		add(fiber.MethodGet, program, a.v1Program(v))
		add(fiber.MethodGet, program+"/courses", a.v1Courses(v))
		add(fiber.MethodGet, root+"/jobs", a.v1Jobs(v))
		add(fiber.MethodGet, root+"/jobs/:job_id", a.v1Job(v))

		export := func(path string, handler fiber.Handler) {
			add(fiber.MethodGet, path, handler)
			// Without one of its own, HEAD would run the GET and start a job.
			add(fiber.MethodHead, path, a.v1NoHead)
		}
		export(program+"/enrollments", a.v1Export(v, registrar.ListProgramEnrollments))
		export(program+"/course_enrollments", a.v1Export(v, registrar.ListAllCourseEnrollments))
		export(course+"/enrollments", a.v1CourseExport(v, registrar.ListCourseEnrollments))
		export(course+"/grades", a.v1CourseExport(v, registrar.GetCourseGrades))
	}
}

// v1NoHead refuses HEAD where a GET starts a job: to those who may not do that
// as they are refused there, to the others as a method that is not.
func (a *API) v1NoHead(c *fiber.Ctx) error {
	if c.Params("+1") != "" {
		if _, err := courseOf(c); err != nil {
			return err
		}
	}
	if _, err := a.permitV1(c, nil, registrar.ReadEnrollments); err != nil {
		return err
	}
	return registrar.Fail(registrar.MethodNotAllowed, fmt.Sprintf("Method %q not allowed.", c.Method()), nil)
}

// sendV1 sends body as clients of the original expect it: compact JSON and
// nothing around it.
func sendV1(c *fiber.Ctx, status int, body any) error {
	text, err := encode(body)
	if err != nil {
		return fmt.Errorf("routes: answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(text)
}

// sendDetails sends what Discovery's details are in, and tells whether any are
// missing, which the body cannot.
func sendDetails(c *fiber.Ctx, sources []registrar.Source, body any) error {
	c.Set("X-Registrar-Complete", strconv.FormatBool(partsOf(sources).Complete()))
	return sendV1(c, fiber.StatusOK, body)
}
