package routes

import (
	"encoding/json"

	"registrar/internal/registrar"
)

// tableStart and courseStart open the objects whose arrays are streamed; the
// rest of each object is written around them.
type tableStart struct {
	ProgramKey registrar.ProgramKey `json:"program_key"`
}

type courseStart struct {
	CourseID  string               `json:"course_id"`
	CourseKey string               `json:"course_key"`
	State     registrar.TableState `json:"state"`
}

// json renders the one object of a JSON table without ever holding it whole.
func (b tableBody[R]) json(out *sheet) error {
	enc := plainEncoder(out)
	if err := open(out, enc, tableStart{ProgramKey: b.program}, "courses"); err != nil {
		return err
	}
	for i := range b.report.Value {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := b.course(out, enc, &b.report.Value[i]); err != nil {
			return err
		}
	}
	tail, err := encode(b.provenance)
	if err != nil {
		return err
	}
	out.WriteString("],")
	out.Write(tail[1:]) // without its opening brace, it ends ours
	return nil
}

// course renders one course run, chunk by chunk.
func (b tableBody[R]) course(out *sheet, enc *json.Encoder, t *registrar.Table[R]) error {
	start := courseStart{CourseID: t.Run.ID(), CourseKey: t.Run.Key.String(), State: t.State}
	if err := open(out, enc, start, "results"); err != nil {
		return err
	}
	for i, row := range t.Rows {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := enc.Encode(b.shape.line("", row)); err != nil {
			return err
		}
		out.Truncate(out.Len() - 1) // the encoder's newline
		if err := out.pass(); err != nil {
			return err
		}
	}
	out.WriteString("]}")
	return nil
}

// open writes v as an object that is still open and ends in the named array.
func open(out *sheet, enc *json.Encoder, v any, array string) error {
	if err := enc.Encode(v); err != nil {
		return err
	}
	out.Truncate(out.Len() - 2) // the encoder's newline and the closing brace
	out.WriteString(`,"` + array + `":[`)
	return nil
}
