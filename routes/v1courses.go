package routes

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// v1Course is a course run as v1 lists it.
type v1Course struct {
	ID          *string `json:"course_id"`
	ExternalKey *string `json:"external_course_key"`
	Title       *string `json:"course_title"`
	URL         *string `json:"course_url"`
}

// v1Courses lists the course runs of the active curriculum; none when there is
// no such curriculum, or Discovery does not tell.
func (a *API) v1Courses(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in, err := a.permitV1(c, event(c, v, "get_program_courses"), registrar.ReadMetadata)
		if err != nil {
			return err
		}
		known := a.detailsOrGap(asked(c), in.program)
		return sendDetails(c, known.Sources, each(v1Runs(known.Value), func(r registrar.CourseRun) v1Course {
			return v1Course{
				ID: orNull(r.Key.String()), ExternalKey: orNull(r.ExternalKey), Title: orNull(r.Title), URL: orNull(r.URL),
			}
		}))
	}
}

// v1Runs are the runs of the active curriculum as Discovery lists them. One that
// stands there twice comes twice, in lists and in files, as in the original.
func v1Runs(d registrar.ProgramDetails) []registrar.CourseRun {
	active, _ := d.ActiveCurriculum()
	return active.Runs
}

// v1Run finds the first run whose key or external key is id.
func v1Run(d registrar.ProgramDetails, id string) (registrar.CourseRun, error) {
	runs := v1Runs(d)
	i := slices.IndexFunc(runs, func(r registrar.CourseRun) bool { return r.Key.String() == id || r.ExternalKey == id })
	if i < 0 {
		return registrar.CourseRun{}, notFound(nil)
	}
	return runs[i], nil
}
