package routes

import "registrar/internal/registrar"

// enrollmentLine is a row of the enrollments table. A learner who is in the run
// under two curricula has two.
type enrollmentLine struct {
	lineHead
	Status        *registrar.CourseStatus `json:"status"`
	AccountExists *bool                   `json:"account_exists"`
	// Error is there only in the row of a course run that failed: single
	// enrollments do not fail.
	Error string `json:"error,omitempty"`
}

func (l enrollmentLine) cells(complete bool) []string {
	cells := []string{cellText(l.Status), cellBool(l.AccountExists)}
	if complete {
		return cells
	}
	return append(cells, cellText(&l.Error))
}

func enrollmentShape() shape[registrar.CourseEnrollment] {
	return shape[registrar.CourseEnrollment]{
		name: "course_enrollments",
		columns: func(complete bool) []string {
			if complete {
				return []string{"status", "account_exists"}
			}
			return []string{"status", "account_exists", "error"}
		},
		line: func(course string, row registrar.CourseEnrollment) line {
			return enrollmentLine{
				lineHead: lineHead{CourseID: course, StudentKey: orNull(row.StudentKey)},
				Status:   orNull(row.Status), AccountExists: &row.AccountExists,
			}
		},
		missing: func(course, code string) line {
			return enrollmentLine{lineHead: lineHead{CourseID: course}, Error: code}
		},
	}
}
