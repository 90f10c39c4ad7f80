package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// serverError is a refusal of the server below, whose status has no kind.
type serverError struct{ status int }

// Error tells the status alone: fasthttp's own texts quote the request.
func (e *serverError) Error() string { return http.StatusText(e.status) }

// fromServer classifies what fiber and fasthttp say, by status alone. err itself
// is dropped: its text may hold the request, credentials included.
func fromServer(err error) error {
	e, ok := errors.AsType[*fiber.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case fiber.StatusNotFound:
		return registrar.Fail(registrar.NotFound, "", nil)
	case fiber.StatusMethodNotAllowed:
		return registrar.Fail(registrar.MethodNotAllowed, "", nil)
	case fiber.StatusRequestEntityTooLarge:
		return registrar.Fail(registrar.TooLarge, "", nil)
	case fiber.StatusRequestTimeout:
		return &registrar.Error{
			Kind: registrar.Invalid, Code: "request_too_slow",
			Detail: "The request did not arrive in time.", Err: &serverError{status: e.Code},
		}
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return &registrar.Error{
			Kind: registrar.Invalid, Code: "headers_too_large",
			Detail: "The head of the request is larger than the server reads.", Err: &serverError{status: e.Code},
		}
	}
	// A connection that broke while we read it is a 502 to fiber; no upstream is.
	return &registrar.Error{
		Kind: registrar.Invalid, Code: "malformed_request",
		Detail: "The request is malformed: it could not be read.",
	}
}

// classified gives err a kind where the rooms further in gave it none.
func classified(err error) error {
	if _, ok := errors.AsType[*registrar.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok && e.Code < fiber.StatusInternalServerError {
		return fromServer(err)
	}
	// A caller who hangs up is not noticed, so only the end of the server cancels.
	if errors.Is(err, context.Canceled) {
		return &registrar.Error{
			Kind: registrar.Unavailable, Code: "shutting_down",
			Detail: "The server is shutting down.", Err: err,
		}
	}
	return err
}

// statusOf is the HTTP status of err.
func statusOf(err error) int {
	if e, ok := errors.AsType[*serverError](err); ok {
		return e.status
	}
	switch registrar.KindOf(err) {
	case registrar.Invalid:
		return fiber.StatusBadRequest
	case registrar.Unauthenticated:
		return fiber.StatusUnauthorized
	case registrar.Forbidden:
		return fiber.StatusForbidden
	case registrar.NotFound:
		return fiber.StatusNotFound
	case registrar.MethodNotAllowed:
		return fiber.StatusMethodNotAllowed
	case registrar.NotAcceptable:
		return fiber.StatusNotAcceptable
	case registrar.Conflict:
		return fiber.StatusConflict
	case registrar.TooLarge:
		return fiber.StatusRequestEntityTooLarge
	case registrar.UnsupportedMedia:
		return fiber.StatusUnsupportedMediaType
	case registrar.TooMany:
		return fiber.StatusTooManyRequests
	case registrar.Upstream:
		return fiber.StatusBadGateway
	case registrar.Unavailable:
		return fiber.StatusServiceUnavailable
	case registrar.Timeout:
		return fiber.StatusGatewayTimeout
	case registrar.Internal:
	}
	return fiber.StatusInternalServerError
}

// detailOf is the sentence the caller reads: the error's own if it has one, else
// the stock sentence of its kind. No other text of err is ever shown.
func detailOf(err error, kind registrar.Kind) string {
	if e, ok := errors.AsType[*registrar.Error](err); ok && e.Detail != "" {
		return e.Detail
	}
	return stockDetail(kind)
}

// stockDetail holds the sentences that clients of the original compare with.
func stockDetail(kind registrar.Kind) string {
	switch kind {
	case registrar.Invalid:
		return "Malformed request."
	case registrar.Unauthenticated:
		return "Authentication credentials were not provided."
	case registrar.Forbidden:
		return "You do not have permission to perform this action."
	case registrar.NotFound:
		return "Not found."
	case registrar.MethodNotAllowed:
		return "Method not allowed."
	case registrar.NotAcceptable:
		return "Could not satisfy the request Accept header."
	case registrar.Conflict:
		return "The request conflicts with the present state."
	case registrar.TooLarge:
		return "The request body is too large."
	case registrar.UnsupportedMedia:
		return "Unsupported media type in request."
	case registrar.TooMany:
		return "Request was throttled."
	case registrar.Upstream:
		return "An upstream service gave no usable answer."
	case registrar.Unavailable:
		return "The service is not available at the moment."
	case registrar.Timeout:
		return "An answer did not come in time."
	case registrar.Internal:
	}
	return "A server error occurred."
}
