package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"registrar/internal/registrar"
)

// Origin is one upstream as the passthrough reaches it.
type Origin struct {
	// BaseURL is the scheme and host, with a path prefix if there is one. It is
	// the only host that ever sees the token.
	BaseURL string
	Tokens  Tokens // of our account there; required with a BaseURL
	// Transport replaces the tuned default, to trace or to fake it.
	Transport http.RoundTripper
	// Around, if set, is put around the transport: to count what passes against the
	// budget of the account, and to trace it. A [registrar.Error] of it is told as
	// it is; another error means that the upstream cannot be reached.
	Around func(http.RoundTripper) http.RoundTripper
}

// Tokens hands out our own account's token for an upstream.
type Tokens interface {
	// Token returns a token to send now, or why there is none, classified.
	Token(ctx context.Context) (string, error)
	// Drop forgets token because the upstream refused it.
	Drop(token string)
}

// maxConnections bounds the exchanges at the same time with one upstream; more
// wait as long as their rule lets them.
const maxConnections = 64

// deniedFor is how long a 401 is taken at its word after a fresh token did not
// help: else every request of a misconfigured site would fetch a token.
const deniedFor = 10 * time.Second

// origin is an [Origin] that is ready for use.
type origin struct {
	name   string // begins the sentences of errors
	base   string // without a slash at the end
	agent  string
	tokens Tokens
	client *http.Client
	now    func() time.Time
	// deniedUntil is when a 401 may again cost a token, in Unix nanoseconds.
	deniedUntil atomic.Int64
}

func newOrigin(upstream Upstream, at Origin, cfg PassthroughConfig) (*origin, error) {
	u, err := url.Parse(strings.TrimRight(at.BaseURL, "/"))
	// The text of a parse error repeats the URL, which may hold a password.
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf(`gateway: passthrough: the base URL of %q wants the form "https://host"`, upstream)
	}
	if at.Tokens == nil {
		return nil, fmt.Errorf("gateway: passthrough: %q has no source of tokens", upstream)
	}
	o := &origin{name: "The LMS", base: u.String(), agent: cfg.UserAgent, tokens: at.Tokens, now: cfg.Now}
	if upstream == Discovery {
		o.name = "Discovery"
	}
	transport := at.Transport
	if transport == nil {
		transport = newTransport()
	}
	if at.Around != nil {
		transport = at.Around(transport)
	}
	o.client = &http.Client{
		Transport: transport,
		// A redirect could carry the token to another host, and loses a body.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return o, nil
}

// newTransport ignores the proxy variables of the environment, because a token
// must not take a way that the configuration does not name.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    3 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        maxConnections,
		MaxIdleConns:           maxConnections,
		MaxIdleConnsPerHost:    maxConnections,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// exchange is one request to an upstream.
type exchange struct {
	method string
	path   string // escaped, from the base URL on
	query  string
	header http.Header
	body   *upload // nil: none
}

// do makes an exchange and returns the response, whatever its status. A read that
// our token was refused for is asked once more with another one; a write, and
// whatever has a body, is sent once. Its errors are classified.
func (o *origin) do(ctx context.Context, x exchange) (*http.Response, error) {
	renewed := false
	for {
		token, err := o.tokens.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("gateway: passthrough: %w", err)
		}
		response, err := o.send(ctx, x, token)
		if err != nil {
			return nil, err
		}
		again := response.StatusCode == http.StatusUnauthorized && o.renew(token, renewed)
		if !again || x.method != http.MethodGet || x.body != nil {
			return response, nil
		}
		_ = response.Body.Close()
		renewed = true
	}
}

// renew drops a token that was refused and reports whether another may help.
func (o *origin) renew(token string, renewed bool) bool {
	now := o.now()
	if renewed {
		o.deniedUntil.Store(now.Add(deniedFor).UnixNano())
		return false
	}
	if now.UnixNano() < o.deniedUntil.Load() {
		return false
	}
	o.tokens.Drop(token)
	return true
}

func (o *origin) send(ctx context.Context, x exchange, token string) (*http.Response, error) {
	request, err := o.request(ctx, x)
	if err != nil {
		return nil, registrar.Fail(registrar.Internal, o.name+" could not be asked.", err)
	}
	// Not "Bearer": the LMS would look a JWT up as an opaque token and refuse it.
	request.Header.Set("Authorization", "JWT "+token)
	response, err := o.client.Do(request)
	if err != nil {
		return nil, o.broken(ctx, x, err)
	}
	return response, nil
}

// request builds the request from the target alone. Escapes stay as they are.
func (o *origin) request(ctx context.Context, x exchange) (*http.Request, error) {
	u, err := url.Parse(o.base + x.path)
	if err != nil {
		return nil, errors.New("gateway: passthrough: the path is not an escaped one")
	}
	u.RawQuery = x.query
	request, err := http.NewRequestWithContext(ctx, x.method, u.String(), http.NoBody)
	if err != nil {
		return nil, errors.New("gateway: passthrough: the request cannot be built")
	}
	if x.body != nil {
		request.Body, request.ContentLength = x.body, x.body.length
	}
	request.Header = x.header.Clone()
	request.Header.Set("User-Agent", o.agent)
	if id := registrar.RequestID(ctx); id != "" {
		request.Header.Set("X-Request-ID", id)
	}
	return request, nil
}
