package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"

	"registrar/internal/registrar"
)

// Client reads from one upstream and writes to it. It is safe for concurrent use.
type Client struct {
	cfg      Config
	base     *url.URL
	voice    voice
	tokens   TokenSource
	http     *http.Client
	slots    bulkhead.Bulkhead[any]
	breakers *breakers
	budget   *budget
	meter    *meter
	log      *slog.Logger
	// deniedUntil is when a 401 may again cost a token, in Unix nanoseconds.
	deniedUntil atomic.Int64
}

// deniedFor is how long 401s are taken at their word after a fresh token did not
// help: else every call of a misconfigured site would fetch a token.
const deniedFor = 10 * time.Second

// errTryTimeout tells the log that the clock of one try ran out, not the caller's.
var errTryTimeout = errors.New("the time of one try is over")

// New returns a client of the upstream at cfg.BaseURL, or an error when cfg
// cannot work. log may be nil.
func New(cfg Config, tokens TokenSource, log *slog.Logger) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if tokens == nil {
		return nil, errors.New("upstream: a client wants a token source")
	}
	transport := cfg.Transport
	if transport == nil {
		transport = NewTransport(cfg.Concurrency)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		cfg: cfg, base: base, voice: voice(cfg.Name), tokens: tokens,
		http:     newHTTPClient(transport),
		slots:    bulkhead.New[any](uint(cfg.Concurrency)),
		breakers: newBreakers(cfg, log),
		budget:   newBudget(cfg.RetryBudget),
		meter:    newMeter(cfg, log),
		log:      log,
	}, nil
}

// BaseURL returns the configured base without a trailing slash.
func (c *Client) BaseURL() string { return c.base.String() }

// Close lets go of idle connections. Reads in flight go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get makes one read and returns the response that r accepts. Every error is a
// [registrar.Error]; one for a refused status holds a [StatusError].
func (c *Client) Get(ctx context.Context, r Request) (Response, error) {
	c.budget.deposit()
	renewed := false
	for asked, try := 1, 1; ; asked++ {
		start := time.Now()
		resp, token, err := c.try(ctx, r)
		c.observe(ctx, r, asked, resp.Status, time.Since(start), err)
		if err == nil {
			return resp, nil
		}
		if resp.Status == http.StatusUnauthorized && c.renew(token, renewed) {
			renewed = true // not counted as a retry: the upstream is well
			continue
		}
		try++
		if !c.again(ctx, r.class(), err, try) {
			c.logFailure(ctx, r, asked, err)
			return Response{}, err
		}
	}
}

// renew drops a token that was refused and reports whether one more try with
// another is worth it.
func (c *Client) renew(token string, renewed bool) bool {
	now := time.Now()
	if renewed {
		c.deniedUntil.Store(now.Add(deniedFor).UnixNano())
		return false
	}
	if now.UnixNano() < c.deniedUntil.Load() {
		return false
	}
	c.tokens.Drop(token)
	return true
}

// try makes one exchange, if breaker, slots, token and budget allow. On a refused status
// it returns that response with the error, and the token that was sent.
func (c *Client) try(ctx context.Context, r Request) (Response, string, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, "", c.voice.broken(ctx, ctx, r.Operation, err)
	}
	breaker := c.breakers.of(r.class())
	if rest := breaker.rest(); rest > 0 {
		return Response{}, "", c.voice.resting(r.Operation, rest)
	}
	e, err := c.enter(ctx, r)
	if err != nil {
		return Response{}, "", err
	}
	defer c.slots.ReleasePermit()
	// Last, so that no probe of a half-open breaker is spent on waiting.
	permit, ok := breaker.acquire()
	if !ok {
		return Response{}, "", c.voice.resting(r.Operation, breaker.RemainingDelay())
	}
	judged := unjudged
	defer func() { permit.settle(judged) }()
	start := time.Now()
	resp, err := c.traced(ctx, r, e.token)
	judged = c.judge(resp, err, time.Since(start))
	c.learn(ctx, r, resp, e.ticket)
	return resp, e.token, err
}

// exchange sends the request and reads the answer, within the time of one try.
func (c *Client) exchange(ctx context.Context, r Request, token string) (Response, error) {
	within, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, errTryTimeout)
	defer cancel()
	req, err := c.build(within, r, token)
	if err != nil {
		return Response{}, c.voice.fail(registrar.Internal, "upstream_bad_request", "could not be asked.", err)
	}
	raw, err := c.http.Do(req)
	if err != nil {
		return Response{}, c.voice.broken(ctx, within, r.Operation, err)
	}
	defer func() {
		drain(raw.Body)
		_ = raw.Body.Close()
	}()
	body, err := readBody(raw.Body, c.cfg.MaxBody)
	switch {
	case errors.Is(err, errBodyTooLarge):
		return Response{}, c.voice.garbage(r.Operation, err)
	case err != nil:
		return Response{}, c.voice.broken(ctx, within, r.Operation, err)
	}
	return c.answer(r, raw, body)
}

// answer decides whether a response that was read to its end is an answer.
func (c *Client) answer(r Request, raw *http.Response, body []byte) (Response, error) {
	resp := Response{
		Status: raw.StatusCode, Body: body, JSON: isJSON(raw.Header),
		retryAfter: retryAfter(raw.StatusCode, raw.Header, body, time.Now()),
		voice:      c.voice, operation: r.Operation,
	}
	switch {
	case !r.accepts(resp):
		return resp, c.voice.refused(resp)
	case resp.Status == http.StatusNoContent:
		resp.Body = nil
	case resp.Status < 300 && !resp.JSON && !r.isWrite():
		// A login page or a proxy's notice, served with a friendly status.
		return resp, c.voice.garbage(r.Operation, errNotJSON)
	}
	return resp, nil
}

// judge tells what an exchange says of the upstream's health.
func (c *Client) judge(resp Response, err error, took time.Duration) verdict {
	switch {
	case resp.Status > 500:
		return failing
	case resp.Status != 0:
		return healthy
	case errors.Is(err, errBodyTooLarge):
		return healthy
	case errors.Is(err, context.Canceled), registrar.KindOf(err) == registrar.Internal:
		return unjudged
	case isTimeout(err) && took < c.cfg.Timeout/4:
		// The caller had hardly any time left; that is not the upstream's doing.
		return unjudged
	}
	return failing
}

// drain reads a little of what is left, so that the connection can be used
// again, and no more than that.
func drain(body io.Reader) {
	const worthReading = 16 << 10
	_, _ = io.CopyN(io.Discard, body, worthReading)
}
