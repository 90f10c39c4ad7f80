package routes

import (
	"encoding/json"

	"registrar/internal/registrar"
)

// shape is how rows of one kind are written.
type shape[R any] struct {
	name string // of the table, in file names and logs
	// columns are those after course_id and student_key. Some tables have a
	// column more when a course run failed.
	columns func(complete bool) []string
	line    func(courseID string, row R) line
	// missing stands for a course run that failed, so that no file leaves it out
	// without a word.
	missing func(courseID, code string) line
}

// line is one row: an object by its JSON tags, or the cells after course_id and
// student_key, as many as there are columns.
type line interface {
	head() lineHead
	cells(complete bool) []string
}

// lineHead begins every row. CourseID is empty within a JSON table, where the
// course around the row tells it.
type lineHead struct {
	CourseID   string                `json:"course_id,omitempty"`
	StudentKey *registrar.StudentKey `json:"student_key"`
}

func (h lineHead) head() lineHead { return h }

// tableBody is a table on its way out.
type tableBody[R any] struct {
	shape      shape[R]
	program    registrar.ProgramKey
	report     registrar.Report[[]registrar.Table[R]]
	provenance provenance
}

// renderer picks the method that writes as.
func (b tableBody[R]) renderer(as format) func(*sheet) error {
	switch as {
	case asCSV:
		return b.csv
	case asNDJSON:
		return b.ndjson
	case asJSON:
	}
	return b.json
}

// csv always writes the header, so that an empty table has its columns too.
func (b tableBody[R]) csv(out *sheet) error {
	complete := b.provenance.Complete
	head := append([]string{"course_id", "student_key"}, b.shape.columns(complete)...)
	writeRecord(&out.Buffer, head)
	return b.each(func(l line) error {
		h := l.head()
		cells := append([]string{cellText(&h.CourseID), cellText(h.StudentKey)}, l.cells(complete)...)
		writeRecord(&out.Buffer, cells)
		return out.pass()
	})
}

// ndjson writes one object a line; the encoder ends each with a newline.
func (b tableBody[R]) ndjson(out *sheet) error {
	enc := plainEncoder(out)
	return b.each(func(l line) error {
		if err := enc.Encode(l); err != nil {
			return err
		}
		return out.pass()
	})
}

// each calls write with every row of every course run, and with one row for each
// course run that failed.
func (b tableBody[R]) each(write func(line) error) error {
	for i := range b.report.Value {
		t := &b.report.Value[i]
		id := t.Run.ID()
		if t.State == registrar.TableFailed {
			if err := write(b.shape.missing(id, b.failure(t.Run.Key))); err != nil {
				return err
			}
		}
		for _, row := range t.Rows {
			if err := write(b.shape.line(id, row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// failure is the code of the source that failed for a course run.
func (b tableBody[R]) failure(run registrar.CourseKey) string {
	for _, s := range b.report.Sources {
		if s.State == registrar.SourceFailed && s.Course == run {
			return registrar.CodeOf(s.Err)
		}
	}
	return string(registrar.Upstream)
}

// plainEncoder leaves <, > and & as they are: this is no HTML.
func plainEncoder(out *sheet) *json.Encoder {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc
}
