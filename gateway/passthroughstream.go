package gateway

import (
	"context"
	"errors"
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
	streams = true
	return p.pass(c, r, response, cancel)
}

// pass begins the answer. cancel is called when the whole of it is sent.
func (p *Passthrough) pass(c *fiber.Ctx, r *rule, response *http.Response, cancel context.CancelFunc) error {
	o := p.origins[r.Upstream]
	if response.ContentLength > p.cfg.MaxAnswer {
		cancel()
		_ = response.Body.Close()
		return o.garbage(errAnswerTooLong)
	}
	c.Status(response.StatusCode)
	returned(c, response.Header)
	c.Vary(fiber.HeaderAccept, fiber.HeaderAuthorization)
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
