package routes

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// programBody is one program with its course runs.
type programBody struct {
	programItem
	Organization       registrar.OrganizationKey `json:"organization"`
	CurriculumUUID     *registrar.CurriculumUUID `json:"curriculum_uuid"`
	CurriculumVerified bool                      `json:"curriculum_verified"`
	CourseRuns         []courseRun               `json:"course_runs"`
	provenance
}

// courseRun is one run of the active curriculum.
type courseRun struct {
	ID          string  `json:"course_id"`
	Key         string  `json:"course_key"`
	ExternalKey *string `json:"external_course_key"`
	Title       *string `json:"course_title"`
	URL         *string `json:"course_url"`
	Start       *string `json:"start"`
	End         *string `json:"end"`
}

// program answers one program.
func (a *API) program(c *fiber.Ctx) error {
	ctx := asked(c)
	in, err := a.permit(ctx, programKey(c), registrar.ReadMetadata)
	if err != nil {
		return err
	}
	if err := takesJSON(c); err != nil {
		return err
	}
	report := a.detailsOrGap(ctx, in.program)
	facts := []string{string(in.program.Organization), permissionFact(in.caller, in.program, report.Value)}
	return a.answer(c, partsOf(report.Sources), facts, func(p provenance) any {
		return programBodyOf(in, report.Value, p)
	})
}

// detailsOrGap returns the details, or none and a failed source: of a program
// that the link store knows, its key and organization can be told anyway.
func (a *API) detailsOrGap(ctx context.Context, program registrar.Program) registrar.Report[registrar.ProgramDetails] {
	report, err := a.deps.Catalog.Details(ctx, program)
	if err == nil {
		return report
	}
	failed := registrar.Source{Name: registrar.FromDiscovery, State: registrar.SourceFailed, Err: err}
	return registrar.Report[registrar.ProgramDetails]{Sources: []registrar.Source{failed}}
}

func programBodyOf(in entry, d registrar.ProgramDetails, p provenance) programBody {
	active, _ := d.ActiveCurriculum()
	body := programBody{
		programItem:  itemOf(in.caller, in.program, d),
		Organization: in.program.Organization, CurriculumUUID: orNull(active.UUID), CurriculumVerified: active.Verified,
		CourseRuns: []courseRun{}, provenance: p,
	}
	for _, run := range d.Runs() {
		body.CourseRuns = append(body.CourseRuns, courseRun{
			ID: run.ID(), Key: run.Key.String(), ExternalKey: orNull(run.ExternalKey),
			Title: orNull(run.Title), URL: orNull(run.URL), Start: instant(run.Start), End: instant(run.End),
		})
	}
	return body
}

func permissionFact(who registrar.Principal, p registrar.Program, d registrar.ProgramDetails) string {
	return fmt.Sprint(effective(who, p, d))
}

func countFact(n int) string { return strconv.Itoa(n) }
