package registrar

import "encoding/json"

// LMSRow is one row of an LMS listing exactly as it was sent, for readers that
// judge every member themselves. An absent member is nil, a null one is "null".
type LMSRow struct {
	StudentKey    json.RawMessage `json:"student_key"`
	Status        json.RawMessage `json:"status"`
	AccountExists json.RawMessage `json:"account_exists"`
	Username      json.RawMessage `json:"username"`
	Email         json.RawMessage `json:"email"`
	CourseStaff   json.RawMessage `json:"course_staff"`
	LetterGrade   json.RawMessage `json:"letter_grade"`
	Percent       json.RawMessage `json:"percent"`
	Passed        json.RawMessage `json:"passed"`
	Error         json.RawMessage `json:"error"`
}

// LMSPage is one page of such rows, with the status it came with: the LMS's
// grades say by it how many rows are errors.
type LMSPage struct {
	Status int
	Rows   []LMSRow
}
