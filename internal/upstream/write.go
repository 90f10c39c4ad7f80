package upstream

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"registrar/internal/registrar"
)

// Write is one change at one endpoint.
type Write struct {
	Operation string // as in [Request]
	Class     string // as in [Request]; not that of the reads, whose health is another
	Method    string // "POST", "PATCH" or "PUT"
	Path      string // as in [Request]
	Body      []byte // one JSON value
}

// Send makes one change. Every status but a redirect is an answer, whatever its
// body is; an error means that no whole answer came, and then nobody knows what
// the upstream did. So nothing is ever sent a second time, except after a 401,
// upon which the upstream did nothing: it costs one fresh token, as for reads.
func (c *Client) Send(ctx context.Context, w Write) (Response, error) {
	r := w.request()
	switch w.Method {
	case http.MethodPost, http.MethodPatch, http.MethodPut:
	default: // another method could be taken for a read, and repeated
		return Response{}, c.voice.fail(registrar.Internal, "upstream_bad_request", "could not be asked.",
			fmt.Errorf("upstream: %s: %q is no method of a write", w.Operation, w.Method))
	}
	for try := 1; ; try++ {
		start := time.Now()
		resp, token, err := c.try(ctx, r)
		c.observe(ctx, r, try, resp.Status, time.Since(start), c.counted(resp, err))
		if err != nil {
			c.logLostWrite(ctx, r, err)
			return Response{}, err
		}
		if resp.Status != http.StatusUnauthorized || !c.renew(token, try > 1) {
			return resp, nil
		}
	}
}

// request is w in the form of a read, which passes the same stations.
func (w Write) request() Request {
	return Request{
		Operation: w.Operation, Class: w.Class, Path: w.Path, method: w.Method, body: w.Body,
		Accept: func(r Response) bool { return r.Status < 300 || r.Status >= 400 },
	}
}

// counted is what the figures call an answer to a write. The caller takes every
// status, but an operator wants to see those that say no to the whole request;
// a 422 says no to every row in it, which is an answer.
func (c *Client) counted(resp Response, err error) error {
	if err != nil || resp.Status < 400 || resp.Status == http.StatusUnprocessableEntity {
		return err
	}
	return c.voice.refused(resp)
}

// logLostWrite tells of a write whose outcome is not known, or that was not sent.
func (c *Client) logLostWrite(ctx context.Context, r Request, err error) {
	c.log.DebugContext(ctx, "upstream write without an answer",
		slog.String("upstream", string(c.voice)),
		slog.String("operation", r.Operation),
		slog.String("code", registrar.CodeOf(err)))
}
