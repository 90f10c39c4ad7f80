package routes

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// The original's routes have patterns for what stands in a path, so that some
// addresses name no resource at all, and are answered with a page instead of
// JSON. Everything is decoded first.

// noRoute is the answer to a path that fits no pattern.
func noRoute() error {
	return &registrar.Error{Kind: registrar.NotFound, Code: registrar.NoRoute, Detail: "Not found."}
}

// isToken reports whether text is a key made of ASCII letters, digits, "-", "_"
// and the characters in also.
func isToken(text, also string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '-' && r != '_' && !strings.ContainsRune(also, r)
	})
}

// isCourseID reports whether text is an external key, or three parts joined by
// "+" or "/". The last part may hold further pluses, and no question mark.
func isCourseID(text string) bool {
	if isToken(text, ":") {
		return true
	}
	for range 2 {
		end := strings.IndexAny(text, "+/")
		if end < 1 {
			return false
		}
		text = text[end+1:]
	}
	return text != "" && !strings.ContainsAny(text, "/?")
}

// courseOf reads the course run of the path as the caller wrote it, decoded.
func courseOf(c *fiber.Ctx) (string, error) {
	text, err := url.PathUnescape(c.Params("+1"))
	if err != nil || !isCourseID(text) {
		return "", noRoute()
	}
	return utils.CopyString(text), nil
}

// jobID reads the job of the path.
func jobID(c *fiber.Ctx) (registrar.JobID, error) {
	text, err := url.PathUnescape(c.Params("job_id"))
	if err != nil || text == "" || strings.Trim(text, "0123456789abcdef-") != "" {
		return "", noRoute()
	}
	return registrar.JobID(utils.CopyString(text)), nil
}

// isUUID looks at the dashes alone; the letters were looked at before.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (text[i] == '-') {
			return false
		}
	}
	return true
}
