package routes

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// mountWrites hands the routes of the original API that change enrollments to
// add, once for each of its two versions.
func (a *API) mountWrites(add func(method, path string, handler fiber.Handler)) {
	for _, v := range []version{v1, v2} {
		program := "/api/" + string(v) + "/programs/:program_key"
		for _, method := range []string{fiber.MethodPost, fiber.MethodPatch} {
			add(method, program+"/enrollments", a.v1Write(v))
			add(method, program+"/courses/+/enrollments", a.v1CourseWrite(v))
		}
		add(fiber.MethodPost, program+"/enrollments/upload", a.v1Upload(v, registrar.WriteProgramEnrollments))
		add(fiber.MethodPost, program+"/course_enrollments/upload", a.v1Upload(v, registrar.WriteCourseEnrollments))
	}
}

// v1Write creates or changes enrollments in a program.
func (a *API) v1Write(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		note := writeEvent(c, v, "program_enrollment")
		in, _, err := a.permitWrite(c, note)
		if err != nil {
			return err
		}
		items, err := v1Items(c, programItems())
		if err != nil {
			return refused(note, err)
		}
		active, _ := in.details.ActiveCurriculum()
		return a.write(c, note, registrar.EnrollmentWrite{Program: in.program, Curriculum: active.UUID, Items: items})
	}
}

// v1CourseWrite creates or changes enrollments in a course run. The run is looked
// up before the body is looked at.
func (a *API) v1CourseWrite(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		note := writeEvent(c, v, "course_enrollment")
		if _, err := caller(c.UserContext()); err != nil {
			return err
		}
		id, err := courseOf(c)
		if err != nil {
			return err
		}
		note.Tell("course_id", id)
		in, blind, err := a.permitWrite(c, note)
		if err != nil {
			return err
		}
		run, err := v1Run(in.details, id)
		if err != nil && !blind {
			note.Failed("course_not_found")
			return err
		}
		items, err := v1Items(c, courseItems(a.config.Flags().Staff.On(staffFlag, in.caller)))
		if err != nil {
			return refused(note, err)
		}
		write := registrar.EnrollmentWrite{Program: in.program, Run: &run, Items: items}
		if blind {
			write.Run = nil // nor is there a curriculum: nothing is sent
		}
		return a.write(c, note, write)
	}
}

// writeEvent names the event of a write by its method.
func writeEvent(c *fiber.Ctx, v version, what string) *registrar.Activity {
	note := event(c, v, strings.ToLower(c.Method())+"_"+what)
	if format, given := queryV1(c)["fmt"]; given {
		note.Tell("result_format", format)
	}
	return note
}

// refused notes why a write or an upload is refused, and returns the refusal.
func refused(note *registrar.Activity, err error) error {
	switch registrar.KindOf(err) {
	case registrar.Invalid:
		note.Failed("bad_request")
	case registrar.TooLarge:
		note.Failed("request_entity_too_large")
	default:
	}
	return err
}

// write sends the items on, by the request's own method, and answers with what
// became of each.
func (a *API) write(c *fiber.Ctx, note *registrar.Activity, w registrar.EnrollmentWrite) error {
	w.Method = utils.CopyString(c.Method())
	if len(w.Items) > 0 {
		t := registrar.Touch{Kind: registrar.TouchWrite, Program: w.Program.Key, Learner: each(w.Items, registrar.WriteItem.StudentKey)}
		if w.Run != nil {
			t.Course = w.Run.Key.String()
		}
		note.Touched(t)
	}
	report, err := a.deps.Enroller.Write(c.UserContext(), w)
	if err != nil {
		return err
	}
	if report.Status() == fiber.StatusUnprocessableEntity {
		note.Failed("unprocessable_entity")
	}
	return sendV1(c, report.Status(), writeResults(report.Results))
}

// writeResults is an object of student keys and codes. Unlike a map it keeps
// their order.
type writeResults []registrar.WriteResult

// MarshalJSON writes the members one after the other.
func (r writeResults) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, result := range r {
		if i > 0 {
			out.WriteByte(',')
		}
		key, err := encode(result.StudentKey)
		if err != nil {
			return nil, err
		}
		code, err := encode(result.Code)
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(code)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
