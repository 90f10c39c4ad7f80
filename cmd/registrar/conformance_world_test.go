package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"registrar/config"
	"registrar/gateway"
	"registrar/linkstore"
)

// world is the contract's world W0: a gateway of its own on a store of its own,
// in front of a stub.
type world struct {
	*stub // the site

	key   *rsa.PrivateKey // of the issuer
	dsn   string
	files string // the folder of files and reports
	cfg   config.Config
	log   *safeBuffer
	store *linkstore.Store // what an operator's commands would change

	start  sync.Once
	served *linkstore.Store // the running gateway's own
	routes []gateway.Route  // of the running gateway
	base   string           // of the gateway; see url
	t      *testing.T
}

// newWorld prepares a world. The gateway starts with the first request, so that a
// case can set flags before.
func newWorld(t *testing.T, dsn string, key *rsa.PrivateKey) *world {
	t.Helper()
	w := &world{stub: newStub(t), key: key, dsn: dsn, files: t.TempDir(), log: &safeBuffer{}, t: t}
	var err error
	if w.store, err = linkstore.Open(t.Context(), linkstore.Config{DSN: dsn}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.cfg = config.Default()
	w.cfg.Server.Listen, w.cfg.Server.DrainDelay = "127.0.0.1:0", 0
	w.cfg.Auth.Issuers = []config.Issuer{{Issuer: issuer, Audience: audience, JWKSet: config.Secret(publicJWKSet(t, key.PublicKey))}}
	w.cfg.Store.DSN, w.cfg.Store.DirectoryTTL = config.Secret(dsn), 0
	w.cfg.LMS.URL, w.cfg.Discovery.URL = w.stub.base, w.stub.base
	w.cfg.LMS.ClientID, w.cfg.LMS.ClientSecret = "registrar", "secret"
	w.cfg.LMS.Retries, w.cfg.Discovery.Retries = 0, 0 // a case counts requests
	w.cfg.Limits = config.Limits{}
	w.cfg.Files.URL = "file:" + filepath.Join(w.files, "registrar")
	w.cfg.Files.LinkKey, w.cfg.Audit.Key = "a secret for signed links", "a secret for hashed keys"
	w.cfg.Reports.URL = "file:" + filepath.Join(w.files, "reports")
	return w
}

// url starts the gateway if it does not run yet.
func (w *world) url() string {
	w.t.Helper()
	w.start.Do(func() { w.base = w.serve() })
	return w.base
}

func (w *world) serve() string {
	w.t.Helper()
	sh, err := share(w.t.Context(), w.cfg, w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := listen(w.t.Context(), w.cfg.Server.Listen)
	if err != nil {
		w.t.Fatal(err)
	}
	w.cfg.Server.PublicURL = "http://" + listener.Addr().String()
	store, err := openStore(w.t.Context(), w.cfg.Store, sh)
	if err != nil {
		w.t.Fatal(err)
	}
	w.served = store
	rooms, err := build(w.t.Context(), w.cfg, store, sh)
	if err != nil {
		w.t.Fatal(err)
	}
	w.routes = rooms.gateway.Routes()
	if err := rooms.queue.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	// Not the test's context, which ends before the cleanup that waits for the drain.
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- rooms.gateway.Serve(ctx, listener) }()
	w.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, rooms.Close(), store.Close(), sh.Close()); err != nil {
			w.t.Errorf("the gateway ended with %v", err)
		}
		if w.t.Failed() {
			w.t.Logf("its log:\n%s", w.log)
		}
	})
	return w.cfg.Server.PublicURL
}

// person asks the gateway as somebody; its zero name as nobody in particular,
// without credentials.
type person struct {
	w      *world
	name   string
	claims jwt.MapClaims // beyond those of every token; nil values take one away
}

// as is a user of the world.
func (w *world) as(name string) person { return person{w: w, name: name} }

// anonymous has no credentials.
func (w *world) anonymous() person { return person{w: w} }

// saying is p with other claims in the token.
func (p person) saying(claims jwt.MapClaims) person { p.claims = claims; return p }

// path puts what has no leading slash below /api/v1/, as the contract writes it.
func (w *world) path(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/api/v1/" + path
	}
	return w.url() + path
}

func (p person) request(method, path string, body io.Reader) *http.Request {
	p.w.t.Helper()
	r := newRequest(p.w.t, method, p.w.path(path), body)
	if p.name != "" {
		r.Header.Set("Authorization", "JWT "+p.token())
	}
	return r
}

// token is a fresh token of p, as the contract's: RS512, 60 s.
func (p person) token() string {
	p.w.t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": issuer, "aud": audience, "preferred_username": p.name, "email": p.name + "@example.com",
		"administrator": p.name == "staff", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "version": "1.0.0",
	}
	for name, value := range p.claims {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS512, claims).SignedString(p.w.key)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return text
}

func (p person) get(path string) answer { return p.do(http.MethodGet, path, nil) }

// do sends v as JSON; nil sends no body.
func (p person) do(method, path string, v any) answer {
	p.w.t.Helper()
	if v == nil {
		return send(p.w.t, p.request(method, path, nil))
	}
	text, err := json.Marshal(v)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return p.raw(method, path, "application/json", string(text))
}

// raw sends a body as it is.
func (p person) raw(method, path, mediaType, body string) answer {
	p.w.t.Helper()
	r := p.request(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return send(p.w.t, r)
}

// upload sends a file as the part "file".
func (p person) upload(path, file string) answer {
	p.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "upload.csv")
	if err == nil {
		_, err = io.WriteString(part, file)
	}
	if err := errors.Join(err, form.Close()); err != nil {
		p.w.t.Fatal(err)
	}
	return p.raw(http.MethodPost, path, form.FormDataContentType(), body.String())
}

// job is a job's status as clients read it.
type job struct {
	ID      string  `json:"job_id"`
	Name    string  `json:"name"`
	Created string  `json:"created"`
	State   string  `json:"state"`
	Result  *string `json:"result"`
	Text    *string `json:"text"`
}

// text is the job's text, "null" for none.
func (j job) text() string {
	if j.Text == nil {
		return "null"
	}
	return *j.Text
}

// finished follows the job that accepted began, as a client polls, to its end.
func (p person) finished(accepted answer) job {
	p.w.t.Helper()
	var begun struct {
		ID  string `json:"job_id"`
		URL string `json:"job_url"`
	}
	if err := json.Unmarshal(accepted.body, &begun); err != nil || accepted.StatusCode != http.StatusAccepted || begun.ID == "" {
		p.w.t.Fatalf("no job: %d %s", accepted.StatusCode, accepted.body)
	}
	if !strings.HasSuffix(begun.URL, "/jobs/"+begun.ID) {
		p.w.t.Errorf("job_url is %q, job_id %q", begun.URL, begun.ID)
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	limit := time.After(time.Minute)
	for {
		j := p.job(begun.ID)
		if j.State != "Pending" && j.State != "In Progress" && j.State != "Retrying" {
			return j
		}
		select {
		case <-poll.C:
		case <-limit:
			p.w.t.Fatalf("job %s is still %s after a minute", j.Name, j.State)
		}
	}
}

func (p person) job(id string) job {
	p.w.t.Helper()
	reply := p.get("jobs/" + id)
	var j job
	if err := json.Unmarshal(reply.body, &j); err != nil || reply.StatusCode != http.StatusOK {
		p.w.t.Fatalf("GET jobs/%s: %d %s", id, reply.StatusCode, reply.body)
	}
	return j
}

// file is the content of a finished job's result, fetched without credentials as
// the Program Console's link does.
func (w *world) file(j job) string {
	w.t.Helper()
	if j.State != "Succeeded" || j.Result == nil {
		w.t.Fatalf("job %s is %s, result %v", j.Name, j.State, j.Result)
	}
	reply := send(w.t, newRequest(w.t, http.MethodGet, *j.Result, nil))
	if reply.StatusCode != http.StatusOK {
		w.t.Fatalf("the result of %s: %d", j.Name, reply.StatusCode)
	}
	return string(reply.body)
}

// The bodies that the contract abbreviates.
const (
	d401 = `{"detail":"Authentication credentials were not provided."}`
	d403 = `{"detail":"You do not have permission to perform this action."}`
	d404 = `{"detail":"Not found."}`
	bad  = `{"detail":"Invalid token."}`
)

func d405(method string) string { return `{"detail":"Method \"` + method + `\" not allowed."}` }

// is holds an answer to a status and to a body, byte for byte.
func (a answer) is(t *testing.T, status int, body string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
		return
	}
	if diff := cmp.Diff(body, string(a.body)); diff != "" {
		t.Errorf("%s %s: body (-want +got):\n%s", a.Request.Method, a.Request.URL.Path, diff)
	}
}

// isPage holds an answer to be an HTML page of a status; its text is nobody's contract.
func (a answer) isPage(t *testing.T, status int) {
	t.Helper()
	if a.StatusCode != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s %s: %d %s, want %d text/html: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.Header.Get("Content-Type"), status, a.body)
	}
}

const issuer, audience = "https://lms.example.org/oauth2", "openedx"

func publicJWKSet(t *testing.T, public rsa.PublicKey) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text, err := json.Marshal(map[string]any{"keys": []map[string]any{{
		"kty": "RSA", "use": "sig", "alg": "RS512", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
