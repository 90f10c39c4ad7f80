package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"registrar/internal/registrar"
)

// StatusError is the cause within an error for a status that was no answer. Packages
// that know an endpoint find it with errors.AsType and read the reason from its
// body. Its own text names the status alone.
type StatusError struct{ Response Response }

// Error names the operation and the status.
func (r *StatusError) Error() string {
	return fmt.Sprintf("upstream: %s: status %d", r.Response.operation, r.Response.Status)
}

// HTTPStatus returns the status, for those who must not know this package.
func (r *StatusError) HTTPStatus() int { return r.Response.Status }

// voice makes the errors of one upstream; it is the name that their sentences
// begin with.
type voice string

func (v voice) fail(kind registrar.Kind, code, predicate string, cause error) *registrar.Error {
	return &registrar.Error{Kind: kind, Code: code, Detail: string(v) + " " + predicate, Err: cause}
}

// refused classifies a status that the request did not accept.
func (v voice) refused(r Response) error {
	cause := &StatusError{Response: r}
	var e *registrar.Error
	switch status := r.Status; {
	case status >= 300 && status < 400:
		e = v.fail(registrar.Upstream, "upstream_redirect", "answered with a redirect; its base URL may be wrong.", cause)
	case status == 401 || status == 403:
		// The gateway's own account lacks a right; the caller's 401 and 403 mean something else.
		e = v.fail(registrar.Upstream, "upstream_denied", "refused the gateway's service account.", cause)
	case status == 404 && r.isPage():
		// The views of both services say "not found" in JSON or without a body. A
		// page is a route that is not there, or a proxy in front during a deployment:
		// no answer to what was asked, and nothing to remember as one.
		e = v.fail(registrar.Upstream, "upstream_no_route", "has no such endpoint; its base URL may be wrong.", cause)
	case status == 404:
		e = v.fail(registrar.NotFound, "upstream_not_found", "does not know what was asked for.", cause)
	case status == 429:
		e = v.fail(registrar.Unavailable, "upstream_throttled", "asks for fewer requests.", cause)
	case status >= 500:
		e = v.fail(registrar.Upstream, "upstream_error", "failed to answer.", cause)
	default:
		e = v.fail(registrar.Upstream, "upstream_rejected", "rejected the gateway's request.", cause)
	}
	e.RetryAfter = r.retryAfter
	return e
}

func (v voice) garbage(operation string, cause error) error {
	return v.fail(registrar.Upstream, "upstream_garbage", "sent an answer that cannot be read.",
		fmt.Errorf("upstream: %s: %w", operation, cause))
}

// broken classifies an exchange that ended without a whole answer. caller is the
// context of the request, exchange that of this try.
func (v voice) broken(caller, exchange context.Context, operation string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its own text holds the URL
	}
	cause := fmt.Errorf("upstream: %s: %w", operation, err)
	var network net.Error
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		return v.givenUp(operation, caller.Err())
	case exchange.Err() != nil, errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return v.timedOut(cause)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return v.garbage(operation, err) // a body that stopped half way
	}
	return v.fail(registrar.Upstream, "upstream_unreachable", "cannot be reached.", cause)
}

func (v voice) timedOut(cause error) error {
	return v.fail(registrar.Timeout, "upstream_timeout", "did not answer in time.", cause)
}

// givenUp is for a caller who went away: nobody is at fault, and nobody reads it
// but the log.
func (v voice) givenUp(operation string, err error) error {
	return &registrar.Error{
		Kind: registrar.Unavailable, Code: "request_canceled", Detail: "The request was given up.",
		Err: fmt.Errorf("upstream: %s: %w", operation, err),
	}
}

func (v voice) resting(operation string, wait time.Duration) error {
	e := v.fail(registrar.Unavailable, "breaker_open", "failed too often and is given a rest.",
		fmt.Errorf("upstream: %s: the breaker is open", operation))
	e.RetryAfter = max(wait, time.Second)
	return e
}

// busy is for a call that found no free slot before its time was over.
func (v voice) busy(operation string, err error) error {
	if errors.Is(err, context.Canceled) {
		return v.givenUp(operation, err)
	}
	e := v.fail(registrar.Unavailable, "upstream_busy", "has as many requests in flight as it may have.",
		fmt.Errorf("upstream: %s: waiting for a slot: %w", operation, err))
	e.RetryAfter = time.Second
	return e
}

func isTimeout(err error) bool { return registrar.KindOf(err) == registrar.Timeout }

// isCutShort reports whether a body ended before its announced length.
func isCutShort(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
