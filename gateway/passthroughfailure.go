package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// fail makes an error of one upstream. A cause names the rule's operation and the
// status at most: URLs hold usernames, and bodies anything.
func (o *origin) fail(kind registrar.Kind, code, predicate string, cause error) *registrar.Error {
	return &registrar.Error{Kind: kind, Code: code, Detail: o.name + " " + predicate, Err: cause}
}

// refused classifies a status that is no answer. The upstream's words stay here;
// of its 4xx those pass as a status that speak of what the caller asked for.
func (o *origin) refused(response *http.Response) error {
	status := response.StatusCode
	cause := fmt.Errorf("gateway: passthrough: status %d", status)
	var e *registrar.Error
	switch {
	case status >= 300 && status < 400:
		return o.fail(registrar.Upstream, "upstream_redirect", "answered with a redirect; its base URL or the rule's path may be wrong.", cause)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// Our own account lacks a right; the caller's 401 and 403 mean something else.
		return o.fail(registrar.Upstream, "upstream_denied", "refused the gateway's service account.", cause)
	case status == http.StatusBadRequest:
		return o.fail(registrar.Invalid, "upstream_invalid", "does not understand what was asked.", cause)
	case status == http.StatusNotFound:
		return o.fail(registrar.NotFound, "upstream_not_found", "does not know what was asked for.", cause)
	case status == http.StatusConflict:
		return o.fail(registrar.Conflict, "upstream_conflict", "found that the request conflicts with the present state.", cause)
	case status == http.StatusRequestEntityTooLarge:
		return o.fail(registrar.TooLarge, "upstream_too_large", "takes no request of this size.", cause)
	case status == http.StatusUnsupportedMediaType:
		return o.fail(registrar.UnsupportedMedia, "upstream_unsupported_media_type", "does not take this media type.", cause)
	case status == http.StatusUnprocessableEntity:
		// No kind has this status, so it travels as the server's own refusals do.
		return o.fail(registrar.Invalid, "upstream_unprocessable", "could not do what was asked.", &serverError{status: status})
	case status == http.StatusTooManyRequests:
		e = o.fail(registrar.Unavailable, "upstream_throttled", "asks for fewer requests.", cause)
	case status >= 500:
		e = o.fail(registrar.Upstream, "upstream_error", "failed to answer.", cause)
	default:
		e = o.fail(registrar.Upstream, "upstream_rejected", "rejected the gateway's request.", cause)
	}
	e.RetryAfter = retryAfterOf(response, o.now())
	return e
}

// broken classifies an exchange that ended without a response.
func (o *origin) broken(ctx context.Context, x exchange, err error) error {
	if x.body != nil {
		if fault := x.body.fault.Load(); fault != nil {
			return *fault // it was the caller's end that broke
		}
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its own text holds the URL
	}
	if told, ok := errors.AsType[*registrar.Error](err); ok {
		return fmt.Errorf("gateway: passthrough: %w", told) // it was not sent
	}
	cause := fmt.Errorf("gateway: passthrough: %w", err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("gateway: passthrough: %w", ctx.Err())
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), isNetwork && network.Timeout():
		return o.fail(registrar.Timeout, "upstream_timeout", "did not answer in time.", cause)
	}
	return o.fail(registrar.Upstream, "upstream_unreachable", "cannot be reached.", cause)
}

// tooLong is for an answer over [PassthroughConfig.MaxAnswer], or over MaxBuffered
// where it has to be held.
func (o *origin) tooLong() error {
	return o.fail(registrar.Upstream, "upstream_too_long", "sent a longer answer than is passed on.",
		fmt.Errorf("gateway: passthrough: %w", errAnswerTooLong))
}

// garbage is for an answer that breaks off or cannot be read.
func (o *origin) garbage(cause error) error {
	return o.fail(registrar.Upstream, "upstream_garbage", "sent an answer that cannot be used.",
		fmt.Errorf("gateway: passthrough: %w", cause))
}

// retryAfterOf reads how long an upstream asks to wait, from its header or else
// from the sentence of Django REST framework, which the LMS sends without one.
func retryAfterOf(response *http.Response, now time.Time) time.Duration {
	const longest = time.Hour
	text := strings.TrimSpace(response.Header.Get(fiber.HeaderRetryAfter))
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	} else if response.StatusCode == http.StatusTooManyRequests {
		wait = throttledFor(response.Body)
	}
	return min(max(wait, 0), longest)
}

// throttledFor reads "Expected available in 37 seconds.".
func throttledFor(body io.Reader) time.Duration {
	const enough = 4 << 10
	text, err := io.ReadAll(io.LimitReader(body, enough))
	if err != nil {
		return 0
	}
	var said struct {
		Detail           string `json:"detail"`
		DeveloperMessage string `json:"developer_message"`
	}
	if json.Unmarshal(text, &said) != nil {
		return 0
	}
	_, rest, found := strings.Cut(said.Detail+said.DeveloperMessage, "available in ")
	number, _, _ := strings.Cut(rest, " ")
	seconds, err := strconv.ParseInt(number, 10, 32)
	if !found || err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
