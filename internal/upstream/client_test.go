package upstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	type seen struct{ Path, Query, Auth, ID, Accept, Language, Agent string }
	var got seen
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		got = seen{r.URL.EscapedPath(), r.URL.RawQuery, h.Get("Authorization"), h.Get("X-Request-Id"), h.Get("Accept"), h.Get("Accept-Language"), h.Get("User-Agent")}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":9007199254740993}`))
	})
	c := client(t, upstream.Config{BaseURL: base + "/prefix/", UserAgent: "registrar/1"}, nil)
	course, err := registrar.ParseCourseKey("course-v1:NorthU+DE501+T1é")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Get(registrar.WithRequestID(t.Context(), "req-1"), upstream.Request{
		Operation: "thing", Path: "/courses/" + course.PathSegment() + "/",
		Query: url.Values{"course_id": {course.String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := seen{"/prefix/courses/course-v1:NorthU+DE501+T1%C3%A9/", "course_id=course-v1%3ANorthU%2BDE501%2BT1%C3%A9", "JWT token-1", "req-1", "application/json", "en", "registrar/1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var body struct{ ID int64 }
	if err := resp.Decode(&body); err != nil || body.ID != 9007199254740993 {
		t.Errorf("body = %+v, %v", body, err)
	}
}

func TestStatusesAreClassified(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		header []string
		body   string
		kind   registrar.Kind
		code   string
		after  time.Duration
	}{
		"400":                   {400, nil, `{"detail":"x"}`, registrar.Upstream, "upstream_rejected", 0},
		"401":                   {401, nil, `{"developer_message":"Token has expired."}`, registrar.Upstream, "upstream_denied", 0},
		"403":                   {403, nil, `{"detail":"x"}`, registrar.Upstream, "upstream_denied", 0},
		"404":                   {404, nil, `{"detail":"x"}`, registrar.NotFound, "upstream_not_found", 0},
		"404 bare":              {404, []string{"Content-Type", "text/html"}, ``, registrar.NotFound, "upstream_not_found", 0},
		"404 page":              {404, []string{"Content-Type", "text/html"}, `<html>`, registrar.Upstream, "upstream_no_route", 0},
		"301":                   {301, []string{"Location", "/else/"}, ``, registrar.Upstream, "upstream_redirect", 0},
		"429 header":            {429, []string{"Retry-After", "37"}, `{}`, registrar.Unavailable, "upstream_throttled", 37 * time.Second},
		"429 detail":            {429, nil, `{"detail":"Request was throttled. Expected available in 3600 seconds."}`, registrar.Unavailable, "upstream_throttled", time.Hour},
		"429 developer message": {429, nil, `{"developer_message":"Request was throttled. Expected available in 1 second."}`, registrar.Unavailable, "upstream_throttled", time.Second},
		"429 nested message":    {429, nil, `{"developer_message":["available in 5 seconds"]}`, registrar.Unavailable, "upstream_throttled", 5 * time.Second},
		"429 silent":            {429, nil, `<html>`, registrar.Unavailable, "upstream_throttled", 0},
		"429 absurd":            {429, []string{"Retry-After", "99999999"}, ``, registrar.Unavailable, "upstream_throttled", time.Hour},
		"429 date gone":         {429, []string{"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"}, ``, registrar.Unavailable, "upstream_throttled", 0},
		"500":                   {500, nil, `<html>secret trace</html>`, registrar.Upstream, "upstream_error", 0},
		"503":                   {503, []string{"Retry-After", "20"}, ``, registrar.Upstream, "upstream_error", 20 * time.Second},
		"200 html":              {200, []string{"Content-Type", "text/html"}, `<html>log in</html>`, registrar.Upstream, "upstream_garbage", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := faked(t, upstream.Config{Retries: -1}, func(*http.Request) (*http.Response, error) {
				return reply(tc.status, "application/json", tc.body, tc.header...), nil
			})
			_, err := c.Get(t.Context(), read("/users/mira_k/"))
			wantFailure(t, err, tc.kind, tc.code)
			if got := registrar.RetryAfterOf(err); got != tc.after {
				t.Errorf("retry after = %v, want %v", got, tc.after)
			}
			if text := err.Error(); strings.Contains(text, "mira_k") || strings.Contains(text, "secret") || strings.Contains(text, "lms.test") {
				t.Errorf("the error tells too much: %s", text)
			}
		})
	}
}

func TestBodiesAreClassified(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ contentType, body, code string }{
		"object":      {"application/json", `{"id":1}`, ""},
		"vendor json": {"application/vnd.api+json; charset=utf-8", `{"id":1}`, ""},
		"null":        {"application/json", " null\n", "upstream_garbage"},
		"list":        {"application/json", `[]`, "upstream_garbage"},
		"truncated":   {"application/json", `{"id":1`, "upstream_garbage"},
		"two values":  {"application/json", `{"id":1}{"id":2}`, "upstream_garbage"},
		"empty":       {"application/json", ``, "upstream_garbage"},
		"wrong type":  {"application/json", `{"id":"S-20417"}`, "upstream_garbage"},
		"too large":   {"application/json", `{"id":1` + strings.Repeat(" ", 200) + `}`, "upstream_garbage"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hits atomic.Int32
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				hits.Add(1)
				w.Header().Set("Content-Type", tc.contentType)
				_, _ = w.Write([]byte(tc.body))
			})
			c := client(t, upstream.Config{BaseURL: base, MaxBody: 100}, nil)
			resp, err := c.Get(t.Context(), read("/"))
			if err == nil {
				var into struct{ ID json.Number }
				err = resp.Decode(&into)
			}
			if tc.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFailure(t, err, registrar.Upstream, tc.code)
			if strings.Contains(err.Error(), "S-20417") {
				t.Errorf("the error quotes a value: %v", err)
			}
			if hits.Load() != 1 {
				t.Errorf("hits = %d, want 1: garbage is not asked for again", hits.Load())
			}
		})
	}
}

func TestNoContentHasNoBody(t *testing.T) {
	t.Parallel()
	c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
		return reply(204, "application/json", `{"results":[]}`), nil
	})
	resp, err := c.Get(t.Context(), read("/"))
	if err != nil || resp.Status != 204 || resp.Body != nil {
		t.Errorf("got %+v, %v", resp, err)
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	dead, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + dead.Addr().String()
	_ = dead.Close()
	hangUp := func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }
	halfBody := func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":")
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	tests := map[string]struct{ base, code string }{
		"refused":    {refusing, "upstream_unreachable"},
		"hang-up":    {serve(t, hangUp), "upstream_unreachable"},
		"half body":  {serve(t, halfBody), "upstream_garbage"},
		"tls at tcp": {strings.Replace(plain.URL, "http:", "https:", 1), "upstream_unreachable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			c := client(t, upstream.Config{BaseURL: tc.base, Retries: 1, Observe: func(_ context.Context, call upstream.Call) { tries = call.Try }}, nil)
			_, err := c.Get(t.Context(), read("/users/mira_k"))
			wantFailure(t, err, registrar.Upstream, tc.code)
			if tries != 2 {
				t.Errorf("tries = %d, want 2", tries)
			}
			if strings.Contains(err.Error(), "mira_k") {
				t.Errorf("the error holds the path: %v", err)
			}
		})
	}
}

// hijack writes raw bytes and closes the connection.
func hijack(w http.ResponseWriter, raw string) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hj.Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(raw))
	_ = conn.Close()
}

func TestSilentUpstreamTimesOut(t *testing.T) {
	t.Parallel()
	for name, sendHeader := range map[string]bool{"before the header": false, "within the body": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if sendHeader {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusOK)
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			})
			c := client(t, upstream.Config{BaseURL: base, Timeout: 50 * time.Millisecond, Retries: -1}, nil)
			_, err := c.Get(t.Context(), read("/"))
			wantFailure(t, err, registrar.Timeout, "upstream_timeout")
		})
	}
}

func TestCallerWhoLeavesIsNoTimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := faked(t, upstream.Config{}, func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	_, err := c.Get(ctx, read("/"))
	wantFailure(t, err, registrar.Unavailable, "request_canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) })
	_, err := client(t, upstream.Config{BaseURL: base}, nil).Get(t.Context(), read("/"))
	wantFailure(t, err, registrar.Upstream, "upstream_redirect")
	if elsewhere.Load() != 0 {
		t.Error("the token went to another host")
	}
}

func TestRefusalCarriesTheBody(t *testing.T) {
	t.Parallel()
	c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
		return reply(404, "application/json", `{"error_code":"gone"}`), nil
	})
	_, err := c.Get(t.Context(), read("/"))
	refusal, ok := errors.AsType[*upstream.StatusError](err)
	if !ok || !refusal.Response.JSON || string(refusal.Response.Body) != `{"error_code":"gone"}` {
		t.Errorf("refusal = %+v", refusal)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	tests := map[string]upstream.Config{
		"no url":       {},
		"no scheme":    {BaseURL: "lms.example.edu"},
		"password":     {BaseURL: "https://a:hunter2@lms.example.edu"},
		"query":        {BaseURL: "https://lms.example.edu/?a=b"},
		"negative":     {BaseURL: "https://lms.example.edu", Concurrency: -1},
		"breaker rate": {BaseURL: "https://lms.example.edu", Breaker: upstream.BreakerConfig{FailureRate: 50}},
	}
	for name, cfg := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := upstream.New(cfg, &counter{}, nil)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error = %v", err)
			}
		})
	}
	if _, err := upstream.New(upstream.Config{BaseURL: "https://lms.example.edu"}, nil, nil); err == nil {
		t.Error("a client without tokens was made")
	}
}

func TestPathMustBeEscaped(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "users", "@evil.example/", "/%zz"} {
		c := faked(t, upstream.Config{}, func(*http.Request) (*http.Response, error) {
			return reply(200, "application/json", `{}`), nil
		})
		_, err := c.Get(t.Context(), read(path))
		wantFailure(t, err, registrar.Internal, "upstream_bad_request")
	}
}
