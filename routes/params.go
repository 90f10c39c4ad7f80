package routes

import (
	"context"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// The strings that fiber hands out are views of a buffer that the next request
// overwrites. Everything this file returns is a copy.

// maxStudentKey is the longest student key that the LMS stores, in bytes.
const maxStudentKey = 255

// asked returns the context to ask with: the gateway's, and the caller's wish
// for an answer from the source.
func asked(c *fiber.Ctx) context.Context {
	ctx := c.UserContext()
	if hasToken(c.Get(fiber.HeaderCacheControl), "no-cache") {
		ctx = registrar.WithRefetch(ctx)
	}
	return ctx
}

// programKey reads the program of the path. What cannot be decoded comes back
// empty, which is no valid key.
func programKey(c *fiber.Ctx) registrar.ProgramKey {
	text, err := url.PathUnescape(c.Params("program_key"))
	if err != nil {
		return ""
	}
	return registrar.ProgramKey(utils.CopyString(text))
}

// studentKey reads the learner of the path. A key with a slash cannot be told
// apart from a longer path, so it names nobody; neither does one with control
// characters or broken UTF-8, at which a database would stumble.
func studentKey(c *fiber.Ctx) (registrar.StudentKey, error) {
	text, err := url.PathUnescape(c.Params("student_key"))
	if err != nil {
		return "", notFound(err)
	}
	key := registrar.StudentKey(utils.CopyString(text))
	if key.Fold() == "" || len(key) > maxStudentKey || strings.Contains(text, "/") || !printable(text) {
		return "", notFound(nil)
	}
	return key, nil
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// courseRuns resolves the course runs that the path or the query names, each
// once, in the order of the request; nil when none is named. They are passed on
// by course key, so that all spellings meet in one cache entry.
func courseRuns(c *fiber.Ctx, query url.Values, details registrar.ProgramDetails) ([]registrar.CourseID, error) {
	// fiber numbers its greedy parameters. Where the path names a run, the query
	// does not count.
	if raw := c.Params("+1"); raw != "" {
		id, err := registrar.DecodeCourseID(utils.CopyString(raw))
		if err != nil {
			return nil, err
		}
		run, err := namedRun(id, details)
		if err != nil {
			return nil, err
		}
		return []registrar.CourseID{registrar.CourseID(run.Key.String())}, nil
	}
	var runs []registrar.CourseID
	seen := make(map[registrar.CourseKey]bool)
	for _, text := range query["course_id"] {
		run, err := namedRun(registrar.CourseID(text), details)
		if err != nil {
			return nil, err
		}
		if !seen[run.Key] {
			seen[run.Key] = true
			runs = append(runs, registrar.CourseID(run.Key.String()))
		}
	}
	return runs, nil
}

// namedRun finds the run that a path or a query value names. A value that is
// meant as a course key and is none says what is wrong with it, which "no such
// course run" would hide.
func namedRun(id registrar.CourseID, details registrar.ProgramDetails) (registrar.CourseRun, error) {
	_, malformed := id.CourseKey()
	if id == "" { // would match a run without an external key
		return registrar.CourseRun{}, malformed
	}
	run, err := details.Run(id)
	if registrar.CodeOf(err) == "course_not_in_program" && malformed != nil && strings.HasPrefix(string(id), "course-v1:") {
		return run, malformed
	}
	return run, err
}

// queryOf reads the whole query once, by the rules of URLs rather than by
// fasthttp's, which lets broken escapes through.
func queryOf(c *fiber.Ctx) (url.Values, error) {
	values, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	// net/url goes on after a mistake and returns what it understood; a filter
	// dropped like that would widen the answer.
	if err != nil {
		return nil, invalid("malformed_query", "The query string is malformed: a percent sign needs two hexadecimal digits, and parameters are separated by \"&\".", err)
	}
	return values, nil
}

func invalid(code, detail string, cause error) error {
	return &registrar.Error{Kind: registrar.Invalid, Code: code, Detail: detail, Err: cause}
}

// hasToken reports whether the comma-separated header holds token, by any case.
func hasToken(header, token string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), token) {
			return true
		}
	}
	return false
}
