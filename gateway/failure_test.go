package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// rendering is what becomes of an error: the detail of v1, the whole body of v3.
type rendering struct {
	err    error
	status int
	v1, v3 string
	retry  string // the Retry-After header
	logged int    // lines with the cause
}

func problem(kind, title string, status int, detail, code string) string {
	return fmt.Sprintf(`{"type":%q,"title":%q,"status":%d,"detail":%q,"code":%q,"request_id":"school-4711"}`, kind, title, status, detail, code)
}

func callersFailures(cause error) map[string]rendering {
	return map[string]rendering{
		"invalid": {
			err: registrar.Fail(registrar.Invalid, "", nil), status: 400,
			v1: "Malformed request.", v3: problem("about:blank", "Bad Request", 400, "Malformed request.", "invalid"),
		},
		"own detail and code": {
			err:    &registrar.Error{Kind: registrar.Invalid, Code: "malformed_course_key", Detail: `"<a>" is no key & more.`},
			status: 400, v1: `\"<a>\" is no key & more.`,
			v3: problem("urn:registrar:problem:malformed_course_key", "Bad Request", 400, `"<a>" is no key & more.`, "malformed_course_key"),
		},
		"forbidden": {
			err: registrar.Fail(registrar.Forbidden, "", nil), status: 403,
			v1: "You do not have permission to perform this action.",
			v3: problem("about:blank", "Forbidden", 403, "You do not have permission to perform this action.", "forbidden"),
		},
		"not found": {
			err: registrar.Fail(registrar.NotFound, "", cause), status: 404,
			v1: "Not found.", v3: problem("about:blank", "Not Found", 404, "Not found.", "not_found"),
		},
		"not acceptable": {
			err: registrar.Fail(registrar.NotAcceptable, "", nil), status: 406,
			v1: "Could not satisfy the request Accept header.",
			v3: problem("about:blank", "Not Acceptable", 406, "Could not satisfy the request Accept header.", "not_acceptable"),
		},
		"conflict": {
			err: registrar.Fail(registrar.Conflict, "Two runs.", nil), status: 409,
			v1: "Two runs.", v3: problem("about:blank", "Conflict", 409, "Two runs.", "conflict"),
		},
		"too large": {
			err: registrar.Fail(registrar.TooLarge, "", nil), status: 413, v1: "The request body is too large.",
			v3: problem("about:blank", "Request Entity Too Large", 413, "The request body is too large.", "too_large"),
		},
		"unsupported media": {
			err: registrar.Fail(registrar.UnsupportedMedia, "", nil), status: 415, v1: "Unsupported media type in request.",
			v3: problem("about:blank", "Unsupported Media Type", 415, "Unsupported media type in request.", "unsupported_media_type"),
		},
		"too many": {
			err: &registrar.Error{Kind: registrar.TooMany, RetryAfter: 1500 * time.Millisecond}, status: 429, retry: "2",
			v1: "Request was throttled.", v3: problem("about:blank", "Too Many Requests", 429, "Request was throttled.", "too_many_requests"),
		},
	}
}

func ourFailures(cause error) map[string]rendering {
	return map[string]rendering{
		"nobody classified": {
			err: cause, status: 500, logged: 1, v1: "A server error occurred.",
			v3: problem("about:blank", "Internal Server Error", 500, "A server error occurred.", "internal"),
		},
		"upstream": {
			err: registrar.Fail(registrar.Upstream, "", cause), status: 502, logged: 1, v1: "An upstream service gave no usable answer.",
			v3: problem("about:blank", "Bad Gateway", 502, "An upstream service gave no usable answer.", "upstream"),
		},
		"unavailable": {
			err: registrar.Fail(registrar.Unavailable, "", cause), status: 503, logged: 1, retry: "5",
			v1: "The service is not available at the moment.",
			v3: problem("about:blank", "Service Unavailable", 503, "The service is not available at the moment.", "unavailable"),
		},
		"unavailable for a known time": {
			err:    fmt.Errorf("aggregate: %w", &registrar.Error{Kind: registrar.Unavailable, RetryAfter: time.Minute}),
			status: 503, logged: 1, retry: "60", v1: "The service is not available at the moment.",
			v3: problem("about:blank", "Service Unavailable", 503, "The service is not available at the moment.", "unavailable"),
		},
		"out of time": {
			err: fmt.Errorf("aggregate: %w", context.DeadlineExceeded), status: 504, logged: 1,
			v1: "An answer did not come in time.", v3: problem("about:blank", "Gateway Timeout", 504, "An answer did not come in time.", "timeout"),
		},
		"cancelled": {
			err: fmt.Errorf("aggregate: %w", context.Canceled), status: 503, logged: 1, retry: "5", v1: "The server is shutting down.",
			v3: problem("urn:registrar:problem:shutting_down", "Service Unavailable", 503, "The server is shutting down.", "shutting_down"),
		},
		"fiber's own": {
			err: fiber.NewError(404, "Cannot GET /canary"), status: 404,
			v1: "Not found.", v3: problem("about:blank", "Not Found", 404, "Not found.", "not_found"),
		},
		"fiber's own, internal": {
			err: fiber.NewError(500, "canary"), status: 500, logged: 1, v1: "A server error occurred.",
			v3: problem("about:blank", "Internal Server Error", 500, "A server error occurred.", "internal"),
		},
	}
}

func TestErrorsAreRenderedOnce(t *testing.T) {
	t.Parallel()
	cause := errors.New("canary.internal: password authentication failed")
	cases := callersFailures(cause)
	maps.Copy(cases, ourFailures(cause))
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fail := func(c *fiber.Ctx) error {
				c.Set("ETag", `"of what never came"`)
				c.Set("Cache-Control", "private, max-age=60")
				c.Set("Content-Type", "text/csv")
				c.Set("Content-Disposition", `attachment; filename="x.csv"`)
				c.Response().SetBodyString("half an answer")
				return tc.err
			}
			s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{on("GET", "/api/v1/x", fail), on("GET", "/api/v3/x", fail)}})
			for path, want := range map[string][2]string{
				"/api/v1/x": {"application/json", `{"detail":"` + tc.v1 + `"}`},
				"/api/v3/x": {"application/problem+json", tc.v3},
			} {
				got := s.ask(t, "GET", path, "X-Request-ID: school-4711")
				if diff := cmp.Diff(want, [2]string{got.header.Get("Content-Type"), got.body}); got.status != tc.status || diff != "" {
					t.Errorf("%s: status %d, want %d (-want +got):\n%s", path, got.status, tc.status, diff)
				}
				if got.header.Get("Retry-After") != tc.retry || got.header.Get("Cache-Control") != "private, no-store" ||
					got.header.Get("ETag") != "" || got.header.Get("Content-Disposition") != "" {
					t.Errorf("%s: headers %v; want Retry-After %q and nothing of the half answer", path, got.header, tc.retry)
				}
			}
			lines := s.log.lines(t, "request failed")
			if len(lines) != 2*tc.logged {
				t.Errorf("%d failures in the log for two requests, want %d", len(lines), 2*tc.logged)
			}
			for _, line := range lines {
				if line["request_id"] != "school-4711" || !strings.Contains(fmt.Sprint(line["error"]), causeOf(tc.err)) {
					t.Errorf("line %v, want the request id and the cause", line)
				}
			}
		})
	}
}

// causeOf is the text at the end of err's chain.
func causeOf(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func TestAPanicIsA500AndTheProcessLives(t *testing.T) {
	t.Parallel()
	var none map[string]int
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/api/v1/value", func(*fiber.Ctx) error { panic("canary@school.example") }),
		on("GET", "/api/v1/runtime", func(*fiber.Ctx) error { none["x"] = 1; return nil }),
		on("GET", "/api/v1/well", greet),
	}})
	for _, path := range []string{"/api/v1/value", "/api/v1/runtime"} {
		if got := s.ask(t, "GET", path); got.status != 500 || got.body != detail("A server error occurred.") {
			t.Errorf("%s = %d %s, want a plain 500", path, got.status, got.body)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/well"); got.status != 200 {
		t.Errorf("after the panics: %d", got.status)
	}
	lines := s.log.lines(t, "request failed")
	if len(lines) != 2 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "panic with a string") ||
		!strings.Contains(fmt.Sprint(lines[1]["error"]), "nil map") || !strings.Contains(fmt.Sprint(lines[0]["stack"]), "failure_test.go") {
		t.Errorf("log = %v, want both panics with their stacks", lines)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("the log quotes the value of a panic")
	}
}
