package lms

import (
	"encoding/json"
	"errors"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

const (
	// notEnrolled is the code for a learner who is not in a course run.
	notEnrolled = "user_not_enrolled"
	// notInLMS is the code for a program that Discovery has and the LMS's catalog
	// cache lacks.
	notInLMS = "program_not_in_lms"
)

// explain turns the LMS's 404 into one that says what is missing. Other errors
// and 404s without a known reason pass unchanged.
func explain(err error) error {
	answer, ok := notFound(err)
	if !ok {
		return err
	}
	var said struct {
		// The text beside it may be a string, a list or an object, so it is not read.
		Code string `json:"error_code"`
	}
	if json.Unmarshal(answer.Body, &said) != nil {
		return err
	}
	code, detail := meaning(said.Code)
	switch code {
	case "":
		return err
	case notInLMS:
		// The caller's program exists; the site's two halves disagree. As an outage
		// it does not wipe what was known, and it mends with the catalog cache.
		return &registrar.Error{Kind: registrar.Upstream, Code: code, Detail: detail, Err: err}
	}
	return missing(code, detail, err)
}

// notFound returns the 404 that the endpoint itself answered. The code tells it
// from a 404 on the way there, such as the token endpoint's.
func notFound(err error) (upstream.Response, bool) {
	refusal, ok := errors.AsType[*upstream.StatusError](err)
	if !ok || registrar.CodeOf(err) != "upstream_not_found" {
		return upstream.Response{}, false
	}
	return refusal.Response, true
}

// noRoute reports whether the LMS, or a proxy before it, answered with a 404 page.
func noRoute(err error) bool { return registrar.CodeOf(err) == "upstream_no_route" }

// meaning returns our code for the LMS's and what it means; "" when unknown.
func meaning(code string) (ours, detail string) {
	switch code {
	case "program_does_not_exist":
		// A program that Discovery has got since the LMS last looked is not there either.
		return notInLMS, "The LMS does not know this program yet; its catalog cache may need a refresh."
	case "invalid_course_key":
		return code, "The LMS cannot read this course key."
	case "course_does_not_exist":
		return code, "The LMS has no such course run."
	case "course_not_in_program":
		return code, "For the LMS this course run is not in the program."
	case "user_does_not_exist":
		return code, "The LMS has no such account."
	case notEnrolled:
		return code, "The learner is not enrolled in this course run."
	}
	return "", ""
}

func missing(code, detail string, cause error) error {
	return &registrar.Error{Kind: registrar.NotFound, Code: code, Detail: detail, Err: cause}
}

func notInCourse(cause error) error {
	_, detail := meaning(notEnrolled)
	return missing(notEnrolled, detail, cause)
}

func noAccount(cause error) error {
	code, detail := meaning("user_does_not_exist")
	return missing(code, detail, cause)
}
