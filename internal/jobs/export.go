package jobs

import (
	"context"
	"errors"
	"io"
	"iter"

	"registrar/internal/registrar"
)

// listing is one thing to read from the LMS for an export.
type listing struct {
	what   string // "enrollments" or "grades"
	course string // the course run's key; empty for the program as a whole
	pages  func(ctx context.Context) iter.Seq2[registrar.LMSPage, error]
	read   rowReader
}

// errNoContent says that the LMS has no grades at all: a 204.
var errNoContent = errors.New("jobs: the LMS has nothing")

// export reads listings and writes them as one file.
func (a *attempt) export(ctx context.Context) (registrar.JobOutcome, error) {
	form, listings, err := a.plan()
	if err != nil {
		return registrar.JobOutcome{}, err
	}
	outcome := registrar.JobOutcome{State: registrar.JobSucceeded, Result: resultName(a.job.ID, form.format)}
	var seen tally
	err = a.queue.store(ctx, outcome.Result, form.contentType(), func(w io.Writer) error {
		return a.write(ctx, &sheetFile{sheet: form, w: w}, listings, &seen)
	})
	if errors.Is(err, errNoContent) {
		seen = tally{}
		err = a.queue.store(ctx, outcome.Result, form.contentType(), func(w io.Writer) error { return writeNothing(form, w) })
	}
	if a.job.Kind == registrar.GetCourseGrades {
		outcome.Text = seen.text()
	}
	return outcome, err
}

// plan says what to read and what the file looks like.
func (a *attempt) plan() (sheet, []listing, error) {
	o, lms := a.order, a.queue.deps.LMS
	form := sheet{format: o.Format}
	if o.Format != registrar.CSVFile && o.Format != registrar.JSONFile {
		return form, nil, &failure{code: "unknown_format", reason: "The gateway does not know this form of file."}
	}
	if o.Kind == registrar.ListProgramEnrollments {
		form.header = []string{"student_key", "status", "account_exists"}
		if o.WithAccount {
			form.header = append(form.header, "username", "email")
		}
		return form, []listing{{
			what: "enrollments", read: programRow(o.Format, o.WithAccount),
			pages: func(ctx context.Context) iter.Seq2[registrar.LMSPage, error] {
				return lms.ProgramEnrollmentPages(ctx, o.Program.UUID)
			},
		}}, nil
	}
	listings := make([]listing, 0, len(o.Runs))
	for _, run := range o.Runs {
		listings = append(listings, a.runListing(run))
	}
	switch {
	case o.Kind == registrar.GetCourseGrades:
		form.header = []string{"student_key", "letter_grade", "percent", "passed", "error"}
	case o.WithStaff:
		form.header = []string{"course_id", "student_key", "status", "account_exists", "course_staff"}
	default:
		form.header = []string{"course_id", "student_key", "status", "account_exists"}
	}
	return form, listings, nil
}

func (a *attempt) runListing(run registrar.CourseRun) listing {
	o, lms := a.order, a.queue.deps.LMS
	if o.Kind == registrar.GetCourseGrades {
		return listing{
			what: "grades", course: run.Key.String(), read: gradeRow(o.Format),
			pages: func(ctx context.Context) iter.Seq2[registrar.LMSPage, error] {
				return lms.GradePages(ctx, o.Program.UUID, run.Key)
			},
		}
	}
	return listing{
		what: "enrollments", course: run.Key.String(), read: courseRow(run.ID(), o.WithStaff),
		pages: func(ctx context.Context) iter.Seq2[registrar.LMSPage, error] {
			return lms.CourseEnrollmentPages(ctx, o.Program.UUID, run.Key)
		},
	}
}

func (a *attempt) write(ctx context.Context, file *sheetFile, listings []listing, seen *tally) error {
	if err := file.open(); err != nil {
		return err
	}
	sources := make([]pieces, 0, len(listings))
	for _, l := range listings {
		sources = append(sources, l.pieces(file.sheet))
	}
	err := inOrder(ctx, a.queue.cfg.Ahead, sources, func(p piece) error {
		seen.add(p.status)
		return file.add(p.rows)
	})
	if err != nil {
		return err
	}
	return file.close()
}

// pieces makes a part of the file out of each page.
func (l listing) pieces(form sheet) pieces {
	return func(ctx context.Context, emit func(piece) error) error {
		var row []cell
		size := 0
		for page, err := range l.pages(ctx) {
			switch {
			case err != nil:
				return readFailure(l.what, err)
			case page.Status == 204:
				return errNoContent
			}
			p := piece{status: page.Status, rows: make([]byte, 0, size)}
			for _, r := range page.Rows {
				if row, err = l.read(row[:0], r); err != nil {
					return badRow(l.what, l.course, err.Error())
				}
				p.rows = form.appendRow(p.rows, row)
			}
			size = len(p.rows) // the next page is about as large
			if err := emit(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// writeNothing writes the file of a course run without grades.
func writeNothing(form sheet, w io.Writer) error {
	if form.format == registrar.CSVFile {
		return (&sheetFile{sheet: form, w: w}).open()
	}
	_, err := io.WriteString(w, "{}")
	return err
}

// tally sums up what came: by the statuses of pages, or by reports.
type tally struct{ good, bad bool }

// add counts a page of grades: 207 is both, and everything but 200 and 207 counts
// as bad.
func (t *tally) add(status int) {
	t.good = t.good || status == 200 || status == 207
	t.bad = t.bad || status != 200
}

// text is the tally in the form of an HTTP status; nothing at all is "204".
func (t *tally) text() string {
	switch {
	case t.good && t.bad:
		return "207"
	case t.good:
		return "200"
	case t.bad:
		return "422"
	}
	return "204"
}
