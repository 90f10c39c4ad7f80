package routes

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"registrar/internal/registrar"
)

// The columns of an upload. Others are ignored.
const (
	columnStudent = "student_key"
	columnStatus  = "status"
	columnCourse  = "course_id"
	columnStaff   = "course_staff"
)

// maxColumns is more than any spreadsheet has by accident.
const maxColumns = 1000

// uploadColumns are the columns that an upload looks for.
type uploadColumns struct {
	required []string
	optional []string
}

// uploadColumnsOf lists the columns of an upload of kind; staff tells whether the
// caller may assign roles, else that column is like any other unknown one.
func uploadColumnsOf(kind registrar.JobKind, staff bool) uploadColumns {
	columns := uploadColumns{required: []string{columnStudent, columnStatus}}
	if kind == registrar.WriteCourseEnrollments {
		columns.required = append(columns.required, columnCourse)
		if staff {
			columns.optional = []string{columnStaff}
		}
	}
	return columns
}

// uploadRows reads the rows of an uploaded file one by one. It ends with the
// first error, which is the caller's to read.
func uploadRows(file []byte, columns uploadColumns) iter.Seq2[registrar.UploadRow, error] {
	return func(yield func(registrar.UploadRow, error) bool) {
		if !utf8.Valid(file) {
			yield(registrar.UploadRow{}, badCSV("CSV is not valid UTF-8"))
			return
		}
		// Spreadsheets begin their files with a byte order mark.
		reader := &csvReader{rest: bytes.TrimPrefix(file, []byte("\ufeff"))}
		header, err := readHeader(reader, columns)
		if err != nil {
			yield(registrar.UploadRow{}, err)
			return
		}
		for number := 1; reader.next(header.width); {
			if reader.count == 0 {
				continue // a blank line; it has no number either
			}
			row, ok := header.row(reader)
			if !ok {
				yield(registrar.UploadRow{}, badCSV(fmt.Sprintf(
					"CSV is missing data at row #%d. Required fields are [%s].",
					number, strings.Join(slices.Concat(columns.required, columns.optional), ", "))))
				return
			}
			if !yield(row, nil) {
				return
			}
			number++
		}
	}
}

// csvHeader says which column stands where; -1 is nowhere.
type csvHeader struct {
	width                          int
	student, status, course, staff int
	wantsCourse                    bool
}

// readHeader reads the first line. A blank one names no column, and neither does
// an empty file.
func readHeader(reader *csvReader, columns uploadColumns) (csvHeader, error) {
	place := make(map[string]int)
	reader.next(maxColumns)
	if reader.count > maxColumns {
		return csvHeader{}, badCSV(fmt.Sprintf("CSV has more than %d columns", maxColumns))
	}
	for i := range reader.ends {
		name, _ := reader.at(i)
		// Of two columns with one name, the last counts.
		place[strings.ToLower(strings.TrimSpace(string(name)))] = i
	}
	var missing []string
	for _, name := range columns.required {
		if _, ok := place[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return csvHeader{}, badCSV(fmt.Sprintf("CSV is missing headers [%s]", strings.Join(missing, ", ")))
	}
	header := csvHeader{
		width: reader.count, student: place[columnStudent], status: place[columnStatus], course: -1, staff: -1,
		wantsCourse: slices.Contains(columns.required, columnCourse),
	}
	if header.wantsCourse {
		header.course = place[columnCourse]
	}
	if i, ok := place[columnStaff]; ok && slices.Contains(columns.optional, columnStaff) {
		header.staff = i
	}
	return header, nil
}

// row reads the current record. It fails on one that has more cells than the
// header, or lacks a required one or leaves it empty. A cell of blanks alone is
// not empty, as in the original, although nothing remains of it.
func (h csvHeader) row(reader *csvReader) (row registrar.UploadRow, ok bool) {
	if reader.count > h.width {
		return row, false
	}
	student, status := h.cell(reader, h.student), h.cell(reader, h.status)
	if student == nil || status == nil {
		return row, false
	}
	row.StudentKey, row.Status = string(bytes.TrimSpace(student)), string(bytes.TrimSpace(status))
	if h.wantsCourse {
		course := h.cell(reader, h.course)
		if course == nil {
			return row, false
		}
		row.Course = string(bytes.TrimSpace(course))
	}
	if staff, ok := reader.at(h.staff); ok {
		text := string(bytes.TrimSpace(staff))
		row.Staff = &text
	}
	return row, true
}

// cell returns a required cell, nil when it is absent or empty.
func (h csvHeader) cell(reader *csvReader, i int) []byte {
	if text, ok := reader.at(i); ok && len(text) > 0 {
		return text
	}
	return nil
}

// badCSV refuses a file in the form in which v1 shows it.
func badCSV(why string) error {
	return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_csv", Detail: why, Shape: registrar.DetailList}
}
