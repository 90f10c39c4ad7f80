package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// held is a handler that says when it began and goes on when it is let.
func held() (handler fiber.Handler, began <-chan struct{}, release chan struct{}) {
	begin, release := make(chan struct{}, 1), make(chan struct{})
	return func(c *fiber.Ctx) error {
		begin <- struct{}{}
		select {
		case <-release:
			return c.SendString("finished")
		case <-c.UserContext().Done():
			return c.UserContext().Err()
		}
	}, begin, release
}

func TestDrain(t *testing.T) {
	t.Parallel()
	handler, began, release := held()
	s := start(t, gateway.Config{DrainDelay: 2 * time.Second}, gateway.Deps{Public: []gateway.Mounter{on("GET", "/slow", handler)}})
	slow := s.dial(t)
	if _, err := io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	if got := s.ask(t, "GET", "/readyz"); got.status != 200 {
		t.Fatalf("before the drain: %d", got.status)
	}
	s.stop()
	// Readiness fails first, while requests are still served.
	for got := s.ask(t, "GET", "/readyz"); got.status != 503; got = s.ask(t, "GET", "/readyz") {
		if got.status != 200 {
			t.Fatalf("readyz = %d", got.status)
		}
	}
	if got := s.ask(t, "GET", "/readyz"); got.body != `{"status":"draining","failing":[]}` {
		t.Errorf("readyz = %s, want draining", got.body)
	}
	if lines := s.log.lines(t, "draining"); len(lines) != 1 {
		t.Errorf("%d lines tell of the drain, want 1", len(lines))
	}
	if got := s.ask(t, "GET", "/livez"); got.status != 200 {
		t.Errorf("livez while draining = %d", got.status)
	}
	// A kept connection is given up by its caller before it is taken away.
	kept := s.dial(t)
	if _, err := io.WriteString(kept, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := readAnswer(t, bufio.NewReader(kept), "GET"); got.status != 200 || !got.closed {
		t.Errorf("on a kept connection: %d, closed %v; want it closed", got.status, got.closed)
	}
	// Then no new connection is taken …
	<-s.deaf
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr); err == nil {
		_ = c.Close()
		t.Error("a connection was taken after the drain delay")
	}
	// … and the running request still gets its answer.
	close(release)
	if got := readAnswer(t, bufio.NewReader(slow), "GET"); got.body != "finished" || !got.closed {
		t.Errorf("the running request got %d %q, closed %v", got.status, got.body, got.closed)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func TestWhatOutlivesTheDrainIsCancelled(t *testing.T) {
	t.Parallel()
	handler, began, _ := held()
	s := start(t, gateway.Config{DrainTimeout: 50 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{on("GET", "/api/v3/slow", handler)}})
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET /api/v3/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	s.stop()
	if err := <-s.done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve = %v, want one that says that requests were still running", err)
	}
	if got := readAnswer(t, bufio.NewReader(c), "GET"); got.status != 503 || !strings.Contains(got.body, `"code":"shutting_down"`) {
		t.Errorf("the running request got %d %s, want 503 shutting_down", got.status, got.body)
	}
}

func TestServeEndsWhenItWasStoppedBeforeItBegan(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(gateway.Config{DrainDelay: -1}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)})
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Serve(ctx, ln); err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestServeTellsWhenTheListenerBreaks(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(gateway.Config{}, gateway.Deps{People: anyone(), Verifier: sharedSecret(t)})
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Serve(t.Context(), ln); err == nil {
		t.Error("Serve on a closed listener = nil, want an error")
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func TestARequestHasADeadline(t *testing.T) {
	t.Parallel()
	handler, _, _ := held()
	s := start(t, gateway.Config{RequestTimeout: 20 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/api/v3/slow", handler),
		on("GET", "/api/v3/cause", func(c *fiber.Ctx) error {
			<-c.UserContext().Done()
			return context.Cause(c.UserContext())
		}),
	}})
	for path, code := range map[string]string{"/api/v3/slow": "timeout", "/api/v3/cause": "request_timeout"} {
		if got := s.ask(t, "GET", path); got.status != 504 || !strings.Contains(got.body, `"code":"`+code+`"`) {
			t.Errorf("%s = %d %s, want 504 %s", path, got.status, got.body, code)
		}
	}
}

// A table is written after its handler returned; its context must not be over then.
func TestAStreamedAnswerKeepsItsContext(t *testing.T) {
	t.Parallel()
	plain := make(chan context.Context, 1)
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/stream", func(c *fiber.Ctx) error {
			ctx := c.UserContext()
			c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
				if ctx.Err() == nil && registrar.RequestID(ctx) == "school-4711" {
					_, _ = w.WriteString("rows")
				}
			})
			return nil
		}),
		on("GET", "/plain", func(c *fiber.Ctx) error { plain <- c.UserContext(); return nil }),
	}})
	if got := s.ask(t, "GET", "/stream", "X-Request-ID: school-4711"); got.body != "rows" {
		t.Errorf("stream = %q, want its rows", got.body)
	}
	if got := s.ask(t, "HEAD", "/stream"); got.status != 200 || got.body != "" {
		t.Errorf("HEAD of a stream = %d %q, want 200 without a body", got.status, got.body)
	}
	s.ask(t, "GET", "/plain")
	if ctx := <-plain; ctx.Err() == nil {
		t.Error("the context of a finished request is still running")
	}
}

// brokenStream is a stream that breaks off after its first bytes.
type brokenStream struct{ closed bool }

func (b *brokenStream) Read(p []byte) (int, error) {
	if len(p) > 3 {
		return copy(p, "row"), errors.New("the rest is lost")
	}
	return 0, errors.New("no room")
}

func (b *brokenStream) Close() error {
	b.closed = true
	return nil
}

// Who speaks HTTP/1.0 knows no chunks: they would stand in the table.
func TestOldClientsGetNoChunks(t *testing.T) {
	t.Parallel()
	lost := &brokenStream{}
	stream := func(body func() io.Reader) fiber.Handler {
		return func(c *fiber.Ctx) error {
			c.Context().SetBodyStream(body(), -1)
			return nil
		}
	}
	s := start(t, gateway.Config{}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/table", stream(func() io.Reader { return strings.NewReader("a,b\r\n1,2\r\n") })),
		on("GET", "/lost", stream(func() io.Reader { return lost })),
	}})
	for _, method := range []string{"GET", "HEAD"} {
		got := s.raw(t, method, method+" /table HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if got.status != 200 || got.header.Get("Transfer-Encoding") != "" || method == "GET" && got.header.Get("Content-Length") != "10" {
			t.Errorf("%s: %d, headers %v", method, got.status, got.header)
		}
		if want := map[string]string{"GET": "a,b\r\n1,2\r\n"}[method]; got.body != want {
			t.Errorf("%s: body %q, want %q", method, got.body, want)
		}
	}
	got := s.raw(t, "GET", "GET /lost HTTP/1.0\r\n\r\n")
	if got.status != 500 || strings.Contains(got.body, "row") || !lost.closed {
		t.Errorf("a stream that broke off: %d %q, closed %t", got.status, got.body, lost.closed)
	}
}

// What streams is read as a whole for who speaks HTTP/1.0, so it has to be short;
// a file, which tells its length, streams to everybody.
func TestOldClientsGetNoEndlessAnswers(t *testing.T) {
	t.Parallel()
	const held = 100_000
	body := func(size, told int) fiber.Handler {
		return func(c *fiber.Ctx) error {
			c.Context().SetBodyStream(strings.NewReader(strings.Repeat("x", size)), told)
			return nil
		}
	}
	s := start(t, gateway.Config{MaxBuffered: held}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/short", body(held, -1)), on("GET", "/long", body(held+1, -1)), on("GET", "/file", body(held+1, held+1)),
	}})
	for path, want := range map[string]struct{ status, length int }{
		"/short": {200, held}, "/long": {406, 0}, "/file": {200, held + 1},
	} {
		got := s.raw(t, "GET", "GET "+path+" HTTP/1.0\r\n\r\n")
		if got.status != want.status || want.length > 0 && len(got.body) != want.length {
			t.Errorf("%s: %d with %d bytes, want %d with %d", path, got.status, len(got.body), want.status, want.length)
		}
		if strings.Contains(got.body, "answer_too_long") != (want.status == 406) {
			t.Errorf("%s: %.200s", path, got.body)
		}
		if over := s.ask(t, "GET", path); over.status != 200 || len(over.body) < held {
			t.Errorf("%s by HTTP/1.1: %d with %d bytes", path, over.status, len(over.body))
		}
	}
}

func TestSlowSendersAreCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{ReadTimeout: 50 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{on("POST", "/a", echo)}})
	for name, begun := range map[string]string{
		"head": "POST /a HTTP/1.1\r\nHos",
		"body": "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.raw(t, "POST", begun)
			if got.status != 408 || !got.closed || got.header.Get("X-Request-ID") == "" || !strings.Contains(got.body, "request_too_slow") {
				t.Errorf("got %d %s, closed %v; want 408 and the end", got.status, got.body, got.closed)
			}
		})
	}
}

// Who sends a little now and then gets no more time than who sends nothing.
func TestDribblersAreCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{ReadTimeout: 200 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{on("POST", "/a", echo)}})
	for name, begun := range map[string]string{
		"head": "POST /a HTTP/1.1\r\n",
		"body": "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			if _, err := io.WriteString(c, begun); err != nil {
				t.Fatal(err)
			}
			drops := time.NewTicker(10 * time.Millisecond)
			defer drops.Stop()
			for range 1000 { // ten seconds, if it is let
				<-drops.C
				if _, err := io.WriteString(c, "a"); err != nil {
					return
				}
			}
			t.Error("a thousand drops were taken")
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{IdleTimeout: 30 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{on("GET", "/a", greet)}})
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if got := readAnswer(t, r, "GET"); got.status != 200 || got.closed {
		t.Fatalf("got %d, closed %v; want the connection to be kept", got.status, got.closed)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("an idle connection ended with %v, want EOF", err)
	}
}

// A caller who does not read must not hold the writer for ever.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := start(t, gateway.Config{WriteTimeout: 50 * time.Millisecond}, gateway.Deps{Public: []gateway.Mounter{
		on("GET", "/a", func(c *fiber.Ctx) error {
			c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
				row := strings.Repeat("x", 1<<16)
				for range 1 << 12 { // more than the buffers of both ends hold
					if _, err := w.WriteString(row); err != nil {
						ended <- err
						return
					}
				}
				ended <- nil
			})
			return nil
		}),
	}})
	if _, err := io.WriteString(s.dial(t), "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("256 MiB were written to a caller who reads nothing")
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	handler, began, release := held()
	s := start(t, gateway.Config{Concurrency: 1}, gateway.Deps{Public: []gateway.Mounter{on("GET", "/slow", handler)}})
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	if got := s.ask(t, "GET", "/slow"); got.status != 503 {
		t.Errorf("the second connection got %d, want 503", got.status)
	}
	close(release)
	if got := readAnswer(t, bufio.NewReader(c), "GET"); got.body != "finished" {
		t.Errorf("the first got %d %q", got.status, got.body)
	}
}
