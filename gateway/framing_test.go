package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
)

// echo answers with what arrived.
func echo(c *fiber.Ctx) error {
	return c.SendString(c.Method() + " " + c.Path() + " " + string(c.Body()))
}

// Each shape is one that some server reads as two requests, or as another one.
// None may reach a handler, and nothing may be read from its connection after it.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/a", echo), on("POST", "/a", echo),
	}})
	const end = "\r\n\r\n"
	for name, request := range map[string]string{
		"length and encoding":        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
		"encoding and length":        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nCONTENT-LENGTH: 6\r\n\r\n0\r\n\r\nG",
		"length and encoding, //":    "POST //a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
		"two lengths":                "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 3\r\n\r\nabc",
		"two equal lengths":          "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"length with a sign":         "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
		"length list":                "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
		"unknown encoding":           "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
		"two encodings":              "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity encoding":          "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
		"space before the colon":     "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
		"line feed in a chunk":       "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\n",
		"encoding on HTTP/1.0":       "POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"bare line feeds":            "GET /a HTTP/1.1\nHost: x\n\n",
		"two hosts":                  "GET /a HTTP/1.1\r\nHost: x\r\nHost: y" + end,
		"no host":                    "GET /a HTTP/1.1" + end,
		"NUL in a header":            "GET /a HTTP/1.1\r\nHost: x\r\nX-A: a\x00b" + end,
		"folded header":              "GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\tb" + end,
		"folded authorization":       "GET /a HTTP/1.1\r\nHost: x\r\nAuthorization: JWT\r\n  abc" + end,
		"two authorizations":         "GET /a HTTP/1.1\r\nHost: x\r\nAuthorization: JWT a\r\nauthorization: JWT b" + end,
		"another host's target":      "GET http://evil/a HTTP/1.1\r\nHost: x" + end,
		"another port's target":      "GET http://x:81/a HTTP/1.1\r\nHost: x" + end,
		"user in the target":         "GET http://x@evil/a HTTP/1.1\r\nHost: x" + end,
		"server-wide options":        "OPTIONS * HTTP/1.1\r\nHost: x" + end,
		"fragment in the target":     "GET /a#b HTTP/1.1\r\nHost: x" + end,
		"dot segments":               "GET /b/../a HTTP/1.1\r\nHost: x" + end,
		"encoded dot segments":       "GET /b/%2e%2E/a HTTP/1.1\r\nHost: x" + end,
		"encoded slashes and dots":   "GET /b%2f..%2Fa HTTP/1.1\r\nHost: x" + end,
		"dot segment with parameter": "GET /b/..;x/a HTTP/1.1\r\nHost: x" + end,
		"single dot":                 "GET /./a HTTP/1.1\r\nHost: x" + end,
		"trailing dots":              "GET /a/.. HTTP/1.1\r\nHost: x" + end,
		"backslash":                  "GET /b\\..\\a HTTP/1.1\r\nHost: x" + end,
		"encoded backslash":          "GET /b%5Ca HTTP/1.1\r\nHost: x" + end,
		"encoded NUL":                "GET /a%00 HTTP/1.1\r\nHost: x" + end,
		"encoded line break":         "GET /a%0d%0aX: HTTP/1.1\r\nHost: x" + end,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			_, _ = io.WriteString(c, request+"GET /a HTTP/1.1\r\nHost: smuggled"+end)
			answers, err := io.ReadAll(c)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("the connection was not closed: %v", err)
			}
			if len(answers) > 0 && !strings.HasPrefix(string(answers), "HTTP/1.1 400 ") {
				t.Errorf("got %q, want 400", answers)
			}
			if n := strings.Count(string(answers), "HTTP/1.1 "); n > 1 {
				t.Errorf("%d answers on one connection: %q", n, answers)
			}
		})
	}
}

func TestPlainRequestsAreNotRefused(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{on("POST", "/a", echo), on("GET", "/b/:key", echo)}})
	for name, tc := range map[string]struct{ request, want string }{
		"length":             {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST /a abc"},
		"chunks":             {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "POST /a abc"},
		"HTTP/1.0":           {"POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "POST /a abc"},
		"this host's target": {"POST http://X/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST /a abc"},
		"encoded twice":      {"GET /b/%252e%252e HTTP/1.1\r\nHost: x\r\n\r\n", "GET /b/%252e%252e "},
		"dots in a name":     {"GET /b/...v1..x. HTTP/1.1\r\nHost: x\r\n\r\n", "GET /b/...v1..x. "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.raw(t, "POST", tc.request); got.status != 200 || got.body != tc.want {
				t.Errorf("got %d %q, want %q", got.status, got.body, tc.want)
			}
		})
	}
}

// A caller's header must not pose as one that a proxy in front of us sets.
func TestHeaderNamesWithUnderscoresAreDropped(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/a", func(c *fiber.Ctx) error { return c.SendString(c.Request().Header.String()) }),
	}})
	got := s.ask(t, "GET", "/a", "X_Forwarded_User: canary", "x_user: canary", "X-Forwarded_Proto: canary", "X-Good: kept")
	if strings.Contains(got.body, "canary") || !strings.Contains(got.body, "kept") {
		t.Errorf("headers that arrived: %q", got.body)
	}
}

// What comes after a body over the limit is not a request.
func TestNothingIsReadAfterABodyOverTheLimit(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{BodyLimit: 4}, gateway.Deps{Public: []gateway.Mounter{on("POST", "/a", echo)}})
	c := s.dial(t)
	one := "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[1,2]"
	_, _ = io.WriteString(c, one+one)
	r := bufio.NewReader(c)
	if got := readAnswer(t, r, "POST"); got.status != 413 {
		t.Errorf("first answer = %d, want 413", got.status)
	}
	// Unread input makes the system reset the connection instead of closing it.
	if rest, err := r.ReadByte(); err == nil || !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("after the 413 came %q, %v; want the end", rest, err)
	}
}
