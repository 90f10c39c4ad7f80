package routes

import (
	"encoding/json"

	"registrar/internal/registrar"
)

// completionUnavailable stands in a row for a completion that the LMS could not
// give.
const completionUnavailable = "completion_unavailable"

// completionCounts are the members of a completion, in a table as in a record.
// What the site cannot give is null.
type completionCounts struct {
	Percent    *json.Number `json:"percent"`
	Complete   *int64       `json:"complete_count"`
	Incomplete *int64       `json:"incomplete_count"`
	Locked     *int64       `json:"locked_count"`
}

// completionLine is a row of the completion table.
type completionLine struct {
	lineHead
	completionCounts
	Error *string `json:"error"`
}

func (l completionLine) cells(bool) []string {
	return []string{
		cellNumber(l.Percent), cellCount(l.Complete), cellCount(l.Incomplete), cellCount(l.Locked), cellText(l.Error),
	}
}

func completionShape() shape[registrar.LearnerCompletion] {
	return shape[registrar.LearnerCompletion]{
		name: "completion",
		columns: func(bool) []string {
			return []string{"percent", "complete_count", "incomplete_count", "locked_count", "error"}
		},
		line: func(course string, row registrar.LearnerCompletion) line {
			l := completionLine{lineHead: lineHead{CourseID: course, StudentKey: orNull(row.StudentKey)}}
			if row.Failed {
				l.Error = orNull(completionUnavailable)
				return l
			}
			l.completionCounts = completionCounts(row.Completion)
			return l
		},
		missing: func(course, code string) line {
			return completionLine{lineHead: lineHead{CourseID: course}, Error: &code}
		},
	}
}
