package registrar

import "encoding/json"

// The result codes that the gateway gives to a row itself. All others are the
// LMS's own words.
const (
	Duplicated     = "duplicated"       // the student key came more than once; nothing was sent
	InternalError  = "internal-error"   // the LMS did not say what became of the row
	CourseNotFound = "course-not-found" // the program has no such course run
)

// MaxWriteItems is how many rows the LMS takes in one write, and how many a
// caller may send in one synchronous request.
const MaxWriteItems = 25

// WriteItem is one enrollment as the caller wrote it: the members of a JSON
// object, of which "student_key" and "status" are strings. The rest is passed on
// as it is.
type WriteItem map[string]json.RawMessage

// StudentKey returns the item's student key, "" when it has none.
func (i WriteItem) StudentKey() StudentKey {
	var key StudentKey
	_ = json.Unmarshal(i["student_key"], &key) // a key that is none stays empty
	return key
}

// EnrollmentWrite is a number of enrollments to write.
type EnrollmentWrite struct {
	Method  string // "POST" creates, "PATCH" changes, "PUT" does either
	Program Program
	// Run is the course run to enroll in; nil enrolls in the program itself.
	Run *CourseRun
	// Curriculum is put into every item of a program write; without one nothing
	// is sent.
	Curriculum CurriculumUUID
	Items      []WriteItem
	// Rows are those of an upload, in place of Items. A file of them can have a
	// million, of which items are made when they are sent.
	Rows []UploadRow
}

// Len is the number of enrollments.
func (w EnrollmentWrite) Len() int { return len(w.Items) + len(w.Rows) }

// Key is the student key of enrollment i.
func (w EnrollmentWrite) Key(i int) StudentKey {
	if i < len(w.Items) {
		return w.Items[i].StudentKey()
	}
	return StudentKey(w.Rows[i-len(w.Items)].StudentKey)
}

// Item is enrollment i as it is sent.
func (w EnrollmentWrite) Item(i int) WriteItem {
	if i < len(w.Items) {
		return w.Items[i]
	}
	return w.Rows[i-len(w.Items)].Item()
}

// WriteAnswer is what the LMS said to one batch.
type WriteAnswer struct {
	Status int // HTTP; 0 when no answer came
	// Results holds the code of each student key; nil when the body was no JSON
	// object. It may lack keys that were sent and hold keys that were not.
	Results map[StudentKey]string
}

// WriteResult is what became of one student key.
type WriteResult struct {
	StudentKey StudentKey
	Code       string
}

// WriteReport is what became of an [EnrollmentWrite].
type WriteReport struct {
	// Results holds each student key once, by code point; keys that only the LMS
	// named come last.
	Results []WriteResult
	// Good tells that the LMS accepted some batch, Bad that something was not
	// accepted: duplicates, or a batch with another status than 200 or 201.
	Good, Bad bool
}

// Status sums r up as an HTTP status: 200, 207 when some went wrong, 422 when
// nothing went well.
func (r WriteReport) Status() int {
	switch {
	case r.Good && r.Bad:
		return 207
	case r.Good:
		return 200
	}
	return 422
}
