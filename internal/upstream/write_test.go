package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

func change(method string) upstream.Write {
	return upstream.Write{
		Operation: "thing write", Class: "thing writes", Method: method,
		Path: "/courses/course-v1:NorthU+DE501+T1/things/", Body: []byte(`[{"student_key":"S-20417"}]`),
	}
}

func TestWriteOnTheWire(t *testing.T) {
	t.Parallel()
	type seen struct{ Method, Path, Auth, ID, Type, Accept, Body string }
	var got []seen
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		got = append(got, seen{r.Method, r.URL.EscapedPath(), h.Get("Authorization"), h.Get("X-Request-Id"), h.Get("Content-Type"), h.Get("Accept"), string(body)})
		if r.ContentLength != int64(len(body)) {
			t.Errorf("%d bytes announced, %d sent", r.ContentLength, len(body))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"S-20417":"enrolled"}`))
	})
	c := client(t, upstream.Config{BaseURL: base}, nil)
	var want []seen
	for _, method := range []string{"POST", "PATCH", "PUT"} {
		resp, err := c.Send(registrar.WithRequestID(t.Context(), "req-1"), change(method))
		if err != nil || resp.Status != 200 || string(resp.Body) != `{"S-20417":"enrolled"}` {
			t.Errorf("%s: %d %s, %v", method, resp.Status, resp.Body, err)
		}
		want = append(want, seen{method, "/courses/course-v1:NorthU+DE501+T1/things/", "JWT token-1", "req-1", "application/json", "application/json", `[{"student_key":"S-20417"}]`})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever the status is and whatever comes with it, it is an answer, given once.
func TestEveryStatusAnswersAWrite(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status     int
		kind, body string
		counted    registrar.Kind
	}{
		"200":        {200, "application/json", `{}`, ""},
		"200 page":   {200, "text/html", `<html>`, ""},
		"201":        {201, "application/json", `{}`, ""},
		"204":        {204, "", ``, ""},
		"207":        {207, "application/json", `{}`, ""},
		"400":        {400, "application/json", `{}`, registrar.Upstream},
		"403":        {403, "application/json", `{}`, registrar.Upstream},
		"404":        {404, "application/json", `{}`, registrar.NotFound},
		"413 string": {413, "application/json", `"too many"`, registrar.Upstream},
		"422":        {422, "application/json", `{}`, ""},
		"429":        {429, "application/json", `{"detail":"Expected available in 2 seconds."}`, registrar.Unavailable},
		"500":        {500, "text/html", `<html>`, registrar.Upstream},
		"502":        {502, "text/html", ``, registrar.Upstream},
		"503":        {503, "text/html", ``, registrar.Upstream},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls []upstream.Call
			c := faked(t, upstream.Config{Observe: func(_ context.Context, call upstream.Call) { calls = append(calls, call) }},
				func(*http.Request) (*http.Response, error) { return reply(tc.status, tc.kind, tc.body), nil })
			resp, err := c.Send(t.Context(), change("PUT"))
			if err != nil || resp.Status != tc.status || string(resp.Body) != tc.body {
				t.Errorf("%d %q, %v", resp.Status, resp.Body, err)
			}
			if len(calls) != 1 || calls[0].Status != tc.status || calls[0].Kind != tc.counted || calls[0].Class != "thing writes" || calls[0].Try != 1 {
				t.Errorf("observed %+v", calls)
			}
		})
	}
}

func TestRedirectIsNoAnswerToAWrite(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		var hits atomic.Int32
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			hits.Add(1)
			http.Redirect(w, r, "/else/", status)
		})
		_, err := client(t, upstream.Config{BaseURL: base}, nil).Send(t.Context(), change("PUT"))
		wantFailure(t, err, registrar.Upstream, "upstream_redirect")
		if hits.Load() != 1 {
			t.Errorf("%d: %d requests", status, hits.Load())
		}
	}
}

// rudeLMS answers the first request of every connection, reads each further one
// to its end and hangs up.
type rudeLMS struct {
	mu     sync.Mutex
	writes []string
}

func (l *rudeLMS) listen(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { l.serve(conn) })
		}
	})
	return "http://" + ln.Addr().String()
}

func (l *rudeLMS) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for first := true; ; first = false {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodGet {
			l.mu.Lock()
			l.writes = append(l.writes, r.Method+" "+string(body))
			l.mu.Unlock()
		}
		if !first {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
}

// A connection that was used before and breaks under a write is where HTTP
// clients repeat requests without a word.
func TestWriteIsNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PATCH", "PUT"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			l := &rudeLMS{}
			c := client(t, upstream.Config{BaseURL: l.listen(t), Retries: 5}, nil)
			if _, err := c.Get(t.Context(), read("/")); err != nil {
				t.Fatal(err)
			}
			_, err := c.Send(t.Context(), change(method))
			wantFailure(t, err, registrar.Upstream, "upstream_unreachable")
			if strings.Contains(err.Error(), "NorthU") || strings.Contains(err.Error(), "S-20417") {
				t.Errorf("the error tells too much: %v", err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if diff := cmp.Diff([]string{method + ` [{"student_key":"S-20417"}]`}, l.writes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The transport gets no means to send a body again, for HTTP/2 would use them.
func TestWriteCannotBeReplayed(t *testing.T) {
	t.Parallel()
	var hits int
	c := faked(t, upstream.Config{}, func(r *http.Request) (*http.Response, error) {
		hits++
		if r.GetBody != nil || r.Body == nil {
			t.Error("the body can be read anew")
		}
		return nil, io.ErrUnexpectedEOF
	})
	if _, err := c.Send(t.Context(), change("PUT")); err == nil {
		t.Error("no error")
	}
	if hits != 1 || c.Stats().Retries != 0 {
		t.Errorf("%d requests, stats %+v", hits, c.Stats())
	}
}

func TestOnlyWritesAreSent(t *testing.T) {
	t.Parallel()
	c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
		t.Error("a request was made")
		return nil, io.EOF
	})
	for _, method := range []string{"", "GET", "DELETE", "put"} {
		_, err := c.Send(t.Context(), change(method))
		wantFailure(t, err, registrar.Internal, "upstream_bad_request")
	}
}

func TestWriteRenewsARefusedTokenOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		good string
		want int
	}{
		"token ended": {"JWT token-2", 200},
		"no right":    {"JWT of somebody else", 401},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tokens := &counter{}
			var bodies []string
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(body))
				w.Header().Set("Content-Type", "application/json")
				if r.Header.Get("Authorization") != tc.good {
					w.WriteHeader(http.StatusUnauthorized)
				}
				_, _ = w.Write([]byte(`{}`))
			})
			resp, err := client(t, upstream.Config{BaseURL: base}, tokens).Send(t.Context(), change("POST"))
			if err != nil || resp.Status != tc.want {
				t.Errorf("status %d, %v", resp.Status, err)
			}
			want := []string{`[{"student_key":"S-20417"}]`, `[{"student_key":"S-20417"}]`}
			if diff := cmp.Diff(want, bodies); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"token-1"}, tokens.dropped); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// refusing has no token to give.
type refusing struct{}

func (refusing) Token(context.Context) (string, error) {
	return "", registrar.Fail(registrar.Unavailable, "no token", errors.New("500"))
}
func (refusing) Drop(string) {}

func TestWriteIsNotSentWithoutAToken(t *testing.T) {
	t.Parallel()
	base := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := client(t, upstream.Config{BaseURL: base}, refusing{}).Send(t.Context(), change("POST"))
	if registrar.KindOf(err) != registrar.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestWriteWithTooLargeAnAnswer(t *testing.T) {
	t.Parallel()
	c := faked(t, upstream.Config{MaxBody: 10}, func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"a":"0123456789"}`), nil
	})
	_, err := c.Send(t.Context(), change("POST"))
	wantFailure(t, err, registrar.Upstream, "upstream_garbage")
}

func TestSilentUpstreamTimesAWriteOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits int
		c := faked(t, upstream.Config{Timeout: 2 * time.Second}, func(r *http.Request) (*http.Response, error) {
			hits++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		_, err := c.Send(t.Context(), change("PUT"))
		wantFailure(t, err, registrar.Timeout, "upstream_timeout")
		if hits != 1 || time.Since(start) != 2*time.Second {
			t.Errorf("%d requests in %v", hits, time.Since(start))
		}
	})
}

// Writes have a breaker of their own: reads go on while writes rest.
func TestBreakerRestsWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := faked(t, upstream.Config{Breaker: upstream.BreakerConfig{MinCalls: 4}}, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return fine(r)
			}
			return reply(503, "text/html", ""), nil
		})
		for range 4 {
			if resp, err := c.Send(t.Context(), change("PUT")); err != nil || resp.Status != 503 {
				t.Fatalf("%d, %v", resp.Status, err)
			}
		}
		_, err := c.Send(t.Context(), change("PUT"))
		wantFailure(t, err, registrar.Unavailable, "breaker_open")
		if _, err := c.Get(t.Context(), read("/")); err != nil {
			t.Errorf("a read: %v", err)
		}
	})
}

// A throttled write pauses the class for everybody; background work waits the
// pause out, and others are told how long it is.
func TestWritesKeepToTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits int
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
			if hits++; hits == 1 {
				return reply(429, "application/json", `{}`, "Retry-After", "30"), nil
			}
			return reply(200, "application/json", `{}`), nil
		})
		if resp, err := c.Send(t.Context(), change("PUT")); err != nil || resp.Status != 429 {
			t.Fatalf("%d, %v", resp.Status, err)
		}
		_, err := c.Send(t.Context(), change("PUT"))
		wantFailure(t, err, registrar.Unavailable, "upstream_throttled")
		start := time.Now()
		resp, err := c.Send(registrar.WithBulk(t.Context()), change("PUT"))
		if err != nil || resp.Status != 200 || time.Since(start) < 30*time.Second || hits != 2 {
			t.Errorf("bulk: %d, %v after %v and %d requests", resp.Status, err, time.Since(start), hits)
		}
	})
}

func TestWriteIsTraced(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	var parent string
	c := faked(t, upstream.Config{Tracer: provider.Tracer("test")}, func(r *http.Request) (*http.Response, error) {
		parent = r.Header.Get("Traceparent")
		return reply(207, "application/json", `{}`), nil
	})
	if _, err := c.Send(t.Context(), change("PATCH")); err != nil {
		t.Fatal(err)
	}
	spans := recorder.Ended()
	if len(spans) != 1 || spans[0].Name() != "thing write" || !strings.Contains(parent, spans[0].SpanContext().SpanID().String()) {
		t.Fatalf("spans %v, traceparent %q", spans, parent)
	}
	said := map[attribute.Key]string{}
	for _, a := range spans[0].Attributes() {
		said[a.Key] = a.Value.String()
	}
	if said["http.request.method"] != "PATCH" || said["http.response.status_code"] != "207" || said["registrar.class"] != "thing writes" {
		t.Errorf("attributes %v", said)
	}
}
