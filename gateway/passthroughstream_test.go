package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// chunked writes a chunk of a request's body.
func chunked(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

func head(t *testing.T, caller, request string, headers ...string) string {
	t.Helper()
	lines := append([]string{request + " HTTP/1.1", "Host: x", as(t, caller)}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// The first bytes of a body reach the upstream before the caller has sent the last,
// and the first of the answer reach the caller before the upstream has.
func TestPassthroughStreamsBothWays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers     []string
		first, last string
		length      int64
	}{
		"announced": {[]string{"Content-Length: 65541"}, "first", strings.Repeat("x", 65536), 65541},
		"chunked":   {[]string{"Transfer-Encoding: chunked"}, chunked("first"), chunked("last") + "0\r\n\r\n", -1},
		"expected":  {[]string{"Expect: 100-continue", "Transfer-Encoding: chunked"}, chunked("first"), "0\r\n\r\n", -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived, answeredTo := make(chan string), make(chan struct{})
			u := rawUpstream(t, func(u *upstream, w http.ResponseWriter, r *http.Request) {
				first := make([]byte, 5)
				_, _ = io.ReadFull(r.Body, first)
				arrived <- string(first)
				rest, err := io.ReadAll(r.Body)
				if err != nil {
					t.Errorf("the rest of the body: %v", err)
				}
				u.note(r, strconv.Itoa(len(rest)))
				_, _ = io.WriteString(w, "one ")
				_ = http.NewResponseController(w).Flush()
				<-answeredTo
				_, _ = io.WriteString(w, "two")
			})
			p := startPassing(t, u, testRules(), nil)
			c := p.dial(t)
			_, _ = io.WriteString(c, head(t, "north", "POST "+note+csUUID, tc.headers...))
			r := bufio.NewReader(c)
			if name == "expected" {
				if line, _ := r.ReadString('\n'); !strings.Contains(line, "100") {
					t.Errorf("got %q, want to be told to go on", line)
				}
				_, _ = r.ReadString('\n')
			}
			if name == "announced" { // what fits into the server's first read is not streamed
				tc.first, tc.last = tc.first+tc.last[:60000], tc.last[60000:]
			}
			_, _ = io.WriteString(c, tc.first)
			if got := <-arrived; got != "first" {
				t.Errorf("the upstream read %q", got)
			}
			_, _ = io.WriteString(c, tc.last)
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			begin := make([]byte, 4)
			if _, err := io.ReadFull(response.Body, begin); err != nil || string(begin) != "one " {
				t.Errorf("the answer begins with %q, %v", begin, err)
			}
			close(answeredTo)
			if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "two" {
				t.Errorf("and goes on with %q, %v", rest, err)
			}
			if sent := p.only(t); sent.length != tc.length {
				t.Errorf("the upstream was told a length of %d, want %d", sent.length, tc.length)
			}
			// The connection is good for another request.
			_, _ = io.WriteString(c, head(t, "root", "GET /livez"))
			if got := readAnswer(t, r, "GET"); got.status != 200 {
				t.Errorf("the next request: %d", got.status)
			}
		})
	}
}

// A rule's limit is its own, above or below the server's.
func TestPassthroughLimitsBodies(t *testing.T) {
	t.Parallel()
	rules := []gateway.Rule{
		{Name: "small", Upstream: gateway.LMS, Path: "/small", Methods: []string{"POST"}, MaxBody: 1000},
		{Name: "large", Upstream: gateway.LMS, Path: "/large", Methods: []string{"POST"}, MaxBody: 300_000},
	}
	for name, tc := range map[string]struct {
		path, body string
		chunks     bool
		headers    []string
		status     int
		asked      bool // the upstream may have begun to read a chunked body
	}{
		"as long as allowed":        {path: "/small", body: strings.Repeat("x", 1000), status: 200, asked: true},
		"too long":                  {path: "/small", body: strings.Repeat("x", 1001), status: 413},
		"chunked":                   {path: "/small", body: strings.Repeat("x", 1000), chunks: true, status: 200, asked: true},
		"chunked, too long":         {path: "/small", body: strings.Repeat("x", 1001), chunks: true, status: 413, asked: true},
		"above the server's":        {path: "/large", body: strings.Repeat("x", 300_000), status: 200, asked: true},
		"above the server's, more":  {path: "/large", body: strings.Repeat("x", 300_001), status: 413},
		"a form":                    {path: "/large", body: "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n", headers: []string{"Content-Type: multipart/form-data; boundary=b"}, status: 200, asked: true},
		"packed":                    {path: "/small", body: "x", headers: []string{"Content-Encoding: gzip"}, status: 415},
		"empty":                     {path: "/small", status: 200, asked: true},
		"chunked, broken framing":   {path: "/small", body: "x", headers: []string{"Transfer-Encoding: chunked"}, status: 400, asked: true},
		"chunked, huge":             {path: "/small", body: "ffffffffffffffff\r\n", headers: []string{"Transfer-Encoding: chunked"}, status: 400, asked: true},
		"chunked, a bare line feed": {path: "/small", body: "1;\nxx\r\na\r\n0\r\n\r\n", headers: []string{"Transfer-Encoding: chunked"}, status: 400, asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := make(chan string, 1)
			u := rawUpstream(t, func(_ *upstream, w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					whole <- string(body)
				}
				w.WriteHeader(http.StatusOK)
			})
			p := startPassing(t, u, rules, func(c *gateway.Config, _ *gateway.PassthroughConfig, _ *school) { c.BodyLimit = 100_000 })
			headers, body := tc.headers, tc.body
			switch {
			case tc.chunks:
				headers, body = append(headers, "Transfer-Encoding: chunked"), chunked(body[:1])+chunked(body[1:])+"0\r\n\r\n"
			case !strings.Contains(strings.Join(headers, ""), "chunked"):
				headers = append(headers, fmt.Sprintf("Content-Length: %d", len(body)))
			}
			got := p.raw(t, "POST", head(t, "root", "POST /lms"+tc.path, headers...)+body)
			if got.status != tc.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.status)
			}
			select {
			case body := <-whole:
				if tc.status != 200 || body != tc.body {
					t.Errorf("the upstream got a whole body of %d bytes", len(body))
				}
			default:
				if tc.status == 200 {
					t.Error("the upstream got no whole body")
				}
			}
		})
	}
}

// An upstream that answers before it has read the body ends the exchange, also for
// a caller who never sends the rest.
func TestPassthroughAnEarlyAnswer(t *testing.T) {
	t.Parallel()
	u := rawUpstream(t, func(_ *upstream, w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 10))
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusConflict)
		_ = http.NewResponseController(w).Flush()
		// It ends when our side hangs up, and not before: the body never does.
		_, _ = io.Copy(io.Discard, r.Body)
	})
	p := startPassing(t, u, testRules(), nil)
	start := time.Now()
	got := p.raw(t, "POST", head(t, "north", "POST "+note+csUUID, "Content-Length: 100000")+strings.Repeat("x", 9000))
	if got.status != 409 || !got.closed {
		t.Errorf("%d, closed %v; want 409 and the end of the connection", got.status, got.closed)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v: somebody waited for the rest of the body", took)
	}
}

// A caller who leaves in the middle of an answer ends the work upstream.
func TestPassthroughEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	u := rawUpstream(t, func(_ *upstream, w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if r.Context().Err() != nil {
				return
			}
		}
	})
	p := startPassing(t, u, testRules(), nil)
	c := p.dial(t)
	_, _ = io.WriteString(c, head(t, "north", "GET "+note+csUUID))
	if _, err := io.ReadFull(c, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Error("the upstream is still asked")
	}
}

// Half an answer never looks like a whole one.
func TestPassthroughBrokenAnswers(t *testing.T) {
	t.Parallel()
	hijack := func(w http.ResponseWriter, text string) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, text)
		_ = c.Close()
	}
	for name, answer := range map[string]func(w http.ResponseWriter){
		"announced": func(w http.ResponseWriter) { hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") },
		"chunked": func(w http.ResponseWriter) {
			hijack(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunked("half"))
		},
		"over the limit": func(w http.ResponseWriter) { _, _ = io.WriteString(w, strings.Repeat("x", 200_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
			p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.MaxAnswer = 100_000 })
			c := p.dial(t)
			_, _ = io.WriteString(c, head(t, "north", "GET "+note+csUUID))
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err == nil {
				defer response.Body.Close()
				_, err = io.ReadAll(response.Body)
			}
			if err == nil {
				t.Error("the answer looks whole")
			}
		})
	}
}

func TestPassthroughAnAnswerThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "2000")
		_, _ = io.WriteString(w, strings.Repeat("x", 2000))
	})
	p := startPassing(t, u, testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) { c.MaxAnswer = 1999 })
	if got := p.ask(t, "GET", note+csUUID, as(t, "north")); got.status != 502 || !strings.Contains(got.body, "upstream_too_long") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A caller of HTTP/1.0 gets a whole answer as long as it may be held in memory; a
// longer one is an error of its own, and what breaks off is no half answer.
func TestPassthroughHoldsNoLongAnswerForHTTP10(t *testing.T) {
	t.Parallel()
	const held = 100_000
	write := func(announce, size int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if announce > 0 {
				w.Header().Set("Content-Length", strconv.Itoa(announce))
			}
			_, _ = io.WriteString(w, strings.Repeat("x", size/2))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, strings.Repeat("x", size-size/2))
		}
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		status int
		code   string
	}{
		"all that may be held":   {write(0, held), 200, ""},
		"the same, announced":    {write(held, held), 200, ""},
		"too long":               {write(0, held+1), 502, "upstream_too_long"},
		"too long, and says so":  {write(held+1, held+1), 502, "upstream_too_long"},
		"breaks off":             {write(held, held/2), 502, "upstream_garbage"},
		"nothing to be sent":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
		"an error of the server": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 502, "upstream_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, tc.answer), testRules(), func(_ *gateway.Config, c *gateway.PassthroughConfig, _ *school) {
				c.MaxBuffered = held
			})
			got := p.raw(t, "GET", "GET "+note+csUUID+" HTTP/1.0\r\nHost: x\r\n"+as(t, "north")+"\r\n\r\n")
			if got.status != tc.status || tc.code != "" && !strings.Contains(got.body, `"code":"`+tc.code+`"`) {
				t.Errorf("%d %.300s, want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if tc.status == 200 && len(got.body) != held {
				t.Errorf("%d bytes, want %d", len(got.body), held)
			}
			if tc.code != "upstream_too_long" {
				return
			}
			if over := p.ask(t, "GET", note+csUUID, as(t, "north")); over.status != 200 || len(over.body) != held+1 {
				t.Errorf("over HTTP/1.1, where it streams: %d, %d bytes", over.status, len(over.body))
			}
		})
	}
}

// The status and the headers of HEAD are those of GET; 204 and 304 have no body.
func TestPassthroughWithoutBody(t *testing.T) {
	t.Parallel()
	status := 200
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"tag"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"tag"`)
		w.WriteHeader(status)
		if status != 204 {
			_, _ = io.WriteString(w, "12345")
		}
	})
	p := startPassing(t, u, testRules(), nil)
	north := as(t, "north")
	got := p.ask(t, "HEAD", note+csUUID, north)
	if got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "5" || got.header.Get("ETag") != `"tag"` {
		t.Errorf("HEAD: %d %q %v", got.status, got.body, got.header)
	}
	if sent := p.only(t); sent.method != "GET" {
		t.Errorf("the upstream was asked by %s", sent.method)
	}
	if got := p.ask(t, "GET", note+csUUID, north, `If-None-Match: "tag"`); got.status != 304 || got.body != "" {
		t.Errorf("conditional: %d %q", got.status, got.body)
	}
	if got := p.ask(t, "DELETE", note+csUUID, north, `If-None-Match: "tag"`); got.status != 200 {
		t.Errorf("a condition on a write: %d", got.status)
	}
	status = 204
	if got := p.ask(t, "DELETE", note+csUUID, north); got.status != 204 || got.body != "" {
		t.Errorf("DELETE: %d %q", got.status, got.body)
	}
}

func TestPassthroughEndsInTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ rule, server time.Duration }{
		"the rule's":   {50 * time.Millisecond, time.Minute},
		"the server's": {time.Minute, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{}, 2)
			u := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				ended <- struct{}{}
			})
			rules := []gateway.Rule{
				{Name: "a", Upstream: gateway.LMS, Path: "/a", Timeout: tc.rule},
				{Name: "kept", Upstream: gateway.LMS, Path: "/kept/{course_key}", Timeout: tc.rule, Cache: time.Minute, Permission: registrar.ReadMetadata},
			}
			p := startPassing(t, u, rules, func(c *gateway.Config, _ *gateway.PassthroughConfig, _ *school) { c.RequestTimeout = tc.server })
			if got := p.ask(t, "GET", "/lms/a", as(t, "root")); got.status != 504 {
				t.Errorf("%d %s, want 504", got.status, got.body)
			}
			<-ended
			if tc.rule > time.Second {
				return // a flight outlives its caller
			}
			if got := p.ask(t, "GET", "/lms/kept/"+csRun, as(t, "root")); got.status != 504 {
				t.Errorf("kept: %d %s, want 504", got.status, got.body)
			}
			<-ended
		})
	}
}

// What the drain waits for, it waits for here too, and then cancels.
func TestPassthroughIsCancelledWithTheServer(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	u := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	p := startPassing(t, u, testRules(), func(c *gateway.Config, _ *gateway.PassthroughConfig, _ *school) {
		c.DrainTimeout = 50 * time.Millisecond
	})
	c := p.dial(t)
	_, _ = io.WriteString(c, head(t, "north", "GET "+note+csUUID))
	<-begun
	p.stop()
	if got := readAnswer(t, bufio.NewReader(c), "GET"); got.status != 503 || !strings.Contains(got.body, "shutting_down") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
