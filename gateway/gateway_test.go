package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"registrar/gateway"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
)

const (
	lms    = "https://lms.example.org/oauth2"
	secret = "a-shared-secret-of-the-lms"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(provisiontest.With(m),
		// The server keeps one clock for its Date header for as long as the process lives …
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// … and a sweeper that sees only every ten seconds that its server has stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// mounts is a [gateway.Mounter] made of a function.
type mounts func(add func(method, path string, handler fiber.Handler))

func (m mounts) Mount(add func(method, path string, handler fiber.Handler)) { m(add) }

// on mounts one route.
func on(method, path string, handler fiber.Handler) gateway.Mounter {
	return mounts(func(add func(string, string, fiber.Handler)) { add(method, path, handler) })
}

type people func(context.Context, registrar.Claims) (registrar.Principal, error)

func (p people) Principal(ctx context.Context, c registrar.Claims) (registrar.Principal, error) {
	return p(ctx, c)
}

// anyone makes a principal of every bearer.
func anyone() people {
	return func(_ context.Context, c registrar.Claims) (registrar.Principal, error) {
		return registrar.Principal{Username: c.Username}, nil
	}
}

// journal collects log lines from several goroutines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// lines returns the entries whose msg is text.
func (j *journal) lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(j.String()) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if entry["msg"] == text {
			found = append(found, entry)
		}
	}
	return found
}

// site is a running gateway.
type site struct {
	addr    string
	log     *journal
	gateway *gateway.Gateway
	stop    func()          // begins the drain
	deaf    <-chan struct{} // closed when no connection is accepted any more
	done    <-chan error    // what Serve returned
}

// door is a listener that tells when it is closed.
type door struct {
	net.Listener
	once sync.Once
	deaf chan struct{}
}

func (d *door) Close() error {
	err := d.Listener.Close()
	d.once.Do(func() { close(d.deaf) })
	return err
}

// start serves deps on a real listener until the test ends. Whatever deps lacks
// gets a default that lets everybody in.
func start(t *testing.T, cfg gateway.Config, deps gateway.Deps) *site {
	t.Helper()
	if cfg.DrainDelay == 0 {
		cfg.DrainDelay = -1
	}
	s := &site{log: &journal{}}
	if deps.People == nil {
		deps.People = anyone()
	}
	if deps.Verifier == nil {
		deps.Verifier = sharedSecret(t)
	}
	deps.Log = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g, err := gateway.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ln := &door{Listener: listen(t), deaf: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		done <- g.Serve(ctx, ln)
	}()
	s.addr, s.gateway, s.stop, s.done = ln.Addr().String(), g, cancel, done
	s.deaf = ln.deaf
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

// sharedSecret verifies the tokens that [bearer] makes.
func sharedSecret(t *testing.T) *gateway.Verifier {
	t.Helper()
	v, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, HS256Secret: secret}}, gateway.VerifierConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bearer is a good token of username.
func bearer(t *testing.T, username string) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{
		"iss": lms, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "preferred_username": username,
	})
}

func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the server ends the connection after it
}

// ask sends one request on a connection of its own. headers are "Name: value".
func (s *site) ask(t *testing.T, method, target string, headers ...string) answer {
	t.Helper()
	head := append([]string{method + " " + target + " HTTP/1.1", "Host: gateway.example.org", "Connection: close"}, headers...)
	return s.raw(t, method, strings.Join(head, "\r\n")+"\r\n\r\n")
}

// raw sends bytes as they are and reads the first response.
func (s *site) raw(t *testing.T, method, request string) answer {
	t.Helper()
	c := s.dial(t)
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(c, request)
	return readAnswer(t, bufio.NewReader(c), method)
}

func (s *site) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func readAnswer(t *testing.T, r *bufio.Reader, method string) answer {
	t.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading the response: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the body: %v", err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body), closed: response.Close}
}

// greet is a handler that says who asked.
func greet(c *fiber.Ctx) error {
	p, ok := registrar.PrincipalFrom(c.UserContext())
	if !ok {
		return c.SendString("nobody")
	}
	return c.SendString("hello " + string(p.Username))
}
