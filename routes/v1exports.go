package routes

import (
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// accepted is the answer to a request that started a job.
type accepted struct {
	ID  registrar.JobID `json:"job_id"`
	URL string          `json:"job_url"`
}

// v1Export starts a job that reads the whole program.
func (a *API) v1Export(v version, kind registrar.JobKind) fiber.Handler {
	return func(c *fiber.Ctx) error {
		note := exportEvent(c, v, kind)
		in, err := a.permitV1(c, note, registrar.ReadEnrollments)
		if err != nil {
			return err
		}
		var runs []registrar.CourseRun
		if kind == registrar.ListAllCourseEnrollments {
			runs = v1Runs(in.details)
		}
		return a.startExport(c, v, note, in, registrar.JobOrder{Kind: kind, Runs: runs})
	}
}

// v1CourseExport starts a job that reads one course run.
func (a *API) v1CourseExport(v version, kind registrar.JobKind) fiber.Handler {
	return func(c *fiber.Ctx) error {
		note := exportEvent(c, v, kind)
		if _, err := caller(c.UserContext()); err != nil {
			return err
		}
		id, err := courseOf(c)
		if err != nil {
			return err
		}
		note.Tell("course_id", id)
		in, err := a.permitV1(c, note, registrar.ReadEnrollments)
		if err != nil {
			return err
		}
		run, err := v1Run(in.details, id)
		if err != nil {
			note.Failed("course_not_found")
			return err
		}
		return a.startExport(c, v, note, in, registrar.JobOrder{Kind: kind, Runs: []registrar.CourseRun{run}})
	}
}

// exportEvent names the event of an export. The original tells all requests for
// grades and for whole programs as those of v1.
func exportEvent(c *fiber.Ctx, v version, kind registrar.JobKind) *registrar.Activity {
	note := func() *registrar.Activity {
		switch kind {
		case registrar.ListCourseEnrollments:
			return event(c, v, "get_course_enrollment")
		case registrar.ListAllCourseEnrollments:
			return event(c, v1, "download_course_enrollments")
		case registrar.GetCourseGrades:
			return event(c, v1, "get_course_grades")
		default:
			return event(c, v, "get_program_enrollment")
		}
	}()
	if format, given := queryV1(c)["fmt"]; given {
		note.Tell("result_format", format)
	}
	return note
}

// startExport completes order with what the request and its caller decide, and
// starts it.
func (a *API) startExport(c *fiber.Ctx, v version, note *registrar.Activity, in entry, order registrar.JobOrder) error {
	format, err := fileFormat(queryV1(c))
	if err != nil {
		note.Failed("result_format_not_supported")
		return err
	}
	active, _ := in.details.ActiveCurriculum()
	order.Owner, order.Program, order.Curriculum, order.Format = in.caller.Username, in.program, active.UUID, format
	// What is decided here stays so, however the flags change before the job runs.
	flags := a.config.Flags()
	switch order.Kind {
	case registrar.ListProgramEnrollments:
		order.WithAccount = flags.Account.On(accountFlag, in.caller)
	case registrar.ListCourseEnrollments, registrar.ListAllCourseEnrollments:
		order.WithStaff = flags.Staff.On(staffFlag, in.caller)
	default:
	}
	export := registrar.Touch{Kind: registrar.TouchExport, Program: in.program.Key, Course: exportedCourse(order)}
	note.Touched(export)
	if export.Job, err = a.deps.Submitter.Submit(c.UserContext(), order); err != nil {
		return err
	}
	note.Touched(export)
	return a.accepted(c, v, export.Job)
}

// exportedCourse is the course run that an export is about, "" for the program.
func exportedCourse(order registrar.JobOrder) string {
	if order.Kind == registrar.ListCourseEnrollments || order.Kind == registrar.GetCourseGrades {
		return order.Runs[0].Key.String()
	}
	return ""
}

// fileFormat reads "fmt". A form that does not exist is not found, and neither
// is an empty one.
func fileFormat(query v1Query) (registrar.FileFormat, error) {
	text, given := query["fmt"]
	switch format := registrar.FileFormat(text); {
	case !given:
		return registrar.JSONFile, nil
	case format == registrar.JSONFile || format == registrar.CSVFile:
		return format, nil
	}
	return "", notFound(nil)
}

// accepted answers with where to ask for the job.
func (a *API) accepted(c *fiber.Ctx, v version, id registrar.JobID) error {
	return sendV1(c, fiber.StatusAccepted, accepted{ID: id, URL: a.jobURL(c, v, id)})
}
