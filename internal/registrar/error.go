package registrar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is a class of failure. Each kind has one HTTP status, which only the
// gateway knows.
type Kind string

// The kinds, with the status each becomes.
const (
	Invalid          Kind = "invalid"                // 400: the caller's words make no sense
	Unauthenticated  Kind = "unauthenticated"        // 401: who is asking is not known
	Forbidden        Kind = "forbidden"              // 403: known, and not allowed
	NotFound         Kind = "not_found"              // 404
	MethodNotAllowed Kind = "method_not_allowed"     // 405
	NotAcceptable    Kind = "not_acceptable"         // 406
	Conflict         Kind = "conflict"               // 409: the data allow two readings
	TooLarge         Kind = "too_large"              // 413
	UnsupportedMedia Kind = "unsupported_media_type" // 415
	TooMany          Kind = "too_many_requests"      // 429: this caller asks too often
	Internal         Kind = "internal"               // 500: a defect of ours
	Upstream         Kind = "upstream"               // 502: the LMS or Discovery answered badly
	Unavailable      Kind = "unavailable"            // 503: not now; try again
	Timeout          Kind = "timeout"                // 504: an answer did not come in time
)

// Error is a classified failure. Detail is a sentence that is safe to show to
// any caller; Err, the cause, is for the log alone.
type Error struct {
	Kind Kind
	// Code names the reason for programs, such as "malformed_course_key".
	// Empty means the kind's own name.
	Code       string
	Detail     string
	RetryAfter time.Duration // how long to wait before another try; 0 when unknown
	// Shape is the form in which v1 and v2 show Detail.
	Shape Shape
	Err   error
}

// Shape is a form of an error's body in v1 and v2, whose clients compare bodies.
// v3 has one form for all.
type Shape int

// The shapes.
const (
	DetailObject Shape = iota // {"detail":"…"}
	DetailList                // ["…"]
	DetailText                // "…"
)

// NoRoute is the code of a [NotFound] for a path that names nothing at all; the
// original answers those with a page.
const NoRoute = "no_route"

// Error joins the sentence with its cause, for the log.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return cmp.Or(e.Detail, CodeOf(e))
	case e.Detail == "":
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Detail, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail returns an [Error] of kind k. detail must be safe to show.
func Fail(k Kind, detail string, cause error) error {
	return &Error{Kind: k, Detail: detail, Err: cause}
}

// KindOf returns the kind of err. What nobody classified is [Internal]; a
// deadline that ran out is [Timeout].
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Internal
}

// CodeOf returns the machine-readable reason of err, its kind's name at least.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return string(KindOf(err))
}

// RetryAfterOf returns how long err asks to wait, or 0.
func RetryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Retryable reports whether asking again later may help.
func Retryable(err error) bool {
	switch KindOf(err) {
	case Upstream, Unavailable, Timeout, TooMany:
		return true
	case Invalid, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, NotAcceptable,
		Conflict, TooLarge, UnsupportedMedia, Internal:
	}
	return false
}
