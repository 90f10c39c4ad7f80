package gateway_test

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

func TestOneLineForEachRequest(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/learners/:student_key/programs", greet),
			on("GET", "/api/v3/missing", func(*fiber.Ctx) error { return registrar.Fail(registrar.NotFound, "", nil) }),
		},
		Public: []gateway.Mounter{on("GET", "/stream", func(c *fiber.Ctx) error {
			c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { _, _ = w.WriteString("rows") })
			return nil
		})},
	})
	caller := "Authorization: JWT " + bearer(t, "ada")
	for _, tc := range []struct {
		method, target string
		want           map[string]any
	}{
		{"GET", "/api/v3/learners/s-1/programs/?org=NorthU", map[string]any{"level": "INFO", "method": "GET", "route": "/api/v3/learners/:student_key/programs", "status": 200.0}},
		{"HEAD", "/api/v3/learners/s-1/programs", map[string]any{"level": "INFO", "method": "HEAD", "route": "/api/v3/learners/:student_key/programs", "status": 200.0}},
		{"GET", "/api/v3/missing", map[string]any{"level": "INFO", "method": "GET", "route": "/api/v3/missing", "status": 404.0, "kind": "not_found", "code": "not_found"}},
		{"GET", "/s-1", map[string]any{"level": "INFO", "method": "GET", "route": "unmatched", "status": 404.0, "kind": "not_found", "code": "no_route"}},
		{"S-1", "/s-1", map[string]any{"level": "INFO", "method": "other", "route": "unmatched", "status": 405.0, "kind": "method_not_allowed", "code": "method_not_allowed"}},
		{"GET", "/stream", map[string]any{"level": "INFO", "method": "GET", "route": "/stream", "status": 200.0, "bytes": -1.0}},
		{"GET", "/livez", map[string]any{"level": "DEBUG", "method": "GET", "route": "/livez", "status": 200.0}},
	} {
		before := len(s.log.lines(t, "request"))
		got := s.ask(t, tc.method, tc.target, caller)
		lines := s.log.lines(t, "request")
		if len(lines) != before+1 {
			t.Fatalf("%s %s wrote %d lines, want 1", tc.method, tc.target, len(lines)-before)
		}
		line := lines[before]
		if took, ok := line["duration_ms"].(float64); !ok || took < 0 || line["request_id"] != got.header.Get("X-Request-ID") {
			t.Errorf("line %v, want a duration and the id that was answered", line)
		}
		if tc.want["bytes"] == nil {
			tc.want["bytes"] = float64(len(got.body))
		}
		maps.DeleteFunc(line, func(name string, _ any) bool {
			return slices.Contains([]string{"time", "msg", "duration_ms", "request_id"}, name)
		})
		if diff := cmp.Diff(tc.want, line); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.target, diff)
		}
	}
}

// Whatever a caller sends, well-formed or not, stays out of the log and, where it
// is a secret, out of the answer.
func TestNothingPersonalIsLogged(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{BodyLimit: 100}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v3/learners/:student_key", greet),
		on("POST", "/api/v1/learners/:student_key", func(*fiber.Ctx) error { panic("canary-student") }),
	}})
	token := bearer(t, "canary-username")
	stale := token[:len(token)-3] + "AAA"
	const end = "\r\n\r\n"
	body := "Content-Length: 101" + end + strings.Repeat("canary-body", 10)
	for name, request := range map[string]string{
		"good":            "GET /api/v3/learners/canary-student?email=canary@school.example HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + token + end,
		"panic":           "POST /api/v1/learners/canary-student HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: JWT " + token + end,
		"bad token":       "GET /api/v3/learners/canary-student HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + stale + end,
		"not allowed":     "PUT /api/v3/learners/canary-student HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: JWT " + token + end,
		"unmatched":       "GET /canary-student HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + token + end,
		"two credentials": "GET /a HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + token + "\r\nAuthorization: JWT " + token + end,
		"no HTTP version": "GET /canary-student\r\nAuthorization: JWT " + token + end,
		"no host":         "GET /canary-student HTTP/1.1\r\nAuthorization: JWT " + token + end,
		"NUL":             "GET /a HTTP/1.1\r\nHost: x\r\nX-Email: canary@school.example\x00\r\nAuthorization: JWT " + token + end,
		"bad header":      "GET /a HTTP/1.1\r\nHost: x\r\ncanary@school.example\r\nAuthorization: JWT " + token + end,
		"bad length":      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: canary\r\nAuthorization: JWT " + token + end,
		"odd method":      "CANARY@ /a HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + token + end,
		"too long":        "POST /api/v3/learners/canary-student HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + token + "\r\n" + body,
		"request id":      "GET /a HTTP/1.1\r\nHost: x\r\nX-Request-ID: canary@school.example" + end,
		"TLS":             "\x16\x03\x01canary-student" + end,
	} {
		got := s.raw(t, "GET", request)
		if got.status == 200 {
			got.body = strings.ReplaceAll(got.body, "hello canary-username", "")
		}
		text := strings.ToLower(fmt.Sprint(got.body, got.header))
		if strings.Contains(text, "canary") || strings.Contains(text, strings.ToLower(token[:20])) {
			t.Errorf("%s: the answer quotes the request: %s", name, text)
		}
	}
	log := strings.ToLower(s.log.String())
	if strings.Contains(log, "canary") || strings.Contains(log, strings.ToLower(token[:20])) || strings.Contains(log, secret) {
		t.Errorf("the log tells who asked for what:\n%s", log)
	}
	if n := len(s.log.lines(t, "request")); n != 15 {
		t.Errorf("%d access lines, want one for each of the 15 requests", n)
	}
}
