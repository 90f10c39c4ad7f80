package lms

import (
	"context"
	"fmt"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// ProgramEnrollments reads every enrollment of a program, in the LMS's order.
// Rows without a student key belong to no school and are left out. A program
// that the LMS does not know is Upstream with code "program_not_in_lms".
func (c *Client) ProgramEnrollments(ctx context.Context, program registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
	if err := checkProgram(program); err != nil {
		return nil, err
	}
	pages := upstream.Rows(ctx, c.up, upstream.Listing{
		Request: upstream.Request{
			Operation: "program enrollments", Class: "enrollments", Path: programPath(program) + "enrollments/",
			// An empty program is 200 too. A 204 would read as one, and empty the link index.
			Accept: upstream.Statuses(200),
		},
		SizeParam: "page_size", Size: c.cfg.PageSize,
	}, upstream.OpenPage[programRow])
	rows, err := upstream.Collect(pages, programRow.enrollment)
	if err != nil {
		return nil, fmt.Errorf("lms: program enrollments: %w", explain(err))
	}
	return rows, nil
}

// CourseEnrollments reads every enrollment of a course run through a program. A
// learner with two curricula has two rows, and both are kept. NotFound has one of
// the codes "program_not_in_lms", "invalid_course_key", "course_does_not_exist"
// and "course_not_in_program".
func (c *Client) CourseEnrollments(ctx context.Context, program registrar.ProgramUUID, course registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
	if err := checkRun(program, course); err != nil {
		return nil, err
	}
	pages := upstream.Rows(ctx, c.up, upstream.Listing{
		Request: upstream.Request{
			Operation: "course enrollments", Class: "enrollments", Path: coursePath(program, course, "enrollments"),
			Accept: upstream.Statuses(200),
		},
		SizeParam: "page_size", Size: c.cfg.PageSize,
	}, upstream.OpenPage[courseRow])
	rows, err := upstream.Collect(pages, courseRow.enrollment)
	if err != nil {
		return nil, fmt.Errorf("lms: course enrollments: %w", explain(err))
	}
	return rows, nil
}

func checkRun(program registrar.ProgramUUID, course registrar.CourseKey) error {
	if err := checkProgram(program); err != nil {
		return err
	}
	return checkCourse(course)
}

// programRow leaves the e-mail address out on purpose: nothing here needs it.
type programRow struct {
	StudentKey    *string `json:"student_key"`
	Status        string  `json:"status"`
	AccountExists bool    `json:"account_exists"`
	Curriculum    string  `json:"curriculum_uuid"`
	Username      string  `json:"username"` // absent in older builds, "" when unlinked
}

func (r programRow) enrollment() (registrar.ProgramEnrollment, bool) {
	if r.StudentKey == nil || *r.StudentKey == "" {
		return registrar.ProgramEnrollment{}, false
	}
	account := registrar.Account{State: registrar.Pending}
	if r.AccountExists {
		account = registrar.Account{State: registrar.Linked, Username: registrar.Username(r.Username)}
	}
	return registrar.ProgramEnrollment{
		StudentKey: registrar.StudentKey(*r.StudentKey),
		Status:     registrar.ProgramStatus(r.Status),
		Account:    account,
		Curriculum: registrar.CurriculumUUID(r.Curriculum),
	}, true
}

type courseRow struct {
	StudentKey    *string `json:"student_key"`
	Status        string  `json:"status"`
	AccountExists bool    `json:"account_exists"`
	CourseStaff   bool    `json:"course_staff"`
	Curriculum    string  `json:"curriculum_uuid"`
}

func (r courseRow) enrollment() (registrar.CourseEnrollment, bool) {
	if r.StudentKey == nil || *r.StudentKey == "" {
		return registrar.CourseEnrollment{}, false
	}
	return registrar.CourseEnrollment{
		StudentKey:    registrar.StudentKey(*r.StudentKey),
		Status:        registrar.CourseStatus(r.Status),
		AccountExists: r.AccountExists,
		CourseStaff:   r.CourseStaff,
		Curriculum:    registrar.CurriculumUUID(r.Curriculum),
	}, true
}
