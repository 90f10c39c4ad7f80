package jobs

import (
	"encoding/json"
	"slices"

	"registrar/internal/registrar"
)

// rowReader judges a row of the LMS and adds its cells to row, in the order of
// the file.
type rowReader func(row []cell, r registrar.LMSRow) ([]cell, error)

// rowError says which member of a row is wrong, and how.
type rowError struct {
	member string
	err    error
}

// Error holds no value.
func (e *rowError) Error() string { return `its "` + e.member + `" ` + e.err.Error() }

func (e *rowError) Unwrap() error { return e.err }

// members reads the members of one row and keeps the first complaint.
type members struct{ err error }

func (m *members) note(member string, err error) {
	if m.err == nil && err != nil {
		m.err = &rowError{member, err}
	}
}

func (m *members) word(name string, raw json.RawMessage) cell {
	s, err := wordOf(raw)
	m.note(name, err)
	return text(name, s)
}

func (m *members) text(name string, raw json.RawMessage) cell {
	s, err := textOf(raw)
	m.note(name, err)
	return text(name, s)
}

func (m *members) flag(name string, raw json.RawMessage) cell {
	yes, err := flagOf(raw)
	m.note(name, err)
	return flag(name, yes)
}

// status is compared as it is written: no blanks are forgiven.
func (m *members) status(raw json.RawMessage, known func(string) bool) cell {
	var s string
	err := errNoText
	switch {
	case raw == nil:
		err = errMissing
	case isNull(raw):
		err = errNull
	case json.Unmarshal(raw, &s) == nil && known(s):
		err = nil
	case s != "":
		err = errUnknownStatus
	}
	m.note("status", err)
	return text("status", s)
}

// programRow reads a learner's enrollment in a program. The original's JSON has
// its members in alphabetical order, its CSV has not.
func programRow(format registrar.FileFormat, withAccount bool) rowReader {
	return func(row []cell, r registrar.LMSRow) ([]cell, error) {
		var m members
		key, status := m.word("student_key", r.StudentKey), m.status(r.Status, isProgramStatus)
		exists := m.flag("account_exists", r.AccountExists)
		if !withAccount {
			if format == registrar.CSVFile {
				return append(row, key, status, exists), m.err
			}
			return append(row, exists, status, key), m.err
		}
		username, email := m.text("username", r.Username), m.text("email", r.Email)
		if format == registrar.CSVFile {
			return append(row, key, status, exists, username, email), m.err
		}
		return append(row, exists, email, status, key, username), m.err
	}
}

// courseRow reads a learner's enrollment in a course run; JSON and CSV have the
// same order.
func courseRow(course string, withStaff bool) rowReader {
	return func(row []cell, r registrar.LMSRow) ([]cell, error) {
		var m members
		row = append(row, text("course_id", course), m.word("student_key", r.StudentKey),
			m.status(r.Status, isCourseStatus), m.flag("account_exists", r.AccountExists))
		if withStaff {
			row = append(row, m.flag("course_staff", r.CourseStaff))
		}
		return row, m.err
	}
}

// gradeRow reads a learner's grade, or the error in its place; never both.
func gradeRow(format registrar.FileFormat) rowReader {
	return func(row []cell, r registrar.LMSRow) ([]cell, error) {
		var m members
		key := m.word("student_key", r.StudentKey)
		if r.Error == nil {
			row = append(row, key, m.letter(r.LetterGrade), m.percent(r.Percent), m.flag("passed", r.Passed))
			if format == registrar.CSVFile {
				row = append(row, cell{name: "error"})
			}
			return row, m.err
		}
		if r.LetterGrade != nil || r.Percent != nil || r.Passed != nil {
			m.note("error", errBoth)
		}
		row = append(row, key, cell{name: "letter_grade"})
		if format == registrar.CSVFile {
			row = append(row, cell{name: "percent"}, cell{name: "passed"})
		}
		return append(row, m.word("error", r.Error)), m.err
	}
}

// letter reads a letter grade; null stands for none.
func (m *members) letter(raw json.RawMessage) cell {
	if raw != nil && isNull(raw) {
		return cell{name: "letter_grade"}
	}
	return m.word("letter_grade", raw)
}

func (m *members) percent(raw json.RawMessage) cell {
	s, err := percentOf(raw)
	m.note("percent", err)
	return text("percent", s)
}

func isProgramStatus(s string) bool {
	return slices.Contains(registrar.ProgramStatuses(), registrar.ProgramStatus(s))
}

func isCourseStatus(s string) bool {
	return s == string(registrar.CourseActive) || s == string(registrar.CourseInactive)
}
