package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"registrar/internal/resting"
)

// Config says how one upstream is called. The zero value of each field but
// BaseURL is its documented default.
type Config struct {
	// Name begins the sentences of errors: "The LMS" (the default) or "Discovery".
	Name string
	// BaseURL is the scheme and host, with a path prefix if there is one. It is
	// the only host that ever sees the token.
	BaseURL   string
	UserAgent string        // default "registrar"
	Timeout   time.Duration // of one try, its body included; default 10 s
	MaxBody   int64         // bytes of one answer, unpacked; default 32 MiB
	// Concurrency caps the calls in flight; more wait as long as their context
	// lets them. Default 32.
	Concurrency int
	// Retries caps the further tries of one read. Default 2; negative for none.
	Retries int
	// RetryBudget is the share of reads that may be tried again. Default 0.1.
	RetryBudget float64
	Breaker     BreakerConfig
	// Budget caps how often the upstream is called.
	Budget BudgetConfig
	// Ledger, if set, keeps the budget together with other replicas; else, and
	// while it fails, this process counts alone.
	Ledger Ledger
	// LedgerRest says when Ledger is left alone because it did not answer; whoever
	// else uses what it is kept in may share it. Default: one of its own.
	LedgerRest *resting.Rest
	// Observe, if set, hears of every try once it is over. It must not block.
	Observe func(context.Context, Call)
	// Transport replaces the tuned one of [NewTransport], to wrap or to fake it.
	Transport http.RoundTripper
	// Tracer, if set, makes a span of every try. The trace in the context is
	// passed on upstream with or without it.
	Tracer trace.Tracer
}

// BreakerConfig says when a class of operations is given a rest.
type BreakerConfig struct {
	FailureRate float64 // share of failed calls that opens it; default 0.5
	// MinCalls is the calls within Window before it may open; default 10. Half of
	// those that can time out within Window are always enough: an upstream that
	// hangs holds every slot, and ends only Concurrency calls a Timeout.
	MinCalls int
	Window   time.Duration // default 30 s
	OpenFor  time.Duration // time until it lets a call through again; default 5 s
	// Observe lets every call pass and only tells what would have been refused.
	Observe bool
}

// TokenSource hands out the service account's token. [Tokens] is one.
type TokenSource interface {
	// Token returns a token to send now, or why there is none, classified.
	Token(ctx context.Context) (string, error)
	// Drop forgets token because an upstream refused it. Another token that has
	// taken its place meanwhile stays.
	Drop(token string)
}

func (c Config) withDefaults() Config {
	c.Name = or(c.Name, "The LMS")
	c.UserAgent = or(c.UserAgent, "registrar")
	c.Timeout = or(c.Timeout, 10*time.Second)
	c.MaxBody = or(c.MaxBody, 32<<20)
	c.Concurrency = or(c.Concurrency, 32)
	c.Retries = or(c.Retries, 2)
	c.RetryBudget = or(c.RetryBudget, 0.1)
	c.Breaker.FailureRate = or(c.Breaker.FailureRate, 0.5)
	c.Breaker.MinCalls = or(c.Breaker.MinCalls, 10)
	c.Breaker.Window = or(c.Breaker.Window, 30*time.Second)
	c.Breaker.OpenFor = or(c.Breaker.OpenFor, 5*time.Second)
	c.Breaker.MinCalls = min(c.Breaker.MinCalls, c.hungCalls())
	c.Budget = c.Budget.withDefaults()
	if c.LedgerRest == nil {
		c.LedgerRest = resting.New(resting.Config{})
	}
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	return c
}

// hungCalls is half of the calls that can time out within the breaker's window,
// one at least; in floating point, for nothing is checked yet.
func (c Config) hungCalls() int {
	perWindow := float64(c.Concurrency) * c.Breaker.Window.Seconds() / c.Timeout.Seconds()
	return int(min(max(perWindow/2, 1), math.MaxInt32))
}

// check refuses what would panic or hang later.
func (c Config) check() error {
	if c.Timeout < 0 || c.MaxBody < 0 || c.Concurrency < 0 {
		return errors.New("upstream: a timeout, a body limit and a concurrency are positive")
	}
	b := c.Breaker
	if b.FailureRate < 0 || b.FailureRate > 1 || b.MinCalls < 0 || b.Window < 0 || b.OpenFor < 0 {
		return errors.New("upstream: a breaker wants a rate from 0 to 1 and positive counts and times")
	}
	return c.Budget.check()
}

// parseBase returns the base URL without its trailing slash.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil:
		// The text of a parse error repeats the URL, which may hold a password.
		return nil, errors.New("upstream: the base URL cannot be read")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New(`upstream: the base URL wants the form "https://host"`)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("upstream: the base URL of host %q holds more than host and path", u.Host)
	}
	return u, nil
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
