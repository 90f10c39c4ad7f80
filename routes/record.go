package routes

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// learner answers what parts of one learner's record body renders.
func (a *API) learner(want registrar.Parts, body func(entry, registrar.LearnerRecord, provenance) any) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := asked(c)
		in, err := a.permit(ctx, programKey(c), registrar.ReadEnrollments)
		if err != nil {
			return err
		}
		student, err := studentKey(c)
		if err != nil {
			return err
		}
		if err := takesJSON(c); err != nil {
			return err
		}
		touch(c, registrar.Touch{Kind: registrar.TouchRead, Program: in.program.Key, Learner: []registrar.StudentKey{student}})
		report, err := a.deps.Learners.Record(ctx, in.program, student, want)
		if err != nil {
			return err
		}
		// An old LMS's usernames come from the link store, not from a source.
		facts := []string{string(report.Value.Enrollment.Account.Username)}
		return a.answer(c, partsOf(report.Sources), facts, func(p provenance) any {
			return body(in, report.Value, p)
		})
	}
}

// learnerRecord is everything about one learner in one program.
type learnerRecord struct {
	StudentKey registrar.StudentKey    `json:"student_key"`
	ProgramKey registrar.ProgramKey    `json:"program_key"`
	Status     registrar.ProgramStatus `json:"status"`
	Account    account                 `json:"account"`
	Courses    []recordCourse          `json:"courses"`
	provenance
}

// courseHead begins every course of a learner.
type courseHead struct {
	CourseID string                  `json:"course_id"`
	Key      string                  `json:"course_key"`
	Title    *string                 `json:"course_title"`
	Status   *registrar.CourseStatus `json:"status"`
}

// recordCourse is one course run of a record. Null is nothing to tell, or a part
// that failed: the sources know which.
type recordCourse struct {
	courseHead
	Grade       *grade            `json:"grade"`
	Completion  *completionCounts `json:"completion"`
	Certificate *certificate      `json:"certificate"`
}

// grade keeps the digits of the percentage as the LMS sent them; a float would
// round them.
type grade struct {
	Percent *json.Number `json:"percent"`
	Letter  *string      `json:"letter_grade"`
	Passed  bool         `json:"passed"`
}

// certificate has a null address until there is something to download.
type certificate struct {
	Status      string  `json:"status"`
	DownloadURL *string `json:"download_url"`
}

func recordBody(in entry, r registrar.LearnerRecord, p provenance) any {
	return learnerRecord{
		StudentKey: r.Enrollment.StudentKey, ProgramKey: in.program.Key, Status: r.Enrollment.Status,
		Account: accountOf(r.Enrollment.Account), provenance: p,
		Courses: each(r.Courses, func(c registrar.LearnerCourse) recordCourse {
			return recordCourse{
				courseHead: headOf(c), Grade: gradeOf(c.Grade),
				Completion: (*completionCounts)(c.Completion), Certificate: certificateOf(c.Certificate),
			}
		}),
	}
}

// headOf calls the run as the gateway does everywhere: by its external key if
// there is one.
func headOf(c registrar.LearnerCourse) courseHead {
	return courseHead{CourseID: c.Run.ID(), Key: c.Run.Key.String(), Title: orNull(c.Run.Title), Status: c.Status}
}

func gradeOf(g *registrar.Grade) *grade {
	if g == nil {
		return nil
	}
	return &grade{Percent: orNull(g.Percent), Letter: orNull(g.Letter), Passed: g.Passed}
}

func certificateOf(c *registrar.Certificate) *certificate {
	if c == nil {
		return nil
	}
	return &certificate{Status: c.Status, DownloadURL: orNull(c.DownloadURL)}
}

// each is never nil, so that it renders as an array.
func each[T, I any](rows []T, item func(T) I) []I {
	items := make([]I, len(rows))
	for i, row := range rows {
		items[i] = item(row)
	}
	return items
}
