package routes

import (
	"encoding/json"

	"registrar/internal/registrar"
)

// gradeUnavailable stands in a row for whatever the LMS said of a grade it could
// not compute.
const gradeUnavailable = "grade_unavailable"

// gradeLine is a row of the grades table. All its members are null in the row of
// a learner whose grade failed, but for the error.
type gradeLine struct {
	lineHead
	Letter  *string      `json:"letter_grade"`
	Percent *json.Number `json:"percent"`
	Passed  *bool        `json:"passed"`
	Error   *string      `json:"error"`
}

func (l gradeLine) cells(bool) []string {
	return []string{cellText(l.Letter), cellNumber(l.Percent), cellBool(l.Passed), cellText(l.Error)}
}

func gradeShape() shape[registrar.GradeRow] {
	return shape[registrar.GradeRow]{
		name:    "grades",
		columns: func(bool) []string { return []string{"letter_grade", "percent", "passed", "error"} },
		line: func(course string, row registrar.GradeRow) line {
			l := gradeLine{lineHead: lineHead{CourseID: course, StudentKey: orNull(row.StudentKey)}}
			if row.Failed {
				l.Error = orNull(gradeUnavailable)
				return l
			}
			l.Letter, l.Percent, l.Passed = orNull(row.Grade.Letter), orNull(row.Grade.Percent), &row.Grade.Passed
			return l
		},
		missing: func(course, code string) line {
			return gradeLine{lineHead: lineHead{CourseID: course}, Error: &code}
		},
	}
}
