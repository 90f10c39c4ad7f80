package jobs_test

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// row reads an LMS row from JSON, as the client does.
func row(t *testing.T, text string) registrar.LMSRow {
	t.Helper()
	var r registrar.LMSRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func rowsOf(t *testing.T, texts ...string) []registrar.LMSRow {
	t.Helper()
	var rows []registrar.LMSRow
	for _, text := range texts {
		rows = append(rows, row(t, text))
	}
	return rows
}

func TestProgramExport(t *testing.T) {
	t.Parallel()
	plain := []string{
		`{"student_key":"abcd","status":"enrolled","account_exists":true,"username":"Alex","email":"alex@edx.org","curriculum_uuid":"x"}`,
		`{"student_key":"efgh","status":"pending","account_exists":false,"username":"","email":""}`,
	}
	odd := []string{`{"student_key":" a,\"b\"é😀</&>\u007f\n\t\b\f\u0001\\ ","status":"ended","account_exists":"Yes"}`, `{"student_key":12.50,"status":"canceled","account_exists":0}`}
	cases := map[string]struct {
		rows    []string
		format  registrar.FileFormat
		account bool
		want    string
	}{
		"csv":  {plain, registrar.CSVFile, false, "student_key,status,account_exists\r\nabcd,enrolled,True\r\nefgh,pending,False\r\n"},
		"json": {plain, registrar.JSONFile, false, "[\n    {\n        \"account_exists\": true,\n        \"status\": \"enrolled\",\n        \"student_key\": \"abcd\"\n    },\n    {\n        \"account_exists\": false,\n        \"status\": \"pending\",\n        \"student_key\": \"efgh\"\n    }\n]"},
		"csv with account": {
			plain, registrar.CSVFile, true,
			"student_key,status,account_exists,username,email\r\nabcd,enrolled,True,Alex,alex@edx.org\r\nefgh,pending,False,,\r\n",
		},
		"json with account": {plain[:1], registrar.JSONFile, true, "[\n    {\n        \"account_exists\": true,\n        \"email\": \"alex@edx.org\",\n        \"status\": \"enrolled\",\n        \"student_key\": \"abcd\",\n        \"username\": \"Alex\"\n    }\n]"},
		"empty json":        {nil, registrar.JSONFile, false, "[]"},
		"empty csv":         {nil, registrar.CSVFile, false, "student_key,status,account_exists\r\n"},
		"odd json":          {odd, registrar.JSONFile, false, "[\n    {\n        \"account_exists\": true,\n        \"status\": \"ended\",\n        \"student_key\": \"a,\\\"b\\\"\\u00e9\\ud83d\\ude00</&>\\u007f\\n\\t\\b\\f\\u0001\\\\\"\n    },\n    {\n        \"account_exists\": false,\n        \"status\": \"canceled\",\n        \"student_key\": \"12.5\"\n    }\n]"},
		"odd csv":           {odd, registrar.CSVFile, false, "student_key,status,account_exists\r\n\"a,\"\"b\"\"é😀</&>\x7f\n\t\b\f\x01\\\",ended,True\r\n12.5,canceled,False\r\n"},
	}
	w := newWorld(t, sqlite)
	var rows []registrar.LMSRow
	w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		half := len(rows) / 2
		return listed(nil, page(200, rows[:half]...), page(200, rows[half:]...))
	}
	q := w.start()
	for name, tc := range cases {
		rows = rowsOf(t, tc.rows...)
		got, file := w.done(q, registrar.JobOrder{
			Kind: registrar.ListProgramEnrollments, Program: theProgram(), Format: tc.format, WithAccount: tc.account,
		})
		want := registrar.JobOutcome{State: registrar.JobSucceeded, Result: got.Result}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: outcome (-want +got):\n%s", name, diff)
		}
		if !strings.HasPrefix(got.Result, "job-results/") || !strings.HasSuffix(got.Result, "."+string(tc.format)) {
			t.Errorf("%s: result file %q", name, got.Result)
		}
		if diff := cmp.Diff(tc.want, file); diff != "" {
			t.Errorf("%s: file (-want +got):\n%s", name, diff)
		}
	}
}

func TestCourseExport(t *testing.T) {
	t.Parallel()
	french := courseKey(t, "course-v1:HUMx+French+1")
	runs := []registrar.CourseRun{
		{Key: courseKey(t, "course-v1:HUMx+English+1"), ExternalKey: "ENG55-S19"}, {Key: courseKey(t, "course-v1:HUMx+Russian+1"), ExternalKey: "RUS44"}, {Key: french},
	}
	w := newWorld(t, sqlite)
	w.lms.course = func(_ context.Context, c registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
		switch c {
		case runs[0].Key:
			return listed(nil, page(200, row(t, `{"student_key":"hijk","status":"active","account_exists":true,"course_staff":true}`)))
		case french:
			return listed(nil, page(200, row(t, `{"student_key":"lmno","status":"inactive","account_exists":false,"course_staff":false}`)))
		}
		return listed(nil, page(200))
	}
	q := w.start()
	order := registrar.JobOrder{Kind: registrar.ListAllCourseEnrollments, Program: theProgram(), Runs: runs, Format: registrar.CSVFile}
	_, file := w.done(q, order)
	want := "course_id,student_key,status,account_exists\r\nENG55-S19,hijk,active,True\r\ncourse-v1:HUMx+French+1,lmno,inactive,False\r\n"
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("csv (-want +got):\n%s", diff)
	}
	order.Kind, order.Runs, order.Format, order.WithStaff = registrar.ListCourseEnrollments, runs[:1], registrar.JSONFile, true
	_, file = w.done(q, order)
	want = "[\n    {\n        \"course_id\": \"ENG55-S19\",\n        \"student_key\": \"hijk\",\n        \"status\": \"active\",\n        \"account_exists\": true,\n        \"course_staff\": true\n    }\n]"
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
	order.Runs = nil
	if _, file = w.done(q, order); file != "[]" {
		t.Errorf("file of a program without course runs = %q, want []", file)
	}
}

func TestGradesExport(t *testing.T) {
	t.Parallel()
	const (
		first  = `{"student_key":"learner-01","letter_grade":"A","percent":0.950,"passed":true}`
		second = `{"student_key":"learner-02","letter_grade":null,"percent":"0.4","passed":false}`
		failed = `{"student_key":"learner-03","error":"error loading grades"}`
		header = "student_key,letter_grade,percent,passed,error\r\n"
		lines  = header + "learner-01,A,0.950,True,\r\nlearner-02,,0.400,False,\r\n"
	)
	graded := rowsOf(t, first, second)
	cases := map[string]struct {
		format registrar.FileFormat
		pages  []registrar.LMSPage
		text   string
		want   string
	}{
		"200 csv":          {registrar.CSVFile, []registrar.LMSPage{page(200, graded...)}, "200", lines},
		"200 json":         {registrar.JSONFile, []registrar.LMSPage{page(200, graded...)}, "200", "[\n    {\n        \"student_key\": \"learner-01\",\n        \"letter_grade\": \"A\",\n        \"percent\": \"0.950\",\n        \"passed\": true\n    },\n    {\n        \"student_key\": \"learner-02\",\n        \"letter_grade\": null,\n        \"percent\": \"0.400\",\n        \"passed\": false\n    }\n]"},
		"207 csv":          {registrar.CSVFile, []registrar.LMSPage{page(207, append(graded, row(t, failed))...)}, "207", lines + "learner-03,,,,error loading grades\r\n"},
		"422 json":         {registrar.JSONFile, []registrar.LMSPage{page(422, row(t, failed))}, "422", "[\n    {\n        \"student_key\": \"learner-03\",\n        \"letter_grade\": null,\n        \"error\": \"error loading grades\"\n    }\n]"},
		"200 then 422":     {registrar.CSVFile, []registrar.LMSPage{page(200, graded[0]), page(422, row(t, failed))}, "207", header + "learner-01,A,0.950,True,\r\nlearner-03,,,,error loading grades\r\n"},
		"202":              {registrar.CSVFile, []registrar.LMSPage{page(202)}, "422", header},
		"204 json":         {registrar.JSONFile, []registrar.LMSPage{page(204)}, "204", "{}"},
		"204 csv":          {registrar.CSVFile, []registrar.LMSPage{page(204)}, "204", header},
		"204 after a page": {registrar.CSVFile, []registrar.LMSPage{page(200, graded...), page(204)}, "204", header},
	}
	w := newWorld(t, sqlite)
	var pages []registrar.LMSPage
	w.lms.grade = func(context.Context, registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
		return listed(nil, pages...)
	}
	q := w.start()
	for name, tc := range cases {
		pages = tc.pages
		got, file := w.done(q, registrar.JobOrder{
			Kind: registrar.GetCourseGrades, Program: theProgram(), Format: tc.format,
			Runs: []registrar.CourseRun{{Key: courseKey(t, "course-v1:a+b+c")}},
		})
		if got.State != registrar.JobSucceeded || got.Text != tc.text {
			t.Errorf("%s: outcome %+v, want Succeeded with text %s", name, got, tc.text)
		}
		if diff := cmp.Diff(tc.want, file); diff != "" {
			t.Errorf("%s: file (-want +got):\n%s", name, diff)
		}
	}
}

func TestExportsFailOnBadRows(t *testing.T) {
	t.Parallel()
	enrollment := func(change string) string {
		return `{"student_key":"k1x","status":"enrolled","account_exists":true,"username":"u","email":"e@x.org"` + change + `}`
	}
	grade := func(members string) string { return `{"student_key":"k1x"` + members + `}` }
	const whole = `,"letter_grade":"A","percent":0.5,"passed":true`
	cases := map[string]struct{ row, reason string }{
		"no key":             {`{"status":"enrolled","account_exists":true}`, `"student_key" is missing`},
		"null key":           {enrollment(`,"student_key":null`), `"student_key" is null`},
		"boolean key":        {enrollment(`,"student_key":true`), `"student_key" is no text`},
		"list as key":        {enrollment(`,"student_key":["a"]`), `"student_key" is no text`},
		"blank key":          {enrollment(`,"student_key":" \t"`), `"student_key" is blank`},
		"unknown status":     {enrollment(`,"status":"this-is-not-a-status"`), `"status" is not one of the known states`},
		"status with blanks": {enrollment(`,"status":" enrolled"`), `"status" is not one of the known states`},
		"course status":      {enrollment(`,"status":"active"`), `"status" is not one of the known states`},
		"no status":          {`{"student_key":"a","account_exists":true}`, `"status" is missing`},
		"odd flag":           {enrollment(`,"account_exists":"perhaps"`), `"account_exists" is neither yes nor no`},
		"odder flag":         {enrollment(`,"account_exists":"tRuE"`), `"account_exists" is neither yes nor no`},
		"number as flag":     {enrollment(`,"account_exists":2`), `"account_exists" is neither yes nor no`},
		"null flag":          {enrollment(`,"account_exists":null`), `"account_exists" is null`},
		"null username":      {enrollment(`,"username":null`), `"username" is null`},
		"no email":           {`{"student_key":"a","status":"enrolled","account_exists":true,"username":"u"}`, `"email" is missing`},

		"grade: key only":             {grade(""), `"letter_grade" is missing`},
		"grade: all and error":        {grade(whole + `,"error":"e"`), `"error" comes together with a grade`},
		"grade: error and passed":     {grade(`,"error":"e","passed":true`), `"error" comes together with a grade`},
		"grade: error and letter":     {grade(`,"error":"e","letter_grade":null`), `"error" comes together with a grade`},
		"grade: blank error":          {grade(`,"error":" "`), `"error" is blank`},
		"grade: null error":           {grade(`,"error":null`), `"error" is null`},
		"grade: no letter":            {grade(`,"percent":0.5,"passed":true`), `"letter_grade" is missing`},
		"grade: blank letter":         {grade(`,"letter_grade":"","percent":0.5,"passed":true`), `"letter_grade" is blank`},
		"grade: no percent":           {grade(`,"letter_grade":"A","passed":true`), `"percent" is missing`},
		"grade: null percent":         {grade(`,"letter_grade":"A","percent":null,"passed":true`), `"percent" is null`},
		"grade: boolean percent":      {grade(`,"letter_grade":"A","percent":true,"passed":true`), `"percent" is no number`},
		"grade: four decimals":        {grade(`,"letter_grade":"A","percent":0.1234,"passed":true`), `"percent" is no number`},
		"grade: two digits in front":  {grade(`,"letter_grade":"A","percent":95,"passed":true`), `"percent" is no number`},
		"grade: words as a percent":   {grade(`,"letter_grade":"A","percent":"NaN","passed":true`), `"percent" is no number`},
		"grade: zeros in a string":    {grade(`,"letter_grade":"A","percent":"0.9500","passed":true`), `"percent" is no number`},
		"grade: no passed":            {grade(`,"letter_grade":"A","percent":0.5`), `"passed" is missing`},
		"grade: object as its letter": {grade(`,"letter_grade":{},"percent":0.5,"passed":true`), `"letter_grade" is no text`},
	}
	w := newWorld(t, sqlite)
	var pages []registrar.LMSPage
	w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return listed(nil, pages...)
	}
	w.lms.grade = func(context.Context, registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
		return listed(nil, pages...)
	}
	q := w.start()
	for name, tc := range cases {
		pages = []registrar.LMSPage{page(200, row(t, tc.row))}
		order := registrar.JobOrder{Kind: registrar.ListProgramEnrollments, Program: theProgram(), Format: registrar.CSVFile, WithAccount: true}
		if strings.HasPrefix(name, "grade") {
			order.Kind, order.Runs = registrar.GetCourseGrades, []registrar.CourseRun{{Key: courseKey(t, "course-v1:a+b+c")}}
		}
		got, _ := w.done(q, order)
		if got.State != registrar.JobFailed || got.Code != "invalid_lms_data" || !strings.Contains(got.Reason, tc.reason) || got.Text != "" || got.Result != "" {
			t.Errorf("%s: outcome %+v, want Failed for %q", name, got, tc.reason)
		}
	}
	if names := w.files.names(); len(names) > 0 {
		t.Errorf("failed jobs left the files %v", names)
	}
	if strings.Contains(w.log.String(), "k1x") {
		t.Error("the log holds a student key")
	}
}

func TestExportsFailWithTheLMS(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err          error
		code, reason string
	}{
		"500":     {registrar.Fail(registrar.Upstream, "x", answered(500)), "upstream", "The LMS answered 500 while its enrollments were read."},
		"404":     {registrar.Fail(registrar.NotFound, "x", answered(404)), "not_found", "The LMS answered 404 while its enrollments were read."},
		"silent":  {registrar.Fail(registrar.Timeout, "x", nil), "timeout", "The LMS did not answer in time while its enrollments were read."},
		"away":    {&registrar.Error{Kind: registrar.Unavailable, Code: "breaker_open"}, "breaker_open", "The LMS could not be reached while its enrollments were read."},
		"garbage": {registrar.Fail(registrar.Upstream, "x", nil), "upstream", "The LMS sent something that cannot be read while its enrollments were read."},
	}
	w := newWorld(t, sqlite)
	var err error
	w.lms.program = func(context.Context, registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
		return listed(err, page(200, row(t, `{"student_key":"a","status":"enrolled","account_exists":true}`)))
	}
	q := w.start()
	for name, tc := range cases {
		err = tc.err
		got, _ := w.done(q, registrar.JobOrder{Kind: registrar.ListProgramEnrollments, Program: theProgram(), Format: registrar.JSONFile})
		want := registrar.JobOutcome{State: registrar.JobFailed, Reason: tc.reason, Code: tc.code}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if names := w.files.names(); len(names) > 0 {
		t.Errorf("failed jobs left the files %v", names)
	}
}
