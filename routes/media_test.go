package routes_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"registrar/internal/registrar"
	"registrar/routes"
)

// shelf has files by token and name.
type shelf struct {
	files map[string]func(context.Context) (io.ReadCloser, int64, error)
}

func (s shelf) Fetch(ctx context.Context, token, name string) (io.ReadCloser, int64, error) {
	open, ok := s.files[token+" "+name]
	if !ok {
		return nil, 0, registrar.Fail(registrar.NotFound, "Not found.", errors.New("not here"))
	}
	return open(ctx)
}

// file is what a shelf hands out; closed is told once, of every opened one.
type file struct {
	io.Reader
	closed chan struct{}
}

func (f *file) Close() error {
	close(f.closed)
	return nil
}

// holding returns a shelf with one file.
func holding(token, name string, content io.Reader, size int64) (shelf, *file) {
	f := &file{Reader: content, closed: make(chan struct{})}
	return shelf{files: map[string]func(context.Context) (io.ReadCloser, int64, error){
		token + " " + name: func(context.Context) (io.ReadCloser, int64, error) { return f, size, nil },
	}}, f
}

func newRequest(tb testing.TB, target, caller string) *http.Request {
	tb.Helper()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.URL.Opaque, request.RequestURI = target, target
	request.Header.Set("Authorization", caller)
	return request
}

func TestFilesAreHandedOut(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		target, name, kind, saved string
	}{
		"a result": {"job-results/5f3a.json", "job-results/5f3a.json", "application/json", "5f3a.json"},
		"a table":  {"job-results/5f3a.CSV", "job-results/5f3a.CSV", "text/csv; charset=utf-8", "5f3a.CSV"},
		"a page":   {"reports_v2/x/page.html", "reports_v2/x/page.html", "application/octet-stream", "page.html"},
		"no kind":  {"r__2019-12-18", "r__2019-12-18", "application/octet-stream", "r__2019-12-18"},
		"an odd name": {
			"r/a%20%22b%22%3B%0D%0Ac%C3%A4%2B+__2019-12-18.csv", "r/a \"b\";\r\ncä++__2019-12-18.csv", "text/csv; charset=utf-8", "a__b____c_____2019-12-18.csv",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			const content = "a,b\r\n1,2\r\n"
			s, f := holding("t0ken", tc.name, strings.NewReader(content), int64(len(content)))
			w.shelves = []routes.Shelf{shelf{}, s}
			got := newClient(t, w).ask(t, http.MethodGet, "/api/media/t0ken/"+tc.target, "") // nobody known
			if got.status != 200 || got.body != content {
				t.Fatalf("%d %q", got.status, got.body)
			}
			<-f.closed
			for header, want := range map[string]string{
				"Content-Type": tc.kind, "Content-Disposition": `attachment; filename="` + tc.saved + `"`,
				"Content-Length": strconv.Itoa(len(content)), "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
			} {
				if got.header.Get(header) != want {
					t.Errorf("%s: %q, want %q", header, got.header.Get(header), want)
				}
			}
		})
	}
}

// HEAD tells of the file and reads nothing of it.
func TestHeadOfAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, f := holding("t0ken", "1.json", panicking{}, 1234)
	w.shelves = []routes.Shelf{s}
	got := newClient(t, w).ask(t, http.MethodHead, "/api/media/t0ken/1.json", "")
	if got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "1234" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %q %v", got.status, got.body, got.header)
	}
	<-f.closed
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("canary") }

// Whoever guesses learns nothing, not even from another error.
func TestLinksThatOpenNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := holding("t0ken", "job-results/1.json", strings.NewReader(""), 0)
	w.shelves = []routes.Shelf{s}
	cl := newClient(t, w)
	for _, rest := range []string{"t0ken/job-results/2.json", "other/job-results/1.json", "t0ken/job-results%2F1.jso", "t0ken/%zz", "t0ken/../1.json", "%zz/1.json"} {
		got := cl.ask(t, http.MethodGet, "/api/media/"+rest, reporter)
		if got.status != 404 || got.body != "<h1>Not Found</h1>" {
			t.Errorf("%s: %d %s", rest, got.status, got.body)
		}
	}
}

func TestAFileThatCannotBeHadNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shelves = []routes.Shelf{shelf{files: map[string]func(context.Context) (io.ReadCloser, int64, error){
		"t 1.json": func(context.Context) (io.ReadCloser, int64, error) {
			return nil, 0, registrar.Fail(registrar.Unavailable, "Not now.", nil)
		},
	}}}
	if got := newClient(t, w).ask(t, http.MethodGet, "/api/media/t/1.json", ""); got.status != 503 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Half a file does not look like a whole one, whatever cut it, and the log tells
// of it without naming it.
func TestAFileThatBreaksOff(t *testing.T) {
	t.Parallel()
	head := strings.Repeat("x", 100_000)
	const size = 200_000
	cases := map[string]struct {
		rest io.Reader
		size int64
	}{
		"fails":               {failing{}, size},
		"panics":              {panicking{}, size},
		"is shorter":          {strings.NewReader("y"), size},
		"fails, size unknown": {failing{}, -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := newWorld(t), &bytes.Buffer{}
			w.media.Log = slog.New(slog.NewTextHandler(log, nil))
			s, f := holding("t0ken", "1.csv", io.MultiReader(strings.NewReader(head), tc.rest), tc.size)
			w.shelves = []routes.Shelf{s}
			reply := fetchFile(t, serve(t, w)+"/api/media/t0ken/1.csv")
			defer reply.Body.Close()
			body, err := io.ReadAll(reply.Body)
			if err == nil {
				t.Errorf("%d bytes look like a whole file", len(body))
			}
			<-f.closed // the line is written before
			if !strings.Contains(log.String(), "file broke off") || strings.Contains(log.String(), "t0ken") || strings.Contains(log.String(), "1.csv") || strings.Contains(log.String(), "canary") {
				t.Errorf("log %q", log)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func fetchFile(tb testing.TB, target string) *http.Response {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, target, nil)
	if err != nil {
		tb.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	return reply
}

// endless never ends, and tells of every read.
type endless struct{ reads chan struct{} }

func (e endless) Read(p []byte) (int, error) {
	select {
	case e.reads <- struct{}{}:
	default:
	}
	return len(p), nil
}

// A caller who takes nothing is left, however long the file's time.
func TestACallerWhoTakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.media.Pause = 50 * time.Millisecond
	f := cutOff(t, w)
	<-f.closed
}

// A file has a time of its own, whoever goes on taking.
func TestACallerWhoTakesTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.media.Patience = 50 * time.Millisecond
	e := endless{reads: make(chan struct{}, 1)}
	s, f := holding("t0ken", "1.csv", e, 1<<50)
	w.shelves = []routes.Shelf{s}
	reply := fetchFile(t, serve(t, w)+"/api/media/t0ken/1.csv")
	defer reply.Body.Close()
	if n, err := io.Copy(io.Discard, reply.Body); err == nil {
		t.Errorf("%d bytes look like a whole file", n)
	}
	<-f.closed
}

// cutOff asks for a file without end and reads none of it.
func cutOff(t *testing.T, w *world) *file {
	t.Helper()
	e := endless{reads: make(chan struct{}, 1)}
	s, f := holding("t0ken", "1.csv", e, 1<<50)
	w.shelves = []routes.Shelf{s}
	address := strings.TrimPrefix(serve(t, w), "http://")
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /api/media/t0ken/1.csv HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-e.reads
	return f
}
