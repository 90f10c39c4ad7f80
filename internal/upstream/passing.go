package upstream

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// passingClass is the class of operations of what others send with our account.
const passingClass = "passthrough"

// Passing puts the books and the breaker of c around a transport by which others
// call the same upstream with the same account: the upstream counts their calls
// with ours, so the budget must too, and one that is away is away for them as
// well. A call that either refuses is not sent; the error is a [registrar.Error].
func (c *Client) Passing(next http.RoundTripper) http.RoundTripper { return &passage{c, next} }

// passage is a transport with the books of client around it.
type passage struct {
	client *Client
	next   http.RoundTripper
}

// RoundTrip waits for the budget's grant, sends the request within a span, and
// learns from an answer that asks for fewer calls.
func (p *passage) RoundTrip(req *http.Request) (*http.Response, error) {
	t, permit, err := p.enter(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	c := p.client
	ctx, span := c.cfg.Tracer.Start(req.Context(), passingClass, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("registrar.upstream", c.cfg.Name),
		attribute.String("registrar.class", passingClass),
		attribute.String("http.request.method", req.Method),
	))
	defer span.End()
	req = req.Clone(ctx) // a transport may not change what it is given
	passOn(ctx, req.Header)
	x := crossing{over: ctx.Err, client: c, permit: permit, begun: time.Now(), sent: watchSending(req)}
	resp, err := p.next.RoundTrip(req)
	if err != nil {
		x.settle(0, err)
		span.SetStatus(codes.Error, "") // the text may hold the URL
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	c.learn(ctx, Request{Operation: passingClass}, Response{Status: resp.StatusCode, retryAfter: wished(resp)}, t)
	x.follow(resp)
	return resp, nil
}

// enter asks the breaker, waits for the budget, and asks the breaker again: no
// probe of a half-open one is spent on waiting.
func (p *passage) enter(ctx context.Context) (ticket, permit, error) {
	c := p.client
	breaker := c.breakers.of(passingClass)
	if rest := breaker.rest(); rest > 0 {
		return ticket{}, permit{}, c.voice.resting(passingClass, rest)
	}
	t, err := p.grant(ctx)
	if err != nil {
		return ticket{}, permit{}, err
	}
	granted, ok := breaker.acquire()
	if !ok {
		return ticket{}, permit{}, c.voice.resting(passingClass, breaker.RemainingDelay())
	}
	return t, granted, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (p *passage) CloseIdleConnections() {
	if closer, ok := p.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (p *passage) grant(ctx context.Context) (ticket, error) {
	c := p.client
	patience := c.meter.patience(ctx)
	for {
		verdict, t := c.meter.take(ctx, passingClass)
		if verdict.Granted {
			return t, nil
		}
		if !patience.covers(verdict.Wait) {
			c.meter.refused(ctx, passingClass, verdict)
			return ticket{}, c.voice.spent(passingClass, verdict)
		}
		c.meter.waits.Add(1)
		if err := patience.wait(ctx, verdict.Wait); err != nil {
			return ticket{}, c.voice.givenUp(passingClass, err)
		}
	}
}

// wished is how long an answer asks to wait. What it reads of the body for that
// is put back.
func wished(resp *http.Response) time.Duration {
	var start []byte
	if resp.StatusCode == http.StatusTooManyRequests {
		const enough = 4 << 10
		// What breaks here breaks again for whoever reads the rest.
		start, _ = io.ReadAll(io.LimitReader(resp.Body, enough))
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(start), resp.Body), resp.Body}
	}
	return retryAfter(resp.StatusCode, resp.Header, start, time.Now())
}
