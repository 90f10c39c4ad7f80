package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"registrar/gateway"
)

// Bodies of the passthrough are not read before its handler runs. The shapes that
// some server reads as two requests must still not become two: neither here, on
// the caller's connection, nor upstream.
func TestPassthroughRefusesAmbiguousRequests(t *testing.T) {
	t.Parallel()
	const path = "/lms/api/site"
	post := "POST " + path + " HTTP/1.1\r\nHost: x\r\n"
	token := as(t, "root") + "\r\n"
	const end = "\r\n\r\n"
	for name, request := range map[string]string{
		"length and encoding":        post + token + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
		"encoding and length":        post + token + "Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 6\r\n\r\n0\r\n\r\nG",
		"two lengths":                post + token + "Content-Length: 1\r\nContent-Length: 3\r\n\r\nabc",
		"two equal lengths":          post + token + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"length with a sign":         post + token + "Content-Length: +3\r\n\r\nabc",
		"length list":                post + token + "Content-Length: 3, 3\r\n\r\nabc",
		"unknown encoding":           post + token + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
		"two encodings":              post + token + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity encoding":          post + token + "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
		"space before the colon":     post + token + "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
		"line feed in a chunk":       post + token + "Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\n",
		"no size of a chunk":         post + token + "Transfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"a chunk too long":           post + token + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
		"encoding on HTTP/1.0":       "POST " + path + " HTTP/1.0\r\nHost: x\r\n" + token + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"bare line feeds":            "GET " + path + " HTTP/1.1\nHost: x\n" + strings.TrimSuffix(token, "\r\n") + "\n\n",
		"two hosts":                  post + "Host: y\r\n" + token + "Content-Length: 0" + end,
		"no host":                    "GET " + path + " HTTP/1.1\r\n" + token + "\r\n",
		"NUL in a header":            "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + token + "X-A: a\x00b" + end,
		"folded header":              "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + token + "Accept: a\r\n\tb" + end,
		"two authorizations":         "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + token + "authorization: JWT b" + end,
		"another host's target":      "GET http://evil" + path + " HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"fragment in the target":     "GET " + path + "#b HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"dot segments":               "GET /lms/api/x/../site HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"encoded dot segments":       "GET /lms/api/x/%2e%2E/site HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"encoded slashes and dots":   "GET /lms/x%2f..%2Fapi/site HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"dot segment with parameter": "GET /lms/api/x/..;a/site HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"encoded line break":         "GET " + path + "%0d%0aX: HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"encoded NUL":                "GET " + path + "%00 HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, nil), testRules(), nil)
			c := p.dial(t)
			_, _ = io.WriteString(c, request+"GET /lms/api/site/ HTTP/1.1\r\nHost: smuggled\r\n"+token+"\r\n")
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
			if asked := p.requests(); len(asked) > 0 && asked[0].method != "POST" || len(asked) > 1 {
				t.Errorf("the upstream was asked %v", asked)
			}
		})
	}
}

// A body that nobody wants is not read as the next request: whoever could put one
// into a body would speak with another caller's connection.
func TestPassthroughUnreadBodiesAreNoRequests(t *testing.T) {
	t.Parallel()
	hidden := "GET /lms/api/site HTTP/1.1\r\nHost: smuggled\r\n" + as(t, "root") + "\r\n\r\n"
	pad := strings.Repeat(hidden, 40) // more than the server reads at once
	for name, tc := range map[string]struct {
		line   string
		caller string
		status int
	}{
		"nobody":        {"POST " + note + csUUID, "", 401},
		"a stranger":    {"POST " + note + csUUID, "stranger", 403},
		"no such path":  {"POST /lms/none", "root", 404},
		"no such verb":  {"PUT " + note + csUUID, "root", 405},
		"a bad request": {"POST " + note + "x", "root", 400},
		"a read":        {"GET " + note + csUUID, "root", 200},
		"not allowed":   {"TRACE " + note + csUUID, "root", 405},
	} {
		for framing, body := range map[string][2]string{
			"announced": {"Content-Length: " + strconv.Itoa(len(pad)), pad},
			"short":     {"Content-Length: " + strconv.Itoa(len(hidden)), hidden},
			"chunked":   {"Transfer-Encoding: chunked", chunked(pad) + "0\r\n\r\n"},
		} {
			t.Run(name+", "+framing, func(t *testing.T) {
				t.Parallel()
				p := startPassing(t, newUpstream(t, nil), testRules(), nil)
				request := tc.line + " HTTP/1.1\r\nHost: x\r\n" + body[0] + "\r\n"
				if tc.caller != "" {
					request += as(t, tc.caller) + "\r\n"
				}
				c := p.dial(t)
				_, _ = io.WriteString(c, request+"\r\n"+body[1]+"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				r := bufio.NewReader(c)
				method, _, _ := strings.Cut(tc.line, " ")
				if got := readAnswer(t, r, method); got.status != tc.status {
					t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
				}
				// Then the next request, or the end of the connection; nothing else.
				rest, err := io.ReadAll(r)
				if err != nil && !strings.Contains(err.Error(), "reset") {
					t.Errorf("the connection hangs: %v", err)
				}
				if text := string(rest); text != "" && (!strings.Contains(text, "alive") || strings.Count(text, "HTTP/1.1 ") != 1) {
					t.Errorf("then came %q", text)
				}
				for _, asked := range p.requests() {
					if asked.uri == "/api/site" {
						t.Fatal("the body was read as a request")
					}
				}
			})
		}
	}
}

// A sender who dribbles a body ends with the time that the server gives to the
// arrival of a request.
func TestPassthroughSlowBodies(t *testing.T) {
	t.Parallel()
	p := startPassing(t, newUpstream(t, nil), testRules(), func(c *gateway.Config, _ *gateway.PassthroughConfig, _ *school) {
		c.ReadTimeout = 200 * time.Millisecond
	})
	for _, path := range []string{note + csUUID, "/api/v3/none"} {
		c := p.dial(t)
		_, _ = io.WriteString(c, head(t, "north", "POST "+path, "Content-Length: 100000")+strings.Repeat("x", 10_000))
		got := readAnswer(t, bufio.NewReader(c), http.MethodPost)
		if got.status != 400 && got.status != 408 || !got.closed {
			t.Errorf("%s: %d %s, closed %v", path, got.status, got.body, got.closed)
		}
	}
}
