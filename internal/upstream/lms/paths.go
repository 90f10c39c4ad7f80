package lms

import (
	"net/url"
	"strings"
	"unicode"

	"registrar/internal/registrar"
)

// The LMS redirects a path with a missing or an extra slash, so every path is
// written out with the slashes its route has.

func programPath(program registrar.ProgramUUID) string {
	return "/api/program_enrollments/v1/programs/" + url.PathEscape(string(program)) + "/"
}

// coursePath ends in leaf, "enrollments" or "grades".
func coursePath(program registrar.ProgramUUID, course registrar.CourseKey, leaf string) string {
	return programPath(program) + "courses/" + course.PathSegment() + "/" + leaf + "/"
}

// checkUsername refuses what would leave its place in a path or a query: a
// comma makes two names of one there.
func checkUsername(name registrar.Username) error {
	text := string(name)
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`/\,?#%`, r)
	}
	if strings.Trim(text, ".") == "" || strings.ContainsFunc(text, odd) {
		return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_username", Detail: "This cannot be the name of an account."}
	}
	return nil
}

func checkCourse(course registrar.CourseKey) error {
	if course.IsZero() {
		return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_course_key", Detail: "The course key is empty."}
	}
	return nil
}

func checkProgram(program registrar.ProgramUUID) error {
	// Anything else than a lower-case uuid misses the route and earns an HTML page.
	if parsed, err := registrar.ParseProgramUUID(string(program)); err != nil || parsed != program {
		return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_program_uuid", Detail: "The program has no valid uuid.", Err: err}
	}
	return nil
}
