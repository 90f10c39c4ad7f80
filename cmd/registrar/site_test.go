package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/simulator"
)

// site is a demo that runs for one test: the gateway, the simulated LMS and
// Discovery, real sockets between them.
type site struct {
	addresses
	log    *safeBuffer
	tokens *sync.Map // by client; parallel subtests share it
}

// newSite starts a demo and stops it when the test ends. tune may be nil.
func newSite(t *testing.T, world simulator.Options, tune func(*config.Config)) *site {
	t.Helper()
	ready := make(chan addresses, 1)
	s := &site{log: &safeBuffer{}, tokens: &sync.Map{}}
	p := process{out: io.Discard, err: s.log, ready: func(a addresses) { ready <- a }}
	o := demoOptions{listen: "127.0.0.1:0", simulatorListen: "127.0.0.1:0", data: t.TempDir(), world: world, tune: tune}
	// Not t.Context, which ends before the cleanup that waits for the drain.
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- demo(ctx, o, p) }()
	select {
	case s.addresses = <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the demo did not start: %v\n%s", err, s.log)
	case <-time.After(time.Minute):
		cancel()
		t.Fatal("the demo did not start within a minute")
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	return s
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body []byte
}

// object decodes the body, which must be a JSON object.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("body is no JSON object: %v\n%s", err, a.body)
	}
	return v
}

// get asks the gateway as a client of the simulated site; "" asks as nobody.
// header holds names and values in turn.
func (s *site) get(t *testing.T, client, path string, header ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, client, path, header...)
}

func (s *site) do(t *testing.T, method, client, path string, header ...string) answer {
	t.Helper()
	request := newRequest(t, method, s.gateway+path, nil)
	if client != "" {
		request.Header.Set("Authorization", "JWT "+s.token(t, client))
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return send(t, request)
}

// token returns a token of client, fetched once.
func (s *site) token(t *testing.T, client string) string {
	t.Helper()
	if kept, ok := s.tokens.Load(client); ok {
		return kept.(string) //nolint:forcetypeassert // only this function stores
	}
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "token_type": {"jwt"},
		"client_id": {client}, "client_secret": {secretOf(sim, client)},
	}
	request := newRequest(t, http.MethodPost, s.simulator+"/oauth2/access_token", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply := send(t, request)
	token, _ := reply.object(t)["access_token"].(string)
	if token == "" {
		t.Fatalf("no token for %s: %s", client, reply.body)
	}
	s.tokens.Store(client, token)
	return token
}

// fault makes the simulated site misbehave until the faults are mended.
func (s *site) fault(t *testing.T, fault map[string]any) {
	t.Helper()
	body, err := json.Marshal(fault)
	if err != nil {
		t.Fatal(err)
	}
	request := newRequest(t, http.MethodPost, s.simulator+"/_simulator/faults", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if reply := send(t, request); reply.StatusCode >= 300 {
		t.Fatalf("fault refused: %d %s", reply.StatusCode, reply.body)
	}
}

// mend removes all faults.
func (s *site) mend(t *testing.T) {
	t.Helper()
	send(t, newRequest(t, http.MethodDelete, s.simulator+"/_simulator/faults", nil))
}

// requests lists what the simulated site was asked since the last call.
func (s *site) requests(t *testing.T) []string {
	t.Helper()
	var seen []struct{ Method, Path, Query string }
	reply := send(t, newRequest(t, http.MethodGet, s.simulator+"/_simulator/requests", nil))
	if err := json.Unmarshal(reply.body, &seen); err != nil {
		t.Fatalf("%v\n%s", err, reply.body)
	}
	send(t, newRequest(t, http.MethodDelete, s.simulator+"/_simulator/requests", nil))
	lines := make([]string, len(seen))
	for i, r := range seen {
		lines[i] = r.Method + " " + r.Path + "?" + r.Query
	}
	return lines
}

func newRequest(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func send(t *testing.T, request *http.Request) answer {
	t.Helper()
	client := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, body}
}

// safeBuffer is a log that goroutines write and tests read.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
