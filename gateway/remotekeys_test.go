package gateway_test

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// publisher is a JWKS server whose answer can be changed.
type publisher struct {
	*httptest.Server
	fetches atomic.Int64
	handler atomic.Pointer[http.HandlerFunc]
}

func publish(t *testing.T, keys ...*rsa.PrivateKey) *publisher {
	t.Helper()
	p := &publisher{}
	p.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	if len(keys) > 0 {
		p.set(keySet(t, keys...))
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		(*p.handler.Load())(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) answer(h http.HandlerFunc) { p.handler.Store(&h) }

func (p *publisher) set(text []byte) {
	p.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
}

// clock is a time that only the test moves.
type clock struct{ past atomic.Int64 }

func (c *clock) now() time.Time          { return noon().Add(time.Duration(c.past.Load())) }
func (c *clock) advance(d time.Duration) { c.past.Add(int64(d)) }

// token is ada's, issued now by key.
func (c *clock) token(t *testing.T, key *rsa.PrivateKey, kid string) string {
	t.Helper()
	claims := with("iat", c.now().Unix())
	claims["exp"] = c.now().Add(time.Hour).Unix()
	claims["jti"] = rand.Uint64()
	token := jwt.NewWithClaims(jwt.SigningMethodRS512, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fetching is a verifier of one issuer with the keys of p.
func fetching(t *testing.T, p *publisher, cfg gateway.VerifierConfig) *gateway.Verifier {
	t.Helper()
	v, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, JWKSURL: p.URL}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// outcome verifies and returns "" or the code.
func outcome(ctx context.Context, v *gateway.Verifier, token string) string {
	if _, err := v.Verify(ctx, token); err != nil {
		return registrar.CodeOf(err)
	}
	return ""
}

func TestKeysOfAURL(t *testing.T) {
	t.Parallel()
	own, second, stranger, fixed := rsaKey(t), rsaKey(t), rsaKey(t), rsaKey(t)
	p, c := publish(t, own, second), &clock{}
	v, err := gateway.NewVerifier([]gateway.Issuer{
		{Issuer: lms, Audience: "openedx", JWKSURL: p.URL, JWKSet: keySet(t, fixed), HS256Secret: secret},
	}, gateway.VerifierConfig{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.fetches.Load(); n != 0 {
		t.Errorf("%d fetches before anybody asked", n)
	}
	for name, tc := range map[string]struct{ token, want string }{
		"kid":                      {c.token(t, own, "lms"), ""},
		"no kid":                   {c.token(t, own, ""), ""},
		"second key, no kid":       {c.token(t, second, ""), ""},
		"unknown kid of a key":     {c.token(t, second, "elsewhere"), ""},
		"configured key":           {c.token(t, fixed, ""), ""},
		"secret":                   {signed(t, jwt.SigningMethodHS256, []byte(secret), good()), ""},
		"stranger":                 {signed(t, jwt.SigningMethodRS512, stranger, with("iat", at(-time.Hour))), "bad_signature"},
		"secret is the public set": {signed(t, jwt.SigningMethodHS256, keySet(t, own), good()), "bad_signature"},
	} {
		if got := outcome(t.Context(), v, tc.token); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	if n := p.fetches.Load(); n > 2 {
		t.Errorf("%d fetches, want one for the keys and one for the stranger at most", n)
	}
	if err := v.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

// Many callers while the LMS changes its key: nobody is refused.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	before, after := rsaKey(t), rsaKey(t)
	p := publish(t, before)
	v := fetching(t, p, gateway.VerifierConfig{})
	issued := time.Now().Unix()
	var signer atomic.Pointer[rsa.PrivateKey]
	signer.Store(before)
	var refused, served, renewed atomic.Int64
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for n := 0; n < 40 || renewed.Load() < 200; n++ {
				key := signer.Load()
				claims := jwt.MapClaims{"jti": fmt.Sprint(i, n), "iss": lms, "preferred_username": "ada", "iat": issued, "exp": issued + 3600}
				token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
				if n%2 == 0 {
					token.Header["kid"] = strconv.FormatBool(key == after)
				}
				text, err := token.SignedString(key)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := v.Verify(context.Background(), text); err != nil {
					refused.Add(1)
				}
				if key == after {
					renewed.Add(1)
				}
				// Published first, signed with second, as a site with overlap does.
				if served.Add(1) == 200 {
					p.set(keySet(t, before, after))
					signer.Store(after)
				}
			}
		})
	}
	callers.Wait()
	if refused.Load() != 0 || p.fetches.Load() > 2 {
		t.Errorf("%d of %d good tokens refused, %d fetches; want none and at most 2", refused.Load(), served.Load(), p.fetches.Load())
	}
}

func TestAFloodOfUnknownKidsFetchesOncePerInterval(t *testing.T) {
	t.Parallel()
	own, stranger := rsaKey(t), rsaKey(t)
	p, c := publish(t, own), &clock{}
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now, Keys: gateway.KeysConfig{Patience: -1}})
	if got := outcome(t.Context(), v, c.token(t, own, "")); got != "" {
		t.Fatal(got)
	}
	for interval := range 3 {
		c.advance(10 * time.Second)
		before := p.fetches.Load()
		var flood sync.WaitGroup
		for i := range 16 {
			flood.Go(func() {
				for n := range 10 {
					kid := fmt.Sprint("kid-", i, "-", n)
					if i%2 == 0 {
						kid = ""
					}
					if got := outcome(context.Background(), v, c.token(t, stranger, kid)); got == "" {
						t.Error("a stranger was let in")
					}
				}
			})
		}
		flood.Wait()
		if n := p.fetches.Load() - before; n != 1 {
			t.Errorf("interval %d: %d fetches for 160 bad tokens, want 1", interval, n)
		}
	}
	// A key that comes into use in the middle of it, when nobody waits: "later",
	// never "bad".
	fresh := rsaKey(t)
	p.set(keySet(t, own, fresh))
	c.advance(time.Second)
	_, err := v.Verify(t.Context(), c.token(t, fresh, ""))
	if registrar.KindOf(err) != registrar.Unavailable || registrar.RetryAfterOf(err) != 9*time.Second {
		t.Errorf("new key within the interval: %v, want 503 and 9 s", err)
	}
	// An old token cannot have been signed with it.
	if got := outcome(t.Context(), v, signed(t, jwt.SigningMethodRS512, stranger, issuedAt(c, -time.Hour))); got != "bad_signature" {
		t.Errorf("an old bad token: %q, want bad_signature", got)
	}
	c.advance(9 * time.Second)
	if got := outcome(t.Context(), v, c.token(t, fresh, "")); got != "" {
		t.Errorf("new key after the interval: %q", got)
	}
}

// present is ada's token, issued by key at the true time.
func present(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	return signed(t, jwt.SigningMethodRS256, key, jwt.MapClaims{
		"iss": lms, "preferred_username": "ada", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": rand.Uint64(),
	})
}

// Between two fetches, a token of no key is no outage: it is refused as what it
// is. One of a key that was published after the last fetch is not refused.
func TestBetweenTwoFetches(t *testing.T) {
	t.Parallel()
	own, fresh, stranger := rsaKey(t), rsaKey(t), rsaKey(t)
	p := publish(t, own)
	v := fetching(t, p, gateway.VerifierConfig{Keys: gateway.KeysConfig{MinInterval: 300 * time.Millisecond}})
	s := start(t, gateway.Config{}, gateway.Deps{
		Verifier: v, Private: []gateway.Mounter{on("GET", "/api/v3/x", greet), on("GET", "/api/v1/x", greet)},
	})
	ask := func(path string, key *rsa.PrivateKey) answer {
		t.Helper()
		return s.ask(t, "GET", path, "Authorization: JWT "+present(t, key))
	}
	if got := ask("/api/v3/x", own); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for i := range 3 {
		if got := ask("/api/v3/x", stranger); got.status != 401 || !strings.Contains(got.body, `"code":"bad_signature"`) {
			t.Errorf("token %d of no key: %d %s, want 401 bad_signature", i, got.status, got.body)
		}
	}
	if got := ask("/api/v1/x", stranger); got.status != 401 || got.body != detail("Invalid token.") {
		t.Errorf("v1: %d %s", got.status, got.body)
	}
	p.set(keySet(t, own, fresh))
	if got := ask("/api/v3/x", fresh); got.status != 200 {
		t.Errorf("a key published after the last fetch: %d %s, want 200", got.status, got.body)
	}
	if n := p.fetches.Load(); n != 6 {
		t.Errorf("%d fetches, want one for the keys and one for each token that none fitted", n)
	}
}

// Who waits for the next fetch is bounded: in time, by the request's own, and in
// number. The others are told when to come back.
func TestWhoWaitsForTheNextFetch(t *testing.T) {
	t.Parallel()
	own, fresh, stranger := rsaKey(t), rsaKey(t), rsaKey(t)
	p, set := publish(t, own), keySet(t, own, fresh)
	synctest.Test(t, func(t *testing.T) {
		v := fetching(t, p, gateway.VerifierConfig{})
		later := func(ctx context.Context) {
			t.Helper()
			begun := time.Now()
			_, err := v.Verify(ctx, present(t, stranger))
			if registrar.CodeOf(err) != "keys_unavailable" || registrar.RetryAfterOf(err) != 9*time.Second || time.Since(begun) != 0 {
				t.Errorf("%v after %v, want keys_unavailable at once and 9 s", err, time.Since(begun))
			}
		}
		for key, want := range map[*rsa.PrivateKey]string{own: "", stranger: "bad_signature"} {
			if got := outcome(t.Context(), v, present(t, key)); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		p.set(set)
		time.Sleep(time.Second)
		hasty, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		later(hasty)
		var good, bad atomic.Int64
		var callers sync.WaitGroup
		for i := range 128 {
			key := stranger
			if i == 0 {
				key = fresh
			}
			token := present(t, key)
			callers.Go(func() {
				switch got := outcome(t.Context(), v, token); got {
				case "":
					good.Add(1)
				case "bad_signature":
					bad.Add(1)
				default:
					t.Errorf("who waited is told %q", got)
				}
			})
		}
		synctest.Wait()
		later(t.Context())
		// Known keys have nothing to wait for.
		if got := outcome(t.Context(), v, present(t, own)); got != "" {
			t.Errorf("a known key: %q", got)
		}
		before := p.fetches.Load()
		callers.Wait()
		if good.Load() != 1 || bad.Load() != 127 || p.fetches.Load()-before != 1 {
			t.Errorf("%d good, %d bad, %d fetches; want 1, 127 and 1", good.Load(), bad.Load(), p.fetches.Load()-before)
		}
	})
}

// Nobody waits for a URL that fails.
func TestNobodyWaitsForKeysThatCannotBeHad(t *testing.T) {
	t.Parallel()
	own, stranger := rsaKey(t), rsaKey(t)
	p := publish(t, own)
	synctest.Test(t, func(t *testing.T) {
		v := fetching(t, p, gateway.VerifierConfig{})
		if got := outcome(t.Context(), v, present(t, own)); got != "" {
			t.Fatal(got)
		}
		p.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		time.Sleep(time.Second)
		begun := time.Now()
		for range 3 {
			_, err := v.Verify(t.Context(), present(t, stranger))
			if registrar.KindOf(err) != registrar.Unavailable || registrar.RetryAfterOf(err) != 10*time.Second {
				t.Errorf("%v, want 503 and 10 s", err)
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// issuedAt is a good token's claims, issued d from the clock's now.
func issuedAt(c *clock, d time.Duration) jwt.MapClaims {
	claims := with("iat", c.now().Add(d).Unix())
	claims["exp"] = c.now().Add(time.Hour).Unix()
	return claims
}

func TestKeysThatWereNeverHadAre503(t *testing.T) {
	t.Parallel()
	own := rsaKey(t)
	p := publish(t)
	v := fetching(t, p, gateway.VerifierConfig{Keys: gateway.KeysConfig{MinInterval: time.Hour}})
	s := start(t, gateway.Config{}, gateway.Deps{
		Verifier: v,
		Private:  []gateway.Mounter{on("GET", "/api/v3/x", greet), on("GET", "/api/v1/x", greet)},
		Checks:   []gateway.Check{{Name: "keys", Optional: true, Probe: v.Ready}},
	})
	token := signed(t, jwt.SigningMethodRS512, own, jwt.MapClaims{
		"iss": lms, "preferred_username": "ada", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	for range 3 {
		got := s.ask(t, "GET", "/api/v3/x", "Authorization: JWT "+token)
		if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, `"code":"keys_unavailable"`) || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("got %d %v %s, want 503 keys_unavailable", got.status, got.header, got.body)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/x", "Authorization: JWT "+token); got.status != 503 || got.body != detail("Tokens cannot be verified at the moment.") {
		t.Errorf("v1: %d %s", got.status, got.body)
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1 in the interval", n)
	}
	if got := s.ask(t, "GET", "/readyz"); got.status != 200 || !strings.Contains(got.body, `"degraded":["keys"]`) {
		t.Errorf("readyz = %d %s", got.status, got.body)
	}
	if strings.Contains(s.log.String(), p.Listener.Addr().String()) {
		t.Error("the log names the address of the key set")
	}
}

// Whatever the URL answers, the last good keys stay, and come back by themselves.
func TestLastGoodKeysAreKept(t *testing.T) {
	t.Parallel()
	own, evil := rsaKey(t), rsaKey(t)
	other := publish(t, evil)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	reply := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	set := string(keySet(t, evil))
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		err     string
	}{
		"server error":       {reply(500, set), "status 500"},
		"not found":          {reply(404, set), "status 404"},
		"other success":      {reply(203, set), "status 203"},
		"garbage":            {reply(200, "<html>"), "JWK set"},
		"empty":              {reply(200, ""), "JWK set"},
		"no keys":            {reply(200, `{"keys":[]}`), "holds no key"},
		"null":               {reply(200, `null`), "holds no key"},
		"private key alone":  {reply(200, strings.Replace(set, `"kty"`, `"d":"Y2FuYXJ5","kty"`, 1)), "none of its keys"},
		"secret alone":       {reply(200, `{"keys":[{"kty":"oct","k":"Y2FuYXJ5"}]}`), "none of its keys"},
		"too large":          {reply(200, strings.Repeat(" ", 1<<18)+set), "larger than"},
		"another host":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, "another host"},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, "again and again"},
		"silence":            {func(_ http.ResponseWriter, r *http.Request) { waitFor(r, release) }, "exceeded"},
		"half an answer":     {cut(set), "EOF"},
		"an answer in drops": {func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			waitFor(r, release)
		}, "exceeded"},
		"connection is reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := publish(t, own), &clock{}
			fetched := make(chan error, 10)
			v := fetching(t, p, gateway.VerifierConfig{Now: c.now, Keys: gateway.KeysConfig{
				Timeout: 100 * time.Millisecond, OnFetch: func(_ string, err error) { fetched <- err },
			}})
			check := func(key *rsa.PrivateKey, want string) {
				t.Helper()
				if got := outcome(t.Context(), v, c.token(t, key, "")); got != want {
					t.Errorf("after %s: %q, want %q", time.Duration(c.past.Load()), got, want)
				}
			}
			check(own, "")
			if err := <-fetched; err != nil {
				t.Fatal(err)
			}
			p.answer(tc.handler)
			c.advance(10 * time.Minute)
			check(own, "")
			if err := <-fetched; err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("fetch = %v, want one that says %q and no address", err, tc.err)
			}
			c.advance(24 * time.Hour)
			check(own, "")
			check(evil, "keys_unavailable")
			p.set(keySet(t, own, evil))
			c.advance(10 * time.Second)
			check(evil, "")
		})
	}
	if n := other.fetches.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func waitFor(r *http.Request, release <-chan struct{}) {
	select {
	case <-release:
	case <-r.Context().Done():
	}
}

func cut(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = io.WriteString(w, text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
}

func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	t.Parallel()
	own, c := rsaKey(t), &clock{}
	p := publish(t)
	set := keySet(t, own)
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks/" {
			http.Redirect(w, r, "/jwks/", http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write(set)
	})
	if got := outcome(t.Context(), fetching(t, p, gateway.VerifierConfig{Now: c.now}), c.token(t, own, "")); got != "" {
		t.Error(got)
	}
}

func TestUnusableKeysOfAPublishedSetAreIgnored(t *testing.T) {
	t.Parallel()
	own, private, encryption := rsaKey(t), rsaKey(t), rsaKey(t)
	entry := func(key *rsa.PrivateKey, extra string) string {
		text := string(keySet(t, key))
		return strings.Replace(text[len(`{"keys":[`):len(text)-2], `"kty"`, extra+`"kty"`, 1)
	}
	p, c, log := publish(t), &clock{}, &journal{}
	p.set([]byte(`{"keys":[` + strings.Join([]string{
		entry(private, `"d":"Y2FuYXJ5",`), `{"kty":"oct","k":"Y2FuYXJ5"}`, entry(encryption, `"use":"enc",`),
		`{"kty":"EC","crv":"P-256"}`, `{"kty":7}`, `"Y2FuYXJ5"`, `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, entry(own, `"use":"sig",`),
	}, ",") + `]}`))
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now, Log: slog.New(slog.NewJSONHandler(log, nil))})
	for range 3 {
		for key, want := range map[*rsa.PrivateKey]string{own: "", private: "bad_signature", encryption: "bad_signature"} {
			if got := outcome(t.Context(), v, signed(t, jwt.SigningMethodRS512, key, issuedAt(c, -time.Hour))); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		c.advance(10 * time.Second)
	}
	if got := outcome(t.Context(), v, signed(t, jwt.SigningMethodHS256, []byte("canary"), issuedAt(c, 0))); got != "bad_signature" {
		t.Errorf("a published secret was used: %q", got)
	}
	lines := log.lines(t, "keys of the published set are ignored")
	if len(lines) != 1 || lines[0]["issuer"] != lms || strings.Contains(log.String(), "Y2FuYXJ5") {
		t.Errorf("log = %s, want one warning without a key in it", log)
	}
	for _, reason := range []string{"key 1: it is a private key", "key 2: only RSA", "key 3: it is for encryption", "key 4: only RSA", "key 5", "key 6", "key 7: it has 17 bits"} {
		if len(lines) == 1 && !strings.Contains(fmt.Sprint(lines[0]["reasons"]), reason) {
			t.Errorf("reasons %v lack %q", lines[0]["reasons"], reason)
		}
	}
}

// A key that leaves the set opens no door any more, not even for tokens that are
// remembered; and after a night without callers it does not do so once more.
func TestAWithdrawnKeyIsForgotten(t *testing.T) {
	t.Parallel()
	own, leaked := rsaKey(t), rsaKey(t)
	p, c := publish(t, own, leaked), &clock{}
	fetched := make(chan error, 10)
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now, Keys: gateway.KeysConfig{OnFetch: func(_ string, err error) { fetched <- err }}})
	fetch := func() {
		t.Helper()
		if err := <-fetched; err != nil {
			t.Error(err)
		}
	}
	token := signed(t, jwt.SigningMethodRS512, leaked, with("exp", noon().Add(100*time.Hour).Unix()))
	if got := outcome(t.Context(), v, token); got != "" {
		t.Fatal(got)
	}
	fetch()
	p.set(keySet(t, own))
	c.advance(time.Minute)
	if got := outcome(t.Context(), v, token); got != "" {
		t.Errorf("within the refresh time: %q", got)
	}
	c.advance(12 * time.Hour)
	if got := outcome(t.Context(), v, token); got != "bad_signature" {
		t.Errorf("after the night: %q, want bad_signature", got)
	}
	fetch()
	// In use, keys are fetched without anybody waiting for it.
	p.set(keySet(t, own, leaked))
	c.advance(10 * time.Minute)
	if got := outcome(t.Context(), v, c.token(t, own, "")); got != "" {
		t.Error(got)
	}
	fetch()
	if got := outcome(t.Context(), v, token); got != "" {
		t.Errorf("published again: %q", got)
	}
}

// Fetching the same keys again costs nobody a signature.
func TestARefreshWithoutNewsForgetsNoTokens(t *testing.T) {
	t.Parallel()
	own, c := rsaKey(t), &clock{}
	p := publish(t, own)
	fetched, outcomes := make(chan error, 10), make(chan string, 10)
	v := fetching(t, p, gateway.VerifierConfig{
		Now: c.now, OnToken: func(o string) { outcomes <- o },
		Keys: gateway.KeysConfig{OnFetch: func(_ string, err error) { fetched <- err }},
	})
	token := signed(t, jwt.SigningMethodRS512, own, good())
	for i, want := range []string{"verified", "remembered", "remembered"} {
		_, err := v.Verify(t.Context(), token)
		if got := <-outcomes; err != nil || got != want {
			t.Errorf("%d: %s, %v; want %s", i, got, err, want)
		}
		if err := <-fetched; err != nil {
			t.Error(err)
		}
		c.advance(10 * time.Minute)
	}
}

func TestACallerDoesNotWaitBeyondItsTime(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p, c := publish(t), &clock{}
	p.answer(func(_ http.ResponseWriter, r *http.Request) { waitFor(r, release) })
	t.Cleanup(func() { close(release) })
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now, Keys: gateway.KeysConfig{Timeout: 300 * time.Millisecond}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("canary"))
	_, err := v.Verify(ctx, c.token(t, rsaKey(t), ""))
	if registrar.CodeOf(err) != "keys_unavailable" || !strings.Contains(fmt.Sprint(err), "canary") {
		t.Errorf("error = %v, want keys_unavailable because the caller went", err)
	}
	if err := v.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), lms) {
		t.Errorf("Ready = %v, want the issuer named", err)
	}
}

func TestURLsThatAreNotSafeAreRefused(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"http://lms.example.org/jwks":      "want https",
		"http://127.0.0.1.example.org/":    "want https",
		"http://localhost.example.org/":    "want https",
		"http://169.254.169.254/":          "want https",
		"ftp://lms.example.org/jwks":       "want https",
		"file:///etc/jwks":                 "https://host/path",
		"lms.example.org/jwks":             "https://host/path",
		"https://":                         "https://host/path",
		"https://canary@lms.example.org/":  "without a user",
		"https://lms.example.org/#a":       "fragment",
		"https://lms.example.org/jwks":     "",
		"http://localhost:18000/jwks":      "",
		"http://127.0.0.1:18000/jwks?a=b":  "",
		"http://[::1]:18000/jwks":          "",
		"https://lms.example.org:8443/?k=": "",
	} {
		_, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, JWKSURL: address}}, gateway.VerifierConfig{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v quotes a user", err)
		}
	}
}

func TestReplaceSwapsEverythingOrNothing(t *testing.T) {
	t.Parallel()
	own, second := rsaKey(t), rsaKey(t)
	p, c := publish(t, own), &clock{}
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now})
	first, other := c.token(t, own, ""), signed(t, jwt.SigningMethodHS256, []byte(secret), with("iss", symmetric))
	check := func(when, wantFirst, wantOther string) {
		t.Helper()
		if a, b := outcome(t.Context(), v, first), outcome(t.Context(), v, other); a != wantFirst || b != wantOther {
			t.Errorf("%s: %q and %q, want %q and %q", when, a, b, wantFirst, wantOther)
		}
	}
	check("at first", "", "unknown_issuer")
	for name, bad := range map[string][]gateway.Issuer{
		"none": nil,
		"one of two": {
			{Issuer: symmetric, HS256Secret: secret},
			{Issuer: "broken", JWKSet: []byte("{")},
		},
		"URL":       {{Issuer: lms, JWKSURL: "http://lms.example.org/"}},
		"two kinds": {{Issuer: lms, JWKSURL: p.URL, Source: source(func() (*gateway.KeySet, error) { return &gateway.KeySet{}, nil })}},
	} {
		if err := v.Replace(bad); err == nil {
			t.Errorf("%s was taken", name)
		}
		check(name, "", "unknown_issuer")
	}
	// The keys of a URL that stays are not fetched again: it may be away now.
	p.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	if err := v.Replace([]gateway.Issuer{{Issuer: lms, JWKSURL: p.URL, JWKSet: keySet(t, second)}, {Issuer: symmetric, HS256Secret: secret}}); err != nil {
		t.Fatal(err)
	}
	check("with a second issuer", "", "")
	if got := outcome(t.Context(), v, c.token(t, second, "")); got != "" || p.fetches.Load() != 1 {
		t.Errorf("new configured key: %q after %d fetches", got, p.fetches.Load())
	}
	if err := v.Replace([]gateway.Issuer{{Issuer: symmetric, HS256Secret: secret}}); err != nil {
		t.Fatal(err)
	}
	check("without the first", "unknown_issuer", "")
	if err := v.Replace([]gateway.Issuer{{Issuer: symmetric, HS256Secret: secret + "2"}}); err != nil {
		t.Fatal(err)
	}
	check("with another secret", "unknown_issuer", "bad_signature")
}

// A reload while callers come refuses nobody who is good before and after it.
func TestReplaceUnderLoad(t *testing.T) {
	t.Parallel()
	own := rsaKey(t)
	p := publish(t, own)
	v := fetching(t, p, gateway.VerifierConfig{Now: noon})
	token := signed(t, jwt.SigningMethodRS512, own, good())
	done := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := outcome(context.Background(), v, token); got != "" {
					t.Errorf("refused: %s", got)
					return
				}
			}
		})
	}
	for i := range 200 {
		if err := v.Replace([]gateway.Issuer{{Issuer: lms, JWKSURL: p.URL, Audience: map[bool]string{true: "openedx"}[i%2 == 0]}}); err != nil {
			t.Error(err)
		}
	}
	close(done)
	callers.Wait()
}

// A token tells lies about its header; none of them may lead anywhere.
func TestHeadersThatPointAtKeysAreNotFollowed(t *testing.T) {
	t.Parallel()
	own, evil := rsaKey(t), rsaKey(t)
	p, trap, c := publish(t, own), publish(t, evil), &clock{}
	v := fetching(t, p, gateway.VerifierConfig{Now: c.now})
	var jwk struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(keySet(t, evil), &jwk); err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]map[string]any{
		"jku":     {"jku": trap.URL},
		"x5u":     {"x5u": trap.URL},
		"jwk":     {"jwk": jwk.Keys[0]},
		"kid URL": {"kid": trap.URL},
		"crit":    {"crit": []string{"exp"}},
		"kid":     {"kid": map[string]string{"a": "b"}},
		"zip":     {"zip": "DEF"},
	} {
		token := jwt.NewWithClaims(jwt.SigningMethodRS512, issuedAt(c, -time.Hour))
		for key, value := range header {
			token.Header[key] = value
		}
		text, err := token.SignedString(evil)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(t.Context(), v, text); got != "bad_signature" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if n := trap.fetches.Load(); n != 0 {
		t.Errorf("a token's URL was asked %d times", n)
	}
}
