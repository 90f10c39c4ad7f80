package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"
)

var errRuleTime = errors.New("the time of the rule is over")

// stream passes a request on and its answer back, neither of them kept.
func (p *Passthrough) stream(c *fiber.Ctx, r *rule, t target) error {
	ctx, cancel := context.WithTimeoutCause(c.UserContext(), r.Timeout, errRuleTime)
	streams := false
	defer func() {
		if !streams {
			cancel()
		}
	}()
	o := p.origins[r.Upstream]
	x := exchange{method: upstreamMethod(c), path: r.path(t), query: r.upstreamQuery(t)}
	reads := x.method == http.MethodGet
	x.header = forwarded(c, reads)
	if !reads {
		var err error
		if x.body, err = uploadOf(c, r.MaxBody); err != nil {
			return err
		}
	}
	response, err := o.do(ctx, x)
	if x.body != nil {
		x.body.detach(c)
	}
	if err != nil {
		return err
	}
	if !answered(response, x.header) {
		err := o.refused(response)
		_ = response.Body.Close()
		return err
	}
	if !c.Request().Header.IsHTTP11() {
		return p.passWhole(ctx, c, x, response, o)
	}
	streams = true
	return p.pass(c, r, response, cancel)
}

// passWhole is for a caller who does not speak HTTP/1.1, and to whom a body of
// unknown length cannot be sent in pieces: see settle. What would be too much to
// hold for a rule that buffers is too much here.
func (p *Passthrough) passWhole(ctx context.Context, c *fiber.Ctx, x exchange, response *http.Response, o *origin) error {
	defer func() { _ = response.Body.Close() }()
	body, err := p.whole(ctx, x, response, o)
	if err != nil {
		return err
	}
	begin(c, response)
	if !bodiless(response.StatusCode) {
		c.Response().SetBodyRaw(body)
	}
	return nil
}

// whole reads an answer to its end, as far as one may be held in memory.
func (p *Passthrough) whole(ctx context.Context, x exchange, response *http.Response, o *origin) ([]byte, error) {
	if response.ContentLength > p.cfg.MaxBuffered {
		return nil, o.tooLong()
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, p.cfg.MaxBuffered+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, o.garbage(err)
	case err != nil:
		return nil, o.broken(ctx, x, err)
	case int64(len(body)) > p.cfg.MaxBuffered:
		return nil, o.tooLong()
	}
	return body, nil
}

// begin sets what precedes the body.
func begin(c *fiber.Ctx, response *http.Response) {
	c.Status(response.StatusCode)
	returned(c, response.Header)
	c.Vary(fiber.HeaderAccept, fiber.HeaderAuthorization)
}

// pass begins the answer. cancel is called when the whole of it is sent.
func (p *Passthrough) pass(c *fiber.Ctx, r *rule, response *http.Response, cancel context.CancelFunc) error {
	o := p.origins[r.Upstream]
	if response.ContentLength > p.cfg.MaxAnswer {
		cancel()
		_ = response.Body.Close()
		return o.tooLong()
	}
	begin(c, response)
	if bodiless(response.StatusCode) {
		cancel()
		return response.Body.Close()
	}
	id, log, rule := visitOf(c).id, p.cfg.Log, r.Name
	length := -1
	if response.ContentLength >= 0 {
		length = int(response.ContentLength)
	}
	c.Context().SetBodyStream(&download{
		body: response.Body, left: p.cfg.MaxAnswer, end: cancel,
		broke: func(err error) {
			// The reply has begun, so this line is all that tells of it.
			log.LogAttrs(context.WithoutCancel(response.Request.Context()), slog.LevelWarn, "passthrough answer broke off",
				slog.String("request_id", id), slog.String("rule", rule), slog.Any("error", err))
		},
	}, length)
	return nil
}

// upstreamMethod asks for HEAD with GET: the upstreams know GET best, and the
// server below leaves the body out.
func upstreamMethod(c *fiber.Ctx) string {
	if c.Method() == fiber.MethodHead {
		return fiber.MethodGet
	}
	return knownMethod(c.Method())
}

// answered reports whether a response is one to pass on.
func answered(response *http.Response, asked http.Header) bool {
	if response.StatusCode == http.StatusNotModified {
		return asked.Get(fiber.HeaderIfNoneMatch) != "" || asked.Get(fiber.HeaderIfModifiedSince) != ""
	}
	return response.StatusCode >= 200 && response.StatusCode < 300
}

func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}
