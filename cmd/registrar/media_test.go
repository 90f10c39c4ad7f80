package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"registrar/gateway"
	"registrar/internal/files"
	"registrar/internal/registrar"
	"registrar/routes"
)

// strangers is a gateway's people where nobody is known.
type strangers struct{}

func (strangers) Principal(context.Context, registrar.Claims) (registrar.Principal, error) {
	return registrar.Principal{}, registrar.Fail(registrar.Unauthenticated, "Invalid token.", nil)
}

// mediaSite serves the links of shelves and nothing else, with the log of it.
func mediaSite(t *testing.T, cfg gateway.Config, shelves ...routes.Shelf) (base string, log *safeBuffer) {
	t.Helper()
	verifier, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: "https://lms.example.org", HS256Secret: "a-shared-secret-of-the-lms"}}, gateway.VerifierConfig{})
	if err != nil {
		t.Fatal(err)
	}
	log = &safeBuffer{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.DrainDelay = -1
	g, err := gateway.New(cfg, gateway.Deps{
		People: strangers{}, Verifier: verifier, Log: logger,
		Public: []gateway.Mounter{routes.NewMedia(routes.MediaConfig{Log: logger}, shelves...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var listen net.ListenConfig
	ln, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
	})
	return "http://" + ln.Addr().String(), log
}

func openFiles(t *testing.T, mount string) *files.Store {
	t.Helper()
	s, err := files.Open(t.Context(), files.Config{URL: "file:" + t.TempDir(), Mount: mount})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fetchMedia(t *testing.T, method, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("%s: broke off after %d bytes: %v", method, len(body), err)
	}
	return reply, string(body)
}

// Files of two stores leave through one route, to whoever has the link, and
// nothing in the log could be used to fetch one.
func TestLinksOpenFiles(t *testing.T) {
	t.Parallel()

	results, reports := openFiles(t, "files"), openFiles(t, "reports")
	base, log := mediaSite(t, gateway.Config{}, results, reports)
	for name, s := range map[string]*files.Store{"job-results/1.csv": results, "reports_v2/NorthU/canary ä+%__2019-12-18.csv": reports} {
		if err := s.Create(t.Context(), name, "text/csv", func(w io.Writer) error {
			_, err := io.WriteString(w, "a,b\r\n")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		link, err := s.Link(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		reply, body := fetchMedia(t, http.MethodGet, base+link)
		if reply.StatusCode != 200 || body != "a,b\r\n" || reply.ContentLength != 5 {
			t.Errorf("%s: %d %q", name, reply.StatusCode, body)
		}
		for header, want := range map[string]string{
			"Content-Type": "text/csv; charset=utf-8", "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
		} {
			if got := reply.Header.Get(header); got != want {
				t.Errorf("%s: %s %q, want %q", name, header, got, want)
			}
		}
		head, body := fetchMedia(t, http.MethodHead, base+link)
		if head.StatusCode != 200 || body != "" || head.ContentLength != 5 {
			t.Errorf("HEAD of %s: %d %q, length %d", name, head.StatusCode, body, head.ContentLength)
		}
		if forged, _ := fetchMedia(t, http.MethodGet, base+link+"x"); forged.StatusCode != 404 {
			t.Errorf("a forged link: %d", forged.StatusCode)
		}
		token, _, _ := strings.Cut(strings.TrimPrefix(link, "/api/media/"), "/")
		for _, secret := range []string{token, "job-results", "canary", url.PathEscape("ä")} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, log)
			}
		}
	}
	if !strings.Contains(log.String(), `"route":"/api/media/:token/+"`) {
		t.Errorf("the log lacks the requests:\n%s", log)
	}
}

// slowShelf has one file, whose second half takes longer than an answer may.
type slowShelf struct{ pause time.Duration }

func (s slowShelf) Fetch(ctx context.Context, _, _ string) (io.ReadCloser, int64, error) {
	half := strings.Repeat("x", 100_000)
	return io.NopCloser(io.MultiReader(strings.NewReader(half), pausing(func() error { return sleep(ctx, s.pause) }), strings.NewReader(half))), 200_000, nil
}

// pausing gives nothing, after a while.
type pausing func() error

func (p pausing) Read([]byte) (int, error) {
	if err := p(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A large file may take longer than other answers.
func TestAFileOutlivesTheTimesOfOtherAnswers(t *testing.T) {
	t.Parallel()

	const limit = 100 * time.Millisecond
	base, _ := mediaSite(t, gateway.Config{WriteTimeout: limit, RequestTimeout: limit}, slowShelf{4 * limit})
	if reply, body := fetchMedia(t, http.MethodGet, base+"/api/media/t/1.csv"); reply.StatusCode != 200 || len(body) != 200_000 {
		t.Errorf("%d with %d bytes", reply.StatusCode, len(body))
	}
}
