package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// statements is what a witness was told.
type statements struct {
	mu   sync.Mutex
	told []gateway.Witnessed
}

func (s *statements) hear(_ context.Context, w gateway.Witnessed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, w)
}

// take returns what was told since the last time.
func (s *statements) take() []gateway.Witnessed {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told
	s.told = nil
	return told
}

func TestWitness(t *testing.T) {
	t.Parallel()
	w := &statements{}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := start(t, gateway.Config{TrustedProxies: []string{"127.0.0.1"}}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/programs/:program_key", func(c *fiber.Ctx) error {
			note := registrar.ActivityFrom(c.UserContext())
			note.Named("registrar.v1.get_program_detail")
			note.Tell("program_key", "masters-cs")
			note.Touched(registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs"})
			return c.SendString("x")
		})},
		People: people(func(_ context.Context, c registrar.Claims) (registrar.Principal, error) {
			return registrar.Principal{Username: c.Username, Groups: []registrar.Group{{Name: "clerks"}}}, nil
		}),
		Witness: w.hear, Now: func() time.Time { return noon },
	})
	s.ask(t, "GET", "/api/v1/programs/Masters%2Dcs/?org=a+b&access_token=canary&JWT=canary&fmt=csv&%74oken=canary&", "Authorization: JWT "+bearer(t, "ada"),
		"X-Request-ID: school-4711", "X-Forwarded-Proto: https", "X-Forwarded-Host: api.school.example", "Referer: "+console+"/app", "User-Agent: sis/1.0")
	want := []gateway.Witnessed{{
		Activity: &registrar.Activity{
			Event: "registrar.v1.get_program_detail", Properties: map[string]any{"program_key": "masters-cs"},
			Touch: &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs"},
		},
		Caller: registrar.Principal{Username: "ada", Groups: []registrar.Group{{Name: "clerks"}}},
		Status: 200, Handled: true, RequestID: "school-4711", Method: "GET", Route: "/api/v1/programs/:program_key",
		Path: "/api/v1/programs/Masters%2Dcs/", URL: "https://api.school.example/api/v1/programs/Masters%2Dcs/?org=a+b&fmt=csv",
		Referrer: console + "/app", UserAgent: "sis/1.0", At: noon,
	}}
	if diff := cmp.Diff(want, w.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestWhatAWitnessIsToldOf(t *testing.T) {
	t.Parallel()
	w := &statements{}
	s := start(t, gateway.Config{Origins: []string{console}, Limits: gateway.Limits{Classes: map[string]gateway.Limit{"heavy": {Requests: 1}}}}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v1/x", greet),
			on("GET", "/api/v1/away", func(*fiber.Ctx) error { return registrar.Fail(registrar.Unavailable, "", nil) }),
			on("GET", "/api/v1/panic", func(c *fiber.Ctx) error {
				registrar.ActivityFrom(c.UserContext()).Named("begun")
				panic("x")
			}),
			on("GET", "/api/v1/heavy/:key", greet),
			on("GET", "/api/v1/stream", func(c *fiber.Ctx) error {
				c.Context().SetBodyStreamWriter(func(out *bufio.Writer) { _, _ = out.WriteString("x") })
				return nil
			}),
		},
		Public: []gateway.Mounter{on("GET", "/api-docs", greet)}, Witness: w.hear, Class: byPath,
	})
	token := "Authorization: JWT " + bearer(t, "ada")
	s.ask(t, "GET", "/api/v1/heavy/1", token)
	w.take()
	for name, tc := range map[string]struct {
		method, path, header string
		want                 string // status, whether a handler was asked, event; empty: not told of
	}{
		"good":           {"GET", "/api/v1/x", token, "200 true "},
		"head":           {"HEAD", "/api/v1/x", token, "200 true "},
		"options":        {"OPTIONS", "/api/v1/x", token, "200 false "},
		"no such method": {"PATCH", "/api/v1/x", token, "405 false "},
		"unavailable":    {"GET", "/api/v1/away", token, "503 true "},
		"panic":          {"GET", "/api/v1/panic", token, "500 true begun"},
		"over the limit": {"GET", "/api/v1/heavy/2", token, "429 false "},
		"stream":         {"GET", "/api/v1/stream", token, "200 true "},
		"nobody":         {"GET", "/api/v1/x", "X-A: b", ""},
		"a bad token":    {"GET", "/api/v1/x", "Authorization: JWT garbage", ""},
		"no route":       {"GET", "/api/v1/nowhere", token, ""},
		"public":         {"GET", "/api-docs", token, ""},
		"preflight":      {"OPTIONS", "/api/v1/x", "Origin: " + console + "\r\nAccess-Control-Request-Method: GET", ""},
		"malformed":      {"GET", "/api/v1/x", token + "\r\n" + token, ""},
		"odd method":     {"TRACE", "/api/v1/x", token, ""},
		"probe":          {"GET", "/livez", token, ""},
	} {
		s.ask(t, tc.method, tc.path, tc.header, "Content-Length: 0")
		var got []string
		for _, told := range w.take() {
			got = append(got, fmt.Sprint(told.Status, told.Handled, " ", told.Activity.Event))
			if told.Method != tc.method || told.Caller.Username != "ada" {
				t.Errorf("%s: told of %+v", name, told)
			}
		}
		if strings.Join(got, "; ") != tc.want {
			t.Errorf("%s: told %q, want %q", name, got, tc.want)
		}
	}
}

// What a caller reads of as done is on record: the answer waits for the witness.
func TestTheAnswerWaitsForTheWitness(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/x", greet)},
		Witness: func(ctx context.Context, _ gateway.Witnessed) {
			if ctx.Err() != nil || registrar.RequestID(ctx) != "school-4711" {
				t.Errorf("context of %q: %v", registrar.RequestID(ctx), ctx.Err())
			}
			close(entered)
			<-release
		},
	})
	c := s.dial(t)
	request := "GET /api/v1/x HTTP/1.1\r\nHost: x\r\nX-Request-ID: school-4711\r\nAuthorization: JWT " + bearer(t, "ada") + "\r\n\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	answered := make(chan answer, 1)
	go func() { answered <- readAnswer(t, bufio.NewReader(c), "GET") }()
	select {
	case <-entered:
	case got := <-answered:
		t.Fatalf("answered %d without the witness", got.status)
	}
	if n := s.gateway.InFlight(); n != 1 {
		t.Errorf("%d requests in flight while the witness writes, want 1", n)
	}
	if lines := s.log.lines(t, "request"); len(lines) != 0 {
		t.Errorf("the log tells of an answer that did not leave: %v", lines)
	}
	close(release)
	if got := <-answered; got.status != 200 {
		t.Errorf("got %d", got.status)
	}
}

func TestAWitnessCannotFailARequest(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/x", greet)},
		Witness: func(context.Context, gateway.Witnessed) { panic("canary@school.example") },
	})
	got := s.ask(t, "GET", "/api/v1/x", "Authorization: JWT "+bearer(t, "ada"))
	if got.status != 200 || got.body != "hello ada" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	lines := s.log.lines(t, "witness panicked")
	if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["stack"]), "witness_test.go") || strings.Contains(s.log.String(), "canary") {
		t.Errorf("log = %v, want the panic without its value", lines)
	}
	if n := len(s.log.lines(t, "request")); n != 1 {
		t.Errorf("%d access lines, want one", n)
	}
}

// Without a witness handlers have their activity all the same.
func TestActivityOfEveryRequest(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v1/x", func(c *fiber.Ctx) error {
		return c.SendString(strconv.FormatBool(registrar.ActivityFrom(c.UserContext()) != nil))
	})}})
	if got := s.ask(t, "GET", "/api/v1/x", "Authorization: JWT "+bearer(t, "ada")); got.body != "true" {
		t.Errorf("got %s", got.body)
	}
}
