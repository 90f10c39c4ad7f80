package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"registrar/internal/registrar"
)

// TokenConfig is the service account and where its tokens come from.
type TokenConfig struct {
	// Name is whose token endpoint it is, in the sentences of errors; default "The LMS".
	Name string
	// BaseURL is the LMS; the token comes from {base}/oauth2/access_token.
	BaseURL string
	// TokenURL, if set, is where the token comes from instead.
	TokenURL     string
	ClientID     string
	ClientSecret string
	UserAgent    string        // default "registrar"
	Timeout      time.Duration // of one fetch; default 8 s
	// Transport replaces the tuned one of [NewTransport], to wrap or to fake it.
	Transport http.RoundTripper
	// Logger hears of refreshes that failed in the background, where nobody
	// waits for the error; nil is silent.
	Logger *slog.Logger
}

// Tokens keeps the service account's token, one for the whole process. It
// fetches a new one in the background before the old one ends; the old one
// serves until then, also while a fetch fails. It is safe for concurrent use.
type Tokens struct {
	cfg    TokenConfig
	voice  voice
	oauth  clientcredentials.Config
	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex
	current grant
	flight  *flight // nil when nobody fetches
	failure error   // of the last fetch; nil after a success
	// holdUntil spares the endpoint after a failure: its limits are tight and
	// wrong credentials do not mend in a second.
	holdUntil time.Time
}

// flight is one fetch that any number of callers wait for. token and err are
// set before done is closed.
type flight struct {
	done  chan struct{}
	token string
	err   error
}

// NewTokens returns a source that has fetched nothing yet, or an error when cfg
// cannot work.
func NewTokens(cfg TokenConfig) (*Tokens, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" || cfg.Timeout < 0 {
		return nil, errors.New("upstream: the service account wants a client id, a secret and a positive timeout")
	}
	cfg.Timeout = or(cfg.Timeout, 8*time.Second)
	transport := cfg.Transport
	if transport == nil {
		transport = NewTransport(1)
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Tokens{
		cfg: cfg, voice: voice(or(cfg.Name, "The LMS") + "'s token endpoint"), log: log,
		client: newHTTPClient(namedAgent{transport, or(cfg.UserAgent, "registrar")}),
		oauth: clientcredentials.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret,
			// No slash at the end: a redirect would lose the form.
			TokenURL:       or(cfg.TokenURL, base.String()+"/oauth2/access_token"),
			EndpointParams: map[string][]string{"token_type": {"jwt"}},
			AuthStyle:      oauth2.AuthStyleInParams,
		},
	}, nil
}

// Token returns a token that has not ended yet, and waits for one only when
// there is none. A caller who gives up does not stop the fetch. Errors are
// classified: "service_account_refused" for bad credentials,
// "service_account_throttled" with a time to wait, or the codes of [Client.Get] with
// "token_endpoint_" for "upstream_": the upstream itself may be well.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	token, fetch, err := t.need(ctx)
	if fetch == nil {
		return token, err
	}
	select {
	case <-fetch.done:
		return fetch.token, fetch.err
	case <-ctx.Done():
		return "", endpoint(t.voice.broken(ctx, ctx, tokenOperation, ctx.Err()))
	}
}

// Drop forgets token, if it is still the current one, because an upstream
// refused it.
func (t *Tokens) Drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.token == token {
		t.current = grant{}
	}
}

// Close lets go of idle connections. A fetch in flight ends by its own timeout.
func (t *Tokens) Close() { t.client.CloseIdleConnections() }

// need returns the current token, the flight to wait for, or the failure that
// still holds. It starts a flight where one is due.
func (t *Tokens) need(ctx context.Context) (string, *flight, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	held := now.Before(t.holdUntil)
	alive := t.current.token != "" && now.Before(t.current.ends)
	due := !alive || !now.Before(t.current.refresh)
	if due && !held && t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		// The fetch serves everybody, so it outlives the caller who happened to start it.
		go t.run(context.WithoutCancel(ctx), t.flight)
	}
	switch {
	case alive:
		return t.current.token, nil, nil
	case t.flight != nil:
		return "", t.flight, nil
	}
	return "", nil, t.failure
}

func (t *Tokens) run(ctx context.Context, f *flight) {
	granted, err := t.fetchSafely(ctx)
	t.mu.Lock()
	t.failure, t.flight = err, nil
	if err == nil {
		t.current, t.holdUntil = granted, time.Time{}
	} else {
		t.holdUntil = time.Now().Add(holdFor(err))
	}
	f.token, f.err = granted.token, err
	t.mu.Unlock()
	close(f.done)
	if err != nil {
		t.log.WarnContext(ctx, "no new service account token",
			slog.String("code", registrar.CodeOf(err)),
			slog.Duration("next_try_in", holdFor(err)))
	}
}

func (t *Tokens) fetchSafely(ctx context.Context) (g grant, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value may quote what was parsed, so only its type is told.
			err = registrar.Fail(registrar.Internal, "The service account's token could not be read.", fmt.Errorf("upstream: panic of %T", p))
		}
	}()
	return t.fetch(ctx)
}

// holdFor is how long a failed fetch is not repeated.
func holdFor(err error) time.Duration {
	switch registrar.CodeOf(err) {
	case "service_account_refused", "service_account_expired":
		return 5 * time.Second
	case "service_account_throttled":
		return registrar.RetryAfterOf(err)
	}
	return 500 * time.Millisecond
}

// namedAgent sets the User-Agent, for which the OAuth library has no place.
type namedAgent struct {
	http.RoundTripper
	name string
}

// RoundTrip sends a copy of req under the service's own name.
func (a namedAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(req)
}
