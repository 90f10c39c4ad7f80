package lms_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream/lms"
)

// received keeps what an LMS was sent, and answers with answer.
type received struct {
	mu     sync.Mutex
	bodies []string
	answer http.HandlerFunc
}

func (l *received) handle(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	l.bodies = append(l.bodies, r.Method+" "+string(body))
	l.mu.Unlock()
	l.answer(w, r)
}

// writesTo are the two kinds of write, to call one after the other.
func writesTo(t *testing.T, c *lms.Client) map[string]func(context.Context, string, ...registrar.WriteItem) (registrar.WriteAnswer, error) {
	t.Helper()
	return map[string]func(context.Context, string, ...registrar.WriteItem) (registrar.WriteAnswer, error){
		base + "enrollments/": func(ctx context.Context, method string, items ...registrar.WriteItem) (registrar.WriteAnswer, error) {
			return c.WriteProgramEnrollments(ctx, method, program, items)
		},
		base + "courses/" + run + "/enrollments/": func(ctx context.Context, method string, items ...registrar.WriteItem) (registrar.WriteAnswer, error) {
			return c.WriteCourseEnrollments(ctx, method, program, key(t, run), items)
		},
	}
}

func TestItemsAreSentUntouched(t *testing.T) {
	t.Parallel()
	items := []registrar.WriteItem{
		{"student_key": json.RawMessage(`"<S&1>"`), "status": json.RawMessage(`"enrolled"`), "big": json.RawMessage(`9007199254740993.10`)},
		{"student_key": json.RawMessage(`"\ud83d\u00e9"`), "status": json.RawMessage(`"x"`), "course_staff": json.RawMessage(`null`), "more": json.RawMessage(`{"a": [1]}`)},
	}
	want := ` [{"big":9007199254740993.10,"status":"enrolled","student_key":"<S&1>"},` +
		`{"course_staff":null,"more":{"a":[1]},"status":"x","student_key":"\ud83d\u00e9"}]`
	l := &received{answer: say(200, `{"<S&1>":"enrolled"}`)}
	c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{
		base + "enrollments/": l.handle, base + "courses/" + run + "/enrollments/": l.handle,
	})
	for path, write := range writesTo(t, c) {
		l.bodies = nil
		for _, method := range []string{"POST", "PATCH", "PUT"} {
			answer, err := write(t.Context(), method, items...)
			if err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			if diff := cmp.Diff(registrar.WriteAnswer{Status: 200, Results: map[registrar.StudentKey]string{"<S&1>": "enrolled"}}, answer); diff != "" {
				t.Error(diff)
			}
		}
		if diff := cmp.Diff([]string{"POST" + want, "PATCH" + want, "PUT" + want}, l.bodies); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestWriteAnswers(t *testing.T) {
	t.Parallel()
	type results = map[registrar.StudentKey]string
	tests := map[string]struct {
		answer http.HandlerFunc
		status int
		want   results
	}{
		"200":             {say(200, `{"a":"enrolled","b":"pending"}`), 200, results{"a": "enrolled", "b": "pending"}},
		"201":             {say(201, `{"a":"enrolled"}`), 201, results{"a": "enrolled"}},
		"207":             {say(207, `{"a":"conflict"}`), 207, results{"a": "conflict"}},
		"422":             {say(422, `{"a":"conflict"}`), 422, results{"a": "conflict"}},
		"empty object":    {say(200, `{}`), 200, results{}},
		"odd values":      {say(200, `{"a":null,"b":1.50,"c":{"x": [1, "y"]},"d":true,"e":""}`), 200, results{"a": "null", "b": "1.50", "c": `{"x":[1,"y"]}`, "d": "true", "e": ""}},
		"mislabelled":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"a":"enrolled"}`)) }, 200, results{"a": "enrolled"}},
		"list":            {say(200, `["a"]`), 200, nil},
		"null":            {say(200, `null`), 200, nil},
		"empty":           {say(200, ``), 200, nil},
		"half":            {say(200, `{"a":"enr`), 200, nil},
		"garbage":         {page(200), 200, nil},
		"422 string":      {say(422, `"no"`), 422, nil},
		"202 with object": {say(202, `{"a":"enrolled"}`), 202, nil},
		"204":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 204, nil},
		"400 with object": {say(400, `{"a":"enrolled"}`), 400, nil},
		"401":             {say(401, `{"a":"enrolled"}`), 401, nil},
		"404":             {say(404, `{"error_code":"program_does_not_exist"}`), 404, nil},
		"413":             {say(413, `"25 > 26"`), 413, nil},
		"500":             {page(500), 500, nil},
	}
	item := registrar.WriteItem{"student_key": json.RawMessage(`"a"`)}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{
				base + "enrollments/": tc.answer, base + "courses/" + run + "/enrollments/": tc.answer,
			})
			for path, write := range writesTo(t, c) {
				answer, err := write(t.Context(), "PUT", item)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if diff := cmp.Diff(registrar.WriteAnswer{Status: tc.status, Results: tc.want}, answer); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
		})
	}
}

func TestWritesThatAreNotAnswered(t *testing.T) {
	t.Parallel()
	redirect := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := map[string]struct {
		answer http.HandlerFunc
		code   string
	}{
		"redirect": {redirect, "upstream_redirect"},
		"hang-up":  {hangUp, "upstream_unreachable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{
				base + "enrollments/": tc.answer, base + "courses/" + run + "/enrollments/": tc.answer,
			})
			for path, write := range writesTo(t, c) {
				_, err := write(t.Context(), "PUT", registrar.WriteItem{"student_key": json.RawMessage(`"a"`)})
				wantFailure(t, err, registrar.Upstream, tc.code)
				if f.hit(path) != 1 {
					t.Errorf("%s was sent %d times", path, f.hit(path))
				}
			}
		})
	}
}

func TestWritesThatMakeNoSenseAreNotSent(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{}, nil)
	item := registrar.WriteItem{"student_key": json.RawMessage(`"S-20417`)}
	for path, write := range writesTo(t, c) {
		_, err := write(t.Context(), "PUT", item)
		if registrar.KindOf(err) != registrar.Internal {
			t.Errorf("%s: %v", path, err)
		}
	}
	_, err := c.WriteProgramEnrollments(t.Context(), "PUT", "../accounts", nil)
	wantFailure(t, err, registrar.Invalid, "malformed_program_uuid")
	_, err = c.WriteCourseEnrollments(t.Context(), "PUT", "../accounts", key(t, run), nil)
	wantFailure(t, err, registrar.Invalid, "malformed_program_uuid")
	_, err = c.WriteCourseEnrollments(t.Context(), "PUT", program, registrar.CourseKey{}, nil)
	wantFailure(t, err, registrar.Invalid, "malformed_course_key")
	if len(f.hits) != 0 {
		t.Errorf("sent %v", f.hits)
	}
}
