package lms

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// CourseGrades reads the grade of every learner with an account in a course run;
// learners without one are absent. A grade that the LMS could not compute is a
// row with Failed. NotFound has the codes of [Client.CourseEnrollments].
func (c *Client) CourseGrades(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) ([]registrar.GradeRow, error) {
	if err := checkRun(program, course); err != nil {
		return nil, err
	}
	pages := upstream.Rows(ctx, c.up, upstream.Listing{
		Request: upstream.Request{
			Operation: "course grades", Class: "grades", Path: coursePath(program, course, "grades"),
			// The status speaks of one page: 207 when some rows failed, 422 when
			// all did, and the next page may be well. 204 is a course without rows.
			Accept: upstream.Statuses(200, 204, 207, 422),
		},
		SizeParam: "page_size", Size: c.cfg.GradesPageSize,
	}, upstream.OpenPage[gradeRow])
	rows, err := upstream.Collect(pages, gradeRow.line)
	if err != nil {
		return nil, fmt.Errorf("lms: course grades: %w", explain(err))
	}
	return rows, nil
}

// LearnerGrade reads one account's grade in a course run, whether or not the
// enrollment is active. NotFound has one of the codes "user_not_enrolled",
// "user_does_not_exist", "course_does_not_exist" and "invalid_course_key".
func (c *Client) LearnerGrade(ctx context.Context, name registrar.Username, course registrar.CourseKey) (registrar.Grade, error) {
	if err := checkUsername(name); err != nil {
		return registrar.Grade{}, err
	}
	if err := checkCourse(course); err != nil {
		return registrar.Grade{}, err
	}
	resp, err := c.up.Get(ctx, upstream.Request{
		Operation: "learner grade", Class: "grades",
		Path:  "/api/grades/v1/courses/" + course.PathSegment() + "/",
		Query: url.Values{"username": {string(name)}},
	})
	if err != nil {
		return registrar.Grade{}, fmt.Errorf("lms: learner grade: %w", explain(err))
	}
	var rows []gradeFields // a list of one: the endpoint is a filtered listing
	if err := resp.Decode(&rows); err != nil {
		return registrar.Grade{}, fmt.Errorf("lms: learner grade: %w", err)
	}
	if len(rows) == 0 {
		return registrar.Grade{}, notInCourse(nil)
	}
	grade, ok := rows[0].grade()
	if !ok {
		return registrar.Grade{}, resp.Garbage("a grade without percent or passed")
	}
	return grade, nil
}

type gradeFields struct {
	Letter  *string      `json:"letter_grade"` // null below every cutoff
	Percent *json.Number `json:"percent"`
	Passed  *bool        `json:"passed"`
}

func (f gradeFields) grade() (registrar.Grade, bool) {
	if f.Percent == nil || f.Passed == nil {
		return registrar.Grade{}, false
	}
	g := registrar.Grade{Percent: *f.Percent, Passed: *f.Passed}
	if f.Letter != nil {
		g.Letter = *f.Letter
	}
	return g, true
}

type gradeRow struct {
	StudentKey *string `json:"student_key"`
	gradeFields
	// Error is raw exception text; that it is there is all that is used of it.
	Error *json.RawMessage `json:"error"`
}

func (r gradeRow) line() (registrar.GradeRow, bool) {
	if r.StudentKey == nil || *r.StudentKey == "" {
		return registrar.GradeRow{}, false
	}
	row := registrar.GradeRow{StudentKey: registrar.StudentKey(*r.StudentKey)}
	grade, ok := r.grade()
	if r.Error != nil || !ok {
		row.Failed = true
		return row, true
	}
	row.Grade = grade
	return row, true
}
