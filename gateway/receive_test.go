package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
)

const streamedPath = "/api/v1/upload"

// streaming mounts a private route whose handler reads at most limit bytes of its
// body itself, and one that does not.
func streaming(limit int64) gateway.Deps {
	count := func(c *fiber.Ctx) error {
		n, err := io.Copy(io.Discard, io.LimitReader(c.Context().RequestBodyStream(), limit))
		if err != nil {
			return err
		}
		return c.SendString(strconv.FormatInt(n, 10))
	}
	return gateway.Deps{
		Private: []gateway.Mounter{on("POST", streamedPath, count), on("POST", "/api/v1/plain", echo)},
		Streams: func(path string) bool { return strings.TrimSuffix(path, "/") == streamedPath },
	}
}

func TestStreamedBodiesHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{BodyLimit: 10}, streaming(1<<20))
	head := " HTTP/1.1\r\nHost: x\r\nAuthorization: JWT " + bearer(t, "ada") + "\r\n"
	body := strings.Repeat("x", 1000)
	for name, tc := range map[string]struct {
		request string
		status  int
		body    string
	}{
		"length":             {"POST " + streamedPath + head + "Content-Length: 1000\r\n\r\n" + body, 200, "1000"},
		"slash":              {"POST " + streamedPath + "/" + head + "Content-Length: 1000\r\n\r\n" + body, 200, "1000"},
		"chunks":             {"POST " + streamedPath + head + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + body + "\r\n0\r\n\r\n", 200, "1000"},
		"another route":      {"POST /api/v1/plain" + head + "Content-Length: 1000\r\n\r\n" + body, 413, detail("The request body is too large.")},
		"a path that is not": {"POST " + streamedPath + "/x" + head + "Content-Length: 1000\r\n\r\n" + body, 413, detail("The request body is too large.")},
		"no such method":     {"PATCH " + streamedPath + head + "Content-Length: 1000\r\n\r\n" + body, 405, detail(`Method \"PATCH\" not allowed.`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.raw(t, "POST", tc.request); got.status != tc.status || got.body != tc.body {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, tc.status, tc.body)
			}
		})
	}
}

// A caller who sends all of a large body before listening reads the answer all the
// same, and what was not read is no request.
func TestWhatAHandlerLeavesOfABodyIsDiscarded(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, streaming(100))
	caller := "Authorization: JWT " + bearer(t, "ada") + "\r\n"
	const size = 4 << 20
	body := strings.Repeat("GET / HTTP/1.1\r\n", size/16)
	for name, tc := range map[string]struct {
		head   string
		status int
	}{
		"handler":        {caller, 200},
		"no credentials": {"", 401},
	} {
		for framing, rest := range map[string]string{
			"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, body),
			"chunks": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, body),
		} {
			t.Run(name+", "+framing, func(t *testing.T) {
				t.Parallel()
				c := s.dial(t)
				r := bufio.NewReader(c)
				for range 2 {
					if _, err := io.WriteString(c, "POST "+streamedPath+" HTTP/1.1\r\nHost: x\r\n"+tc.head+rest); err != nil {
						t.Fatal(err)
					}
					if got := readAnswer(t, r, "POST"); got.status != tc.status || got.closed {
						t.Errorf("got %d, closed %v; want %d on a connection that stays", got.status, got.closed, tc.status)
					}
				}
			})
		}
	}
}

func TestABodyWithoutEndEndsItsConnection(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, streaming(100))
	c := s.dial(t)
	head := "POST " + streamedPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
	// The server itself waits for the first 8 KiB.
	if _, err := io.WriteString(c, head+strings.Repeat("x", 10_000)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if got := readAnswer(t, r, "POST"); got.status != 401 {
		t.Errorf("got %d, want 401 without waiting for the rest", got.status)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("after the answer came %q, %v; want the end", rest, err)
	}
}
