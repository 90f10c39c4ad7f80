package lms_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"registrar/internal/registrar"
	"registrar/internal/upstream/lms"
)

func TestProgramEnrollments(t *testing.T) {
	t.Parallel()
	first := `{"next":"http://internal.host/api/?cursor=cD0xMDA%3D&page_size=500","previous":null,"results":[
		{"student_key":"S-20417","status":"enrolled","account_exists":true,"curriculum_uuid":"b7f0","username":"mira_k","email":"mira.k@example.edu"},
		{"student_key":null,"status":"enrolled","account_exists":true,"curriculum_uuid":"b7f0","username":"by_user_only","email":""},
		{"student_key":"S-20418","status":"pending","account_exists":false,"curriculum_uuid":"b7f0","username":"","email":""}]}`
	oldBuild := `{"next":null,"previous":null,"results":[{"student_key":"S-20419","status":"canceled","account_exists":true,"curriculum_uuid":"b7f0"}]}`
	c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{base + "enrollments/": inTurn(say(200, first), say(200, oldBuild))})
	got, err := c.ProgramEnrollments(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	want := []registrar.ProgramEnrollment{
		{StudentKey: "S-20417", Status: "enrolled", Account: registrar.Account{State: registrar.Linked, Username: "mira_k"}, Curriculum: "b7f0"},
		{StudentKey: "S-20418", Status: "pending", Account: registrar.Account{State: registrar.Pending}, Curriculum: "b7f0"},
		{StudentKey: "S-20419", Status: "canceled", Account: registrar.Account{State: registrar.Linked}, Curriculum: "b7f0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"page_size=500", "cursor=cD0xMDA%3D&page_size=500"}, f.queries); diff != "" {
		t.Error(diff)
	}
}

func TestCourseEnrollmentsKeepBothCurricula(t *testing.T) {
	t.Parallel()
	body := `{"next":null,"results":[
		{"student_key":"S-1","status":"active","account_exists":true,"curriculum_uuid":"b7","course_staff":true},
		{"student_key":"S-1","status":"inactive","account_exists":true,"curriculum_uuid":"c8","course_staff":false}]}`
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{base + "courses/" + run + "/enrollments/": say(200, body)})
	got, err := c.CourseEnrollments(t.Context(), program, key(t, run))
	if err != nil {
		t.Fatal(err)
	}
	want := []registrar.CourseEnrollment{
		{StudentKey: "S-1", Status: "active", AccountExists: true, CourseStaff: true, Curriculum: "b7"},
		{StudentKey: "S-1", Status: "inactive", AccountExists: true, Curriculum: "c8"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLegacyKeysKeepTheirSlashes(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{base + "courses/NorthU/DE501/T1/enrollments/": say(200, `{"results":[]}`)})
	got, err := c.CourseEnrollments(t.Context(), program, key(t, "NorthU/DE501/T1"))
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("got %v, %v, hits %v", got, err, f.hits)
	}
}

// Only grades have a 204; here it is no listing, least of all an empty one.
func TestNoContentIsNoEnrollmentListing(t *testing.T) {
	t.Parallel()
	none := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{
		base + "enrollments/": none, base + "courses/" + run + "/enrollments/": none,
	})
	_, err := c.ProgramEnrollments(t.Context(), program)
	wantFailure(t, err, registrar.Upstream, "upstream_rejected")
	_, err = c.CourseEnrollments(t.Context(), program, key(t, run))
	wantFailure(t, err, registrar.Upstream, "upstream_rejected")
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		kind   registrar.Kind
		code   string
	}{
		"program":        {say(404, `{"developer_message":["x"],"error_code":"program_does_not_exist"}`), registrar.Upstream, "program_not_in_lms"},
		"course key":     {say(404, `{"developer_message":"x","error_code":"invalid_course_key"}`), registrar.NotFound, "invalid_course_key"},
		"course":         {say(404, `{"error_code":"course_does_not_exist"}`), registrar.NotFound, "course_does_not_exist"},
		"not in program": {say(404, `{"developer_message":{"a":1},"error_code":"course_not_in_program"}`), registrar.NotFound, "course_not_in_program"},
		"unknown code":   {say(404, `{"error_code":"new_in_2027"}`), registrar.NotFound, "upstream_not_found"},
		"html 404":       {page(404), registrar.Upstream, "upstream_no_route"},
		"403":            {say(403, `{"developer_message":"no"}`), registrar.Upstream, "upstream_denied"},
		"401":            {say(401, `{"developer_message":{"error_code":"token_expired"}}`), registrar.Upstream, "upstream_denied"},
		"500":            {page(500), registrar.Upstream, "upstream_error"},
		"throttled":      {say(429, `{"developer_message":"Expected available in 9 seconds."}`), registrar.Unavailable, "upstream_throttled"},
		"garbage":        {say(200, `{"results":[{"student_key":7}]}`), registrar.Upstream, "upstream_garbage"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{
				base + "enrollments/":                     tc.answer,
				base + "courses/" + run + "/enrollments/": tc.answer,
				base + "courses/" + run + "/grades/":      tc.answer,
			})
			_, err := c.ProgramEnrollments(t.Context(), program)
			wantFailure(t, err, tc.kind, tc.code)
			_, err = c.CourseEnrollments(t.Context(), program, key(t, run))
			wantFailure(t, err, tc.kind, tc.code)
			_, err = c.CourseGrades(t.Context(), program, key(t, run))
			wantFailure(t, err, tc.kind, tc.code)
		})
	}
}

func TestWordsThatMakeNoPathAreRefused(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{}, nil)
	asks := map[string]func(context.Context) error{
		"upper-case uuid": func(ctx context.Context) error {
			_, err := c.ProgramEnrollments(ctx, "5C1D2A6E-0A7B-4A51-9A0E-3F0F6F1B7C11")
			return err
		},
		"no course": func(ctx context.Context) error {
			_, err := c.CourseGrades(ctx, program, registrar.CourseKey{})
			return err
		},
		"dots":      func(ctx context.Context) error { _, err := c.Certificates(ctx, ".."); return err },
		"slash":     func(ctx context.Context) error { _, err := c.Certificates(ctx, "a/b"); return err },
		"two names": func(ctx context.Context) error { _, err := c.Account(ctx, "a,b"); return err },
		"no name":   func(ctx context.Context) error { _, err := c.LearnerGrade(ctx, "", key(t, run)); return err },
	}
	for name, ask := range asks {
		if err := ask(t.Context()); registrar.KindOf(err) != registrar.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.hits) != 0 {
		t.Errorf("the LMS was asked: %v", f.hits)
	}
}

func TestCourseGradesMergeThePages(t *testing.T) {
	t.Parallel()
	failed := `{"next":"?cursor=b","results":[{"student_key":"S-1","error":"Unable to load canary"}]}`
	mixed := `{"next":"?cursor=c","results":[{"student_key":"S-2","letter_grade":null,"percent":0.4100,"passed":false},{"student_key":"S-3","error":""}]}`
	good := `{"next":"?cursor=d","results":[{"student_key":"S-4","letter_grade":"B","percent":0.81,"passed":true},{"student_key":"S-5","letter_grade":"B"}]}`
	c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{base + "courses/" + run + "/grades/": inTurn(
		say(422, failed), say(207, mixed), say(200, good), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })})
	got, err := c.CourseGrades(t.Context(), program, key(t, run))
	if err != nil {
		t.Fatal(err)
	}
	want := []registrar.GradeRow{
		{StudentKey: "S-1", Failed: true},
		{StudentKey: "S-2", Grade: registrar.Grade{Percent: "0.4100"}},
		{StudentKey: "S-3", Failed: true},
		{StudentKey: "S-4", Grade: registrar.Grade{Letter: "B", Percent: "0.81", Passed: true}},
		{StudentKey: "S-5", Failed: true}, // half a grade is none
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f.queries[0] != "page_size=100" || len(f.queries) != 4 {
		t.Errorf("queries = %v", f.queries)
	}
}

func TestCourseWithoutLinkedLearnersHasNoGrades(t *testing.T) {
	t.Parallel()
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{
		base + "courses/" + run + "/grades/": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	})
	got, err := c.CourseGrades(t.Context(), program, key(t, run))
	if diff := cmp.Diff([]registrar.GradeRow{}, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestLearnerGrade(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   registrar.Grade
		kind   registrar.Kind
		code   string
	}{
		"grade":        {say(200, `[{"username":"mira_k","passed":true,"percent":0.8300,"letter_grade":"B"}]`), registrar.Grade{Letter: "B", Percent: "0.8300", Passed: true}, "", ""},
		"none":         {say(200, `[]`), registrar.Grade{}, registrar.NotFound, "user_not_enrolled"},
		"not enrolled": {say(404, `{"error_code":"user_not_enrolled"}`), registrar.Grade{}, registrar.NotFound, "user_not_enrolled"},
		"no account":   {say(404, `{"error_code":"user_does_not_exist"}`), registrar.Grade{}, registrar.NotFound, "user_does_not_exist"},
		"no course":    {say(404, `{"error_code":"course_does_not_exist"}`), registrar.Grade{}, registrar.NotFound, "course_does_not_exist"},
		"a page":       {say(200, `{"results":[]}`), registrar.Grade{}, registrar.Upstream, "upstream_garbage"},
		"null percent": {say(200, `[{"passed":true,"percent":null}]`), registrar.Grade{}, registrar.Upstream, "upstream_garbage"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{"/api/grades/v1/courses/" + run + "/": tc.answer})
			got, err := c.LearnerGrade(t.Context(), "mira_k", key(t, run))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if f.queries[0] != "username=mira_k" {
				t.Errorf("query = %s", f.queries[0])
			}
			if tc.code != "" {
				wantFailure(t, err, tc.kind, tc.code)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
