package routes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/routes"
)

const (
	onProgram = "/api/v1/programs/masters-cs/enrollments"
	onCourse  = "/api/v1/programs/masters-cs/courses/course-v1:MITx+6.001+2026/enrollments"
	jsonType  = "application/json"
)

// staffFor switches role assignment on for everybody, or off.
func staffFor(everyone bool) func() routes.Flags {
	return func() routes.Flags { return routes.Flags{Staff: registrar.Flag{Everyone: &everyone}} }
}

// items is a list of n enrollments.
func items(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"student_key":"S-%d","status":"enrolled"}`, i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestAWriteIsPassedOn(t *testing.T) {
	t.Parallel()
	const body = `[
		{"student_key":"b<1>","status":"not a status","score":1234567890123456789012.50,"curriculum_uuid":"mine","n":null},
		{"student_key":"z","status":"enrolled","student_key":"a","course_staff":"any"}
	]`
	for _, tc := range []struct {
		method, target, event string
		curriculum            registrar.CurriculumUUID
		run                   string
	}{
		{"POST", onProgram, "registrar.v1.post_program_enrollment", "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f", ""},
		{"PATCH", onProgram + "/", "registrar.v1.patch_program_enrollment", "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f", ""},
		{"PATCH", strings.Replace(onProgram, "v1", "v2", 1), "registrar.v2.patch_program_enrollment", "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f", ""},
		{"POST", onCourse, "registrar.v1.post_course_enrollment", "", "course-v1:MITx+6.001+2026"},
		{"PATCH", "/api/v2/programs/masters-cs/courses/MITx/6.002/2026/enrollments/", "registrar.v2.patch_course_enrollment", "", "MITx/6.002/2026"},
	} {
		t.Run(tc.method+" "+tc.target, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sent := body
			if tc.run != "" {
				sent = strings.Replace(body, `"any"`, "null", 1)
			}
			got := newClient(t, w).post(t, tc.method, tc.target, "Application/JSON; charset=utf-8", sent)
			if want := `{"b<1>":"not a status","a":"enrolled"}`; got.status != 200 || got.body != want || got.header.Get("Content-Type") != jsonType {
				t.Errorf("%d %s %s, want 200 %s", got.status, got.header.Get("Content-Type"), got.body, want)
			}
			if len(w.enroller.writes) != 1 {
				t.Fatalf("%d writes", len(w.enroller.writes))
			}
			write := w.enroller.writes[0]
			run := ""
			if write.Run != nil {
				run = write.Run.Key.String()
			}
			if write.Method != tc.method || write.Program.Key != "masters-cs" || write.Curriculum != tc.curriculum || run != tc.run {
				t.Errorf("%s to %q, curriculum %q, run %q", write.Method, write.Program.Key, write.Curriculum, run)
			}
			if first := write.Items[0]; string(first["score"]) != "1234567890123456789012.50" || string(first["n"]) != "null" || len(first) != 5 {
				t.Errorf("the first item arrived as %s", first)
			}
			note := w.activities[len(w.activities)-1]
			want := &registrar.Touch{Kind: registrar.TouchWrite, Program: "masters-cs", Course: tc.run, Learner: []registrar.StudentKey{"b<1>", "a"}}
			if diff := cmp.Diff(want, note.Touch); diff != "" || note.Event != tc.event {
				t.Errorf("event %q, touch (-want +got):\n%s", note.Event, diff)
			}
		})
	}
}

func TestTheAnswerToAWriteKeepsTheOrderOfTheReport(t *testing.T) {
	t.Parallel()
	results := []registrar.WriteResult{{StudentKey: "\u2028 &", Code: "conflict"}, {StudentKey: "9", Code: "internal-error"}, {StudentKey: "10", Code: "duplicated"}}
	for _, tc := range []struct {
		good, bad bool
		status    int
		failure   any
	}{{true, false, 200, nil}, {true, true, 207, nil}, {false, true, 422, "unprocessable_entity"}} {
		w := newWorld(t)
		w.enroller.write = func(registrar.EnrollmentWrite) (registrar.WriteReport, error) {
			return registrar.WriteReport{Results: results, Good: tc.good, Bad: tc.bad}, nil
		}
		got := newClient(t, w).post(t, "POST", onProgram, jsonType, items(25))
		if want := `{"\u2028 &":"conflict","9":"internal-error","10":"duplicated"}`; got.status != tc.status || got.body != want {
			t.Errorf("%d %s, want %d %s", got.status, got.body, tc.status, want)
		}
		if failure := w.activities[len(w.activities)-1].Facts()["failure"]; failure != tc.failure {
			t.Errorf("%d is told as %v, want %v", got.status, failure, tc.failure)
		}
	}
}

// Whole pairs, and what only looks like half of one, go on as they are.
func TestAWriteOfEscapes(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{`\ud83d\uDE00`: "😀", `\\ud83d`: `\ud83d`, `\u00e9\n\"`: "é\n\"", `\ufffd`: "\ufffd", `\u0000`: "\x00"} {
		w := newWorld(t)
		got := newClient(t, w).post(t, "POST", onProgram, jsonType, `[{"student_key":"`+key+`","status":"enrolled"}]`)
		if got.status != 200 || len(w.enroller.writes) != 1 || string(w.enroller.writes[0].Items[0].StudentKey()) != want {
			t.Errorf("%s: %d %s, writes %v", key, got.status, got.body, w.enroller.writes)
		}
	}
}

func TestAWriteOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := newClient(t, w).post(t, "POST", onProgram, jsonType, " [ ] ")
	if note := w.activities[len(w.activities)-1]; got.status != 422 || got.body != "{}" || note.Touch != nil {
		t.Errorf("%d %s, touch %v; want 422 {} that touches nobody", got.status, got.body, note.Touch)
	}
}

// A program without an active curriculum is the enroller's to refuse, item by item.
func TestAWriteWithoutACurriculum(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := newClient(t, w).post(t, "POST", "/api/v1/programs/masters-ds/enrollments", jsonType, items(2)); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if write := w.enroller.writes[0]; write.Curriculum != "" || len(write.Items) != 2 {
		t.Errorf("curriculum %q, %d items", write.Curriculum, len(write.Items))
	}
}

func TestWritesThatAreRefused(t *testing.T) {
	t.Parallel()
	const (
		list    = `["expected request body type: List"]`
		dict    = `["expected items in request to be of type Dict"]`
		student = `["expected request dicts to have string value for \"student_key\""]`
		status  = `["expected request dicts to have string value for \"status\""]`
		parse   = `{"detail":"JSON parse error - `
	)
	cases := map[string]struct {
		media, body string
		status      int
		want        string
	}{
		"a string":          {jsonType, `"s"`, 400, list},
		"an object":         {jsonType, ` {"a":[]}`, 400, list},
		"null":              {jsonType, `null`, 400, list},
		"a number":          {jsonType, `1`, 400, list},
		"nothing":           {jsonType, ``, 400, list},
		"nothing, as text":  {"text/plain", ``, 400, list},
		"a form":            {"application/x-www-form-urlencoded", `a=1`, 400, list},
		"a multipart form":  {"multipart/form-data; boundary=b", "--b--", 400, list},
		"a list of strings": {jsonType, `["s"]`, 400, dict},
		"a list of nulls":   {jsonType, `[null]`, 400, dict},
		"no key":            {jsonType, `[{"status":"enrolled"}]`, 400, student},
		"a null key":        {jsonType, `[{"student_key":null,"status":"enrolled"}]`, 400, student},
		"key, other case":   {jsonType, `[{"Student_Key":"a","status":"enrolled"}]`, 400, student},
		"no status":         {jsonType, `[{"student_key":"a"}]`, 400, status},
		"a number's status": {jsonType, `[{"student_key":"a","status":1}]`, 400, status},
		"in the second":     {jsonType, `[{"student_key":"a","status":"enrolled"},{"student_key":[],"status":"enrolled"}]`, 400, student},
		"26":                {jsonType, items(26), 413, `{"detail":"Enrollment limit 25"}`},
		"26 of no use":      {jsonType, "[" + strings.Repeat("1,", 25) + "1]", 413, `{"detail":"Enrollment limit 25"}`},
		"malformed":         {jsonType, `[{]`, 400, parse},
		"blank":             {jsonType, ` `, 400, parse},
		"NaN":               {jsonType, `[NaN]`, 400, parse},
		"after the end":     {jsonType, items(1) + "]", 400, parse},
		"malformed, 26":     {jsonType, items(26) + ",", 400, parse},
		"no UTF-8":          {jsonType, "[{\"student_key\":\"\xff\",\"status\":\"enrolled\"}]", 400, parse},
		"half a pair":       {jsonType, `[{"student_key":"\ud83d","status":"enrolled"},{"student_key":"\ud83e","status":"enrolled"}]`, 400, parse},
		"the other half":    {jsonType, `[{"student_key":"\\\ude00\\","status":"enrolled"}]`, 400, parse},
		"two first halves":  {jsonType, `[{"student_key":"\ud83d\ud83d\ude00","status":"enrolled"}]`, 400, parse},
		"text":              {"text/plain", items(1), 415, `{"detail":"Unsupported media type \"text/plain\" in request."}`},
		"text, in its way":  {`Text/Plain; charset="x"`, items(1), 415, `{"detail":"Unsupported media type \"Text/Plain; charset=\"x\"\" in request."}`},
		"another JSON":      {"application/json-seq", items(1), 415, `{"detail":"Unsupported media type \"application/json-seq\" in request."}`},
		"no type":           {"", items(1), 415, `{"detail":"Unsupported media type \"\" in request."}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cl := newClient(t, w)
			for _, target := range []string{onProgram, onCourse} {
				for _, method := range []string{http.MethodPost, http.MethodPatch} {
					got := cl.post(t, method, target, tc.media, tc.body)
					if got.status != tc.status || tc.want != got.body && (tc.want != parse || !strings.HasPrefix(got.body, parse)) {
						t.Errorf("%s %s: %d %s, want %d %s", method, target, got.status, got.body, tc.status, tc.want)
					}
					note := w.activities[len(w.activities)-1]
					failure := map[int]any{400: "bad_request", 413: "request_entity_too_large"}[tc.status]
					if len(w.enroller.writes) > 0 || note.Touch != nil || note.Facts()["failure"] != failure {
						t.Errorf("%s %s: %d writes, touch %v, failure %v", method, target, len(w.enroller.writes), note.Touch, note.Facts()["failure"])
					}
				}
			}
		})
	}
}

func TestRolesInAWrite(t *testing.T) {
	t.Parallel()
	const (
		notBool = `["expected request dicts to have boolean value for \"course_staff\""]`
		off     = `{"detail":"\"course_staff\" not accepted since role assignment is not enabled"}`
		taken   = `{"a":"active"}`
	)
	for name, tc := range map[string]struct {
		flag   bool
		target string
		role   string
		status int
		want   string
	}{
		"null, off":          {false, onCourse, "null", 200, taken},
		"true, off":          {false, onCourse, "true", 403, off},
		"false, off":         {false, onCourse, "false", 403, off},
		"text, off":          {false, onCourse, `"x"`, 400, notBool},
		"true, on":           {true, onCourse, "true", 200, taken},
		"false, on":          {true, onCourse, "false", 200, taken},
		"null, on":           {true, onCourse, "null", 200, taken},
		"number, on":         {true, onCourse, "1", 400, notBool},
		"text in a program":  {false, onProgram, `"x"`, 200, taken},
		"truth in a program": {false, onProgram, `true`, 200, taken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.Flags = staffFor(tc.flag)
			got := newClient(t, w).post(t, "POST", tc.target, jsonType, `[{"student_key":"a","status":"active","course_staff":`+tc.role+`}]`)
			if got.status != tc.status || got.body != tc.want {
				t.Errorf("%d %s, want %d %s", got.status, got.body, tc.status, tc.want)
			}
			if tc.status != 200 {
				if len(w.enroller.writes) > 0 {
					t.Error("it was passed on")
				}
			} else if role := string(w.enroller.writes[0].Items[0]["course_staff"]); role != tc.role {
				t.Errorf("the role arrived as %s", role)
			}
		})
	}
}

// Who is not let in learns nothing from the body; a course run comes before it too.
func TestWhatAWriteIsRefusedForFirst(t *testing.T) {
	t.Parallel()
	const (
		d401 = `{"detail":"Authentication credentials were not provided."}`
		d403 = `{"detail":"You do not have permission to perform this action."}`
		d404 = `{"detail":"Not found."}`
	)
	uploads := []string{"/enrollments/upload", "/course_enrollments/upload/"}
	for name, tc := range map[string]struct {
		caller, target string
		discovery      error
		status         int
		want           string
		fact, value    string
	}{
		"nobody":             {caller: "", target: "masters-cs", status: 401, want: d401},
		"unknown program":    {caller: "JWT registrar", target: "salsa", status: 404, want: d404, fact: "failure", value: "program_not_found"},
		"metadata alone":     {caller: "JWT clerk", target: "masters-cs", status: 403, want: d403, fact: "missing_permissions", value: "[write_enrollments]"},
		"another school":     {caller: "JWT registrar", target: "north-ma", status: 403, want: d403, fact: "missing_permissions", value: "[write_enrollments]"},
		"not a Masters":      {caller: "JWT root", target: "micro-cs", status: 403, want: d403, fact: "missing_permissions", value: "[write_enrollments]"},
		"nothing to be read": {caller: "JWT registrar", target: "masters-cs", discovery: registrar.Fail(registrar.NotFound, "", nil), status: 403, want: d403, fact: "missing_permissions", value: "[write_enrollments]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tc.discovery != nil {
				w.catalog.details = func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
					return registrar.Report[registrar.ProgramDetails]{}, tc.discovery
				}
			}
			cl := newClient(t, w)
			for _, path := range append([]string{"/enrollments", "/courses/NOPE/enrollments"}, uploads...) {
				got := cl.post(t, "POST", "/api/v1/programs/"+tc.target+path, "text/plain", "nonsense", "Authorization", tc.caller)
				if got.status != tc.status || got.body != tc.want {
					t.Errorf("%s: %d %s, want %d %s", path, got.status, got.body, tc.status, tc.want)
				}
				note := w.activities[len(w.activities)-1]
				if tc.fact != "" && fmt.Sprint(note.Facts()[tc.fact]) != tc.value {
					t.Errorf("%s: %s is %v, want %s", path, tc.fact, note.Facts()[tc.fact], tc.value)
				}
			}
			if len(w.enroller.writes)+len(w.submitter.orders) > 0 {
				t.Error("something was started")
			}
		})
	}
}

func TestAWriteToACourseRunThatIsNotThere(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"course-v1:edX+DemoX+Demo_Course": {404, `{"detail":"Not found."}`},
		"not-a-course-key:a+b+c":          {404, `{"detail":"Not found."}`},
		"CS%20101.spring":                 {404, "<h1>Not Found</h1>"},
	} {
		w := newWorld(t)
		got := newClient(t, w).post(t, "POST", "/api/v1/programs/masters-cs/courses/"+target+"/enrollments", "text/plain", "nonsense")
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: %d %s, want %d %s", target, got.status, got.body, want.status, want.body)
		}
		if note := w.activities[len(w.activities)-1]; want.body[0] == '{' && (note.Facts()["failure"] != "course_not_found" || note.Facts()["course_id"] != target) {
			t.Errorf("%s: told as %v", target, note.Facts())
		}
	}
}

func TestAWriteThatCouldNotBeTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enroller.write = func(registrar.EnrollmentWrite) (registrar.WriteReport, error) {
		return registrar.WriteReport{}, registrar.Fail(registrar.Timeout, "An answer did not come in time.", errors.New("canary"))
	}
	got := newClient(t, w).post(t, "POST", onProgram, jsonType, items(1))
	if note := w.activities[len(w.activities)-1]; got.status != 504 || note.Touch == nil {
		t.Errorf("%d %s, touch %v; want 504, on record", got.status, got.body, note.Touch)
	}
}

// Whatever the body, the answer is one of the documented, and nothing but lists of
// objects is passed on.
func FuzzWriteBody(f *testing.F) {
	for _, seed := range []string{items(2), items(26), `[{"student_key":"a","status":"b","course_staff":true}]`, `[[[`, `{"a":1}`, "[\"\xff\"]", `[{"student_key":"\ud800","status":""}]`, ""} {
		f.Add(seed)
	}
	w := newWorld(f)
	cl := newClient(f, w)
	f.Fuzz(func(t *testing.T, body string) {
		w.enroller.writes, w.activities = nil, nil
		got := cl.post(t, "POST", onCourse, jsonType, body)
		switch got.status {
		case 200, 422:
			if n := len(w.enroller.writes[0].Items); len(w.enroller.writes) != 1 || n > 25 {
				t.Errorf("%d writes, %d items", len(w.enroller.writes), n)
			}
		case 400, 403, 413:
			if len(w.enroller.writes) > 0 {
				t.Errorf("%d, and it was passed on", got.status)
			}
		default:
			t.Errorf("status %d", got.status)
		}
	})
}
