package routes

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// reportItem is a report as v1 and v2 list it.
type reportItem struct {
	Name    string `json:"name"`
	Created string `json:"created_date"`
	URL     string `json:"download_url"`
}

// mountReports hands the listing of reports to add, in both versions of the
// original.
func (a *API) mountReports(add func(method, path string, handler fiber.Handler)) {
	for _, v := range []version{v1, v2} {
		add(fiber.MethodGet, "/api/"+string(v)+"/programs/:program_key/reports", a.reports)
	}
}

// reports lists the reports of a program of any type.
func (a *API) reports(c *fiber.Ctx) error {
	note := event(c, v1, "list_program_reports") // v1 for both, as in the original
	in, err := a.permitV1(c, note, registrar.ReadReports)
	if err != nil {
		return err
	}
	since, err := minCreated(queryV1(c), note)
	if err != nil {
		return err
	}
	var found []registrar.ReportFile
	if a.deps.Reports != nil {
		// The list has links to the files, which are about everybody in the program.
		note.Touched(registrar.Touch{Kind: registrar.TouchRead, Program: in.program.Key})
		if found, err = a.deps.Reports.Reports(c.UserContext(), in.program, since); err != nil {
			return err
		}
	}
	items := make([]reportItem, len(found))
	for i, f := range found {
		items[i] = reportItem{f.Name, f.Created.Format(time.DateOnly), f.URL}
	}
	return sendV1(c, fiber.StatusOK, items)
}

// minCreated reads the day from which on reports are listed, that day included;
// the zero time when the caller names none. A value that is there and empty is a
// mistake.
func minCreated(query v1Query, note *registrar.Activity) (time.Time, error) {
	const name = "min_created_date"
	text, given := query[name]
	if !given {
		return time.Time{}, nil
	}
	note.Tell(name, text)
	day, err := registrar.ParseDate(text)
	if err != nil {
		note.Failed("bad_request")
		return time.Time{}, &registrar.Error{
			Kind: registrar.Invalid, Code: "malformed_date", Shape: registrar.DetailList,
			Detail: name + " must be a date of the form YYYY-MM-DD.", Err: err,
		}
	}
	return day, nil
}
