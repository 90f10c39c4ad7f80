package routes

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// format is a representation of an answer, by its name in "?format=".
type format string

// The representations. asJSON is the default of everything; the others are for
// tables alone.
const (
	asJSON   format = "json"
	asCSV    format = "csv"
	asNDJSON format = "ndjson"
)

// tableFormats lists the representations of a table, the default first.
func tableFormats() []format { return []format{asJSON, asCSV, asNDJSON} }

// mediaType is the type that Accept asks for and Content-Type tells.
func (f format) mediaType() string {
	switch f {
	case asCSV:
		return "text/csv"
	case asNDJSON:
		return "application/x-ndjson"
	case asJSON:
	}
	return fiber.MIMEApplicationJSON
}

// contentType is the media type with what a reader must know besides.
func (f format) contentType() string {
	if f == asCSV {
		return "text/csv; charset=utf-8"
	}
	return f.mediaType()
}

// negotiate picks the representation that the caller asks for: "?format=" wins
// over Accept. A wrong value of the one is 400, of the other 406.
func negotiate(c *fiber.Ctx, query url.Values, offers ...format) (format, error) {
	want := query.Get("format")
	names, types := make([]string, len(offers)), make([]string, len(offers))
	for i, f := range offers {
		if want == string(f) {
			return f, nil
		}
		names[i], types[i] = string(f), f.mediaType()
	}
	if want != "" {
		return "", invalid("unknown_format", "This resource has these values of \"format\": "+strings.Join(names, ", ")+".", nil)
	}
	best := c.Accepts(types...)
	for _, f := range offers {
		if best == f.mediaType() {
			return f, nil
		}
	}
	return "", registrar.Fail(registrar.NotAcceptable, "Could not satisfy the request Accept header.", nil)
}

// takesJSON refuses a caller of what comes as JSON only who asks for something
// else, or whose query cannot be read.
func takesJSON(c *fiber.Ctx) error {
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	return jsonOnly(c, query)
}

// jsonOnly refuses every other representation.
func jsonOnly(c *fiber.Ctx, query url.Values) error {
	_, err := negotiate(c, query, asJSON)
	return err
}
