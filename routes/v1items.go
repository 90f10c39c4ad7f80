package routes

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// v1Items reads the body of a write: a list of at most [registrar.MaxWriteItems]
// objects, each of which passes check. The first mistake is the answer.
func v1Items(c *fiber.Ctx, check func(registrar.WriteItem) error) ([]registrar.WriteItem, error) {
	// Not fiber's Body, which would unpack what is compressed to any size.
	raw, err := v1List(c, c.BodyRaw())
	if err != nil {
		return nil, err
	}
	items := make([]registrar.WriteItem, len(raw))
	for i, text := range raw {
		if items[i], err = v1Item(text, check); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// v1List reads the members of the list that body is. An empty body is of any
// type, and no list; neither is a form.
func v1List(c *fiber.Ctx, body []byte) ([]json.RawMessage, error) {
	if len(body) == 0 {
		return nil, badList("expected request body type: List")
	}
	switch media, _ := mediaType(c); media {
	case fiber.MIMEApplicationJSON:
	case fiber.MIMEApplicationForm, fiber.MIMEMultipartForm:
		return nil, badList("expected request body type: List")
	default:
		return nil, unsupportedMedia(c)
	}
	if err := wellFormed(body); err != nil {
		return nil, err
	}
	if bytes.TrimLeft(body, " \t\r\n")[0] != '[' {
		return nil, badList("expected request body type: List")
	}
	return firstItems(body)
}

// wellFormed refuses what is no JSON. The decoder puts up with broken UTF-8, and
// with half a surrogate pair, which would then not be what the caller sent: two
// student keys could become one.
func wellFormed(body []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(body, &whole)
	switch {
	case err != nil:
	case !utf8.Valid(body):
		err = errors.New("the text is not valid UTF-8")
	case halfPair(body):
		err = errors.New("an escape is half a surrogate pair")
	}
	if err != nil {
		return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_json", Detail: "JSON parse error - " + err.Error()}
	}
	return nil
}

// halfPair reports whether an escape in well-formed JSON stands for no character:
// characters beyond U+FFFF are escaped by two, of which this is one.
func halfPair(body []byte) bool {
	for {
		at := bytes.IndexByte(body, '\\')
		if at < 0 {
			return false
		}
		body = body[at:]
		unit, ok := escapedUnit(body)
		if !ok {
			body = body[2:]
			continue
		}
		body = body[escapeLength:]
		if !utf16.IsSurrogate(unit) {
			continue
		}
		low, ok := escapedUnit(body)
		if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
			return true
		}
		body = body[escapeLength:]
	}
}

// escapeLength is that of an escape such as \u00e9.
const escapeLength = 6

// escapedUnit reads the UTF-16 unit that text begins with, if it begins with one.
func escapedUnit(text []byte) (rune, bool) {
	if !bytes.HasPrefix(text, []byte(`\u`)) {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:escapeLength]), 16, 16)
	return rune(unit), err == nil
}

// firstItems takes a well-formed list apart. It stops at one item too many: a
// megabyte of the smallest items would take many times as much.
func firstItems(body []byte) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var items []json.RawMessage
	for decoder.More() {
		if len(items) == registrar.MaxWriteItems {
			return nil, registrar.Fail(registrar.TooLarge, "Enrollment limit 25", nil)
		}
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// v1Item reads one item. Of a member that comes twice the last counts; what is
// not looked at stays as it was written, digits of numbers included.
func v1Item(text json.RawMessage, check func(registrar.WriteItem) error) (registrar.WriteItem, error) {
	if text[0] != '{' {
		return nil, badList("expected items in request to be of type Dict")
	}
	var item registrar.WriteItem
	if err := json.Unmarshal(text, &item); err != nil {
		return nil, err
	}
	for _, name := range []string{"student_key", "status"} {
		if value, ok := item[name]; !ok || value[0] != '"' {
			return nil, badList(`expected request dicts to have string value for "` + name + `"`)
		}
	}
	return item, check(item)
}

// programItems lets the members that the LMS knows nothing of in programs be.
func programItems() func(registrar.WriteItem) error {
	return func(registrar.WriteItem) error { return nil }
}

// courseItems looks at the role, which is true, false or null where it is given;
// only a caller who may assign roles can give another one than null.
func courseItems(mayAssign bool) func(registrar.WriteItem) error {
	return func(item registrar.WriteItem) error {
		role, given := item[columnStaff]
		switch text := string(role); {
		case !given || text == "null":
			return nil
		case text != "true" && text != "false":
			return badList(`expected request dicts to have boolean value for "course_staff"`)
		case !mayAssign:
			return &registrar.Error{
				Kind: registrar.Forbidden, Code: "role_assignment_off",
				Detail: `"course_staff" not accepted since role assignment is not enabled`,
			}
		}
		return nil
	}
}

// badList refuses a body in the form in which v1 shows it.
func badList(why string) error {
	return &registrar.Error{Kind: registrar.Invalid, Code: "malformed_enrollments", Detail: why, Shape: registrar.DetailList}
}

// mediaType is the type of the request's body in lower case, with its parameters
// where they can be read. It is valid as long as the request is.
func mediaType(c *fiber.Ctx) (string, map[string]string) {
	text := c.Get(fiber.HeaderContentType)
	media, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		media, _, _ = strings.Cut(text, ";")
	}
	return strings.ToLower(strings.TrimSpace(media)), parameters
}

// unsupportedMedia names the type as the caller wrote it.
func unsupportedMedia(c *fiber.Ctx) error {
	const longest = 200
	text := c.Get(fiber.HeaderContentType)
	text = strings.ToValidUTF8(text[:min(len(text), longest)], "\ufffd")
	return registrar.Fail(registrar.UnsupportedMedia, `Unsupported media type "`+text+`" in request.`, nil)
}
