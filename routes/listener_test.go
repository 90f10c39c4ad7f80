package routes_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"registrar/internal/registrar"
)

// serve runs the API behind a real listener and returns its address.
func serve(tb testing.TB, w *world) string {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	app := gatewayFor(w)
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	tb.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := app.Shutdown(); err != nil {
			tb.Error(err)
		}
		_ = listener.Close() // a Shutdown before Serve does not close it
		if err := <-served; err != nil {
			tb.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// fetch asks as the registrar of MITx, with the target just as it is written.
func fetch(tb testing.TB, address, target string) response {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, address, nil)
	if err != nil {
		tb.Fatal(err)
	}
	request.URL.Opaque = strings.TrimPrefix(address, "http:") + target
	request.Header.Set("Authorization", "JWT registrar")
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatalf("%s: %v", target, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		tb.Fatalf("%s: %v", target, err)
	}
	return response{status: reply.StatusCode, header: reply.Header, body: string(body)}
}

func TestSpellingsOfACourseRun(t *testing.T) {
	t.Parallel()
	const first, second, third = "course-v1:MITx+6.001+2026", "MITx/6.002/2026", "course-v1:MITx+6.003+2026"
	const program = "/api/v3/programs/masters-cs/"
	cases := map[string]string{
		"courses/course-v1:MITx+6.001+2026/grades":                           first,
		"courses/course-v1:MITx+6.001+2026/grades/":                          first,
		"courses/course-v1%3AMITx%2B6.001%2B2026/grades":                     first,
		"courses/course-v1%3aMITx%2b6.001%2b2026/grades/":                    first,
		"courses/course-v1:MITx%2B6.001+2026/grades":                         first,
		"courses/CS%20101.spring/grades":                                     first,
		"courses/CS%20101%2Espring/grades/":                                  first,
		"courses/MITx/6.002/2026/grades":                                     second,
		"courses/MITx/6.002/2026/grades/":                                    second,
		"courses/MITx%2F6.002%2F2026/grades":                                 second,
		"courses/MITx%2f6.002/2026/grades":                                   second,
		"courses/=TWIN/grades":                                               third,
		"courses/%3DTWIN/grades":                                             third,
		"grades?course_id=course-v1:MITx+6.001+2026":                         first,
		"grades?course_id=course-v1%3AMITx%2B6.001%2B2026":                   first,
		"grades?course_id=course-v1%3AMITx+6.001+2026":                       first,
		"grades?course_id=CS+101.spring":                                     first,
		"grades?course_id=CS%20101.spring":                                   first,
		"grades?course_id=MITx/6.002/2026":                                   second,
		"grades?course_id=MITx%2F6.002%2F2026":                               second,
		"grades?course_id=CS+101.spring&course_id=%3DTWIN":                   first + " " + third,
		"grades/?course_id=%3DTWIN&course_id=CS+101.spring":                  third + " " + first,
		"grades?course_id=CS+101.spring&course_id=course-v1:MITx+6.001+2026": first,
		"grades": "",
	}
	w := newWorld(t)
	var asked []registrar.CourseID
	known := w.tables.grades
	w.tables.grades = func(ctx context.Context, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
		asked = ids
		return known(ctx, ids)
	}
	address := serve(t, w)
	for target, want := range cases {
		got := fetch(t, address, program+target)
		if text := strings.Trim(fmt.Sprint(asked), "[]"); got.status != 200 || text != want {
			t.Errorf("%s: %d, course runs %q, want %q", target, got.status, text, want)
		}
	}
}

func TestCourseRunsThatAreNotThere(t *testing.T) {
	t.Parallel()
	const program = "/api/v3/programs/masters-cs/"
	cases := map[string]struct {
		status int
		code   string
	}{
		"courses/NOPE/grades":                                    {404, "course_not_in_program"},
		"courses/course-v1:MITx+9+2026/grades":                   {404, "course_not_in_program"},
		"courses/course-v1%253AMITx%252B6.001%252B2026/grades":   {404, "course_not_in_program"},
		"courses/MITx/6.002/2026//grades":                        {404, "course_not_in_program"},
		"courses/mitx/6.002/2026/grades":                         {404, "course_not_in_program"},
		"courses/..%2F..%2Fadmin/grades":                         {404, "course_not_in_program"},
		"courses/course-v1:MITx+6.001/grades":                    {400, "malformed_course_key"},
		"courses/%zz/grades":                                     {400, "malformed_course_key"},
		"grades?course_id=NOPE":                                  {404, "course_not_in_program"},
		"grades?course_id=":                                      {400, "malformed_course_key"},
		"grades?course_id=course-v1:MITx+6.001":                  {400, "malformed_course_key"},
		"grades?course_id=course-v1%253AMITx%252B6.001%252B2026": {404, "course_not_in_program"},
	}
	address := serve(t, newWorld(t))
	for target, want := range cases {
		got := fetch(t, address, program+target)
		if got.status != want.status || !strings.Contains(got.body, `"code":"`+want.code+`"`) {
			t.Errorf("%s: %d %s, want %d %s", target, got.status, got.body, want.status, want.code)
		}
	}
}

func TestAnExternalKeyOfTwoRunsIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known := w.catalog.details
	w.catalog.details = func(ctx context.Context, p registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
		report, err := known(ctx, p)
		report.Value.Curricula[0].Runs[1].ExternalKey = "=TWIN"
		return report, err
	}
	cl := newClient(t, w)
	for _, target := range []string{"courses/=TWIN/completion", "completion?course_id=%3DTWIN"} {
		if got := cl.get(t, "/api/v3/programs/masters-cs/"+target); got.status != 409 {
			t.Errorf("%s: status %d, want 409", target, got.status)
		}
	}
}

// Whatever stands where a course id should, the answer is one of the documented.
func FuzzCourseID(f *testing.F) {
	for _, seed := range []string{"course-v1:MITx+6.001+2026", "MITx%2F6.002%2F2026", "%", "%00", "..", "a/grades/b", "+", "é"} {
		f.Add(seed)
	}
	w := newWorld(f)
	cl := newClient(f, w)
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '#' || r == 0x7f }) {
			return // does not reach a route
		}
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Opaque = "/api/v3/programs/masters-cs/courses/" + raw + "/grades"
		request.RequestURI = request.URL.Opaque
		request.Header.Set("Authorization", "JWT registrar")
		if got := cl.send(t, request); got.status >= 500 {
			t.Errorf("%q: status %d", raw, got.status)
		}
	})
}
