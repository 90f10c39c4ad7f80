package lms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// writing is the class of writes, apart from the reads of the same paths: the
// LMS may list well while its changes fail, and the other way round.
const writing = "enrollment writes"

// WriteProgramEnrollments sends items to a program as they are, in one request:
// "POST" creates, "PATCH" changes, "PUT" does either. The LMS takes
// [registrar.MaxWriteItems] at most. Any HTTP status but a redirect is an answer;
// an error means that none came, and that the LMS may have done anything.
// Nothing is repeated.
func (c *Client) WriteProgramEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, items []registrar.WriteItem) (registrar.WriteAnswer, error) {
	if err := checkProgram(program); err != nil {
		return registrar.WriteAnswer{}, err
	}
	return c.write(ctx, items, upstream.Write{
		Operation: "program enrollments write", Method: method, Path: programPath(program) + "enrollments/",
	})
}

// WriteCourseEnrollments sends items to a course run of a program, as
// [Client.WriteProgramEnrollments] does to the program.
func (c *Client) WriteCourseEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, course registrar.CourseKey, items []registrar.WriteItem) (registrar.WriteAnswer, error) {
	if err := checkRun(program, course); err != nil {
		return registrar.WriteAnswer{}, err
	}
	return c.write(ctx, items, upstream.Write{
		Operation: "course enrollments write", Method: method, Path: coursePath(program, course, "enrollments"),
	})
}

func (c *Client) write(ctx context.Context, items []registrar.WriteItem, w upstream.Write) (registrar.WriteAnswer, error) {
	body, err := encode(items)
	if err != nil {
		return registrar.WriteAnswer{}, fmt.Errorf("lms: %s: %w", w.Operation, err)
	}
	w.Class, w.Body = writing, body
	resp, err := c.up.Send(ctx, w)
	if err != nil {
		return registrar.WriteAnswer{}, fmt.Errorf("lms: %s: %w", w.Operation, err)
	}
	return registrar.WriteAnswer{Status: resp.Status, Results: results(resp)}, nil
}

// encode leaves "<", ">" and "&" in values alone: the members are the caller's.
func encode(items []registrar.WriteItem) ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(items); err != nil {
		// The encoder's own text quotes the value.
		return nil, registrar.Fail(registrar.Internal, "The enrollments could not be written down.", errors.New("an item holds a broken value"))
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

// results reads what the LMS says of each student key; nil when it says nothing
// that can be read, or says it with a status that comes without results. The
// content type is not looked at, as the original does not.
func results(resp upstream.Response) map[registrar.StudentKey]string {
	switch resp.Status {
	case 200, 201, 207, 422:
	default:
		return nil
	}
	var said map[registrar.StudentKey]json.RawMessage // null makes none of it
	if json.Unmarshal(resp.Body, &said) != nil || said == nil {
		return nil
	}
	codes := make(map[registrar.StudentKey]string, len(said))
	for key, value := range said {
		codes[key] = code(value)
	}
	return codes
}

// code is a result's word. What is no string is shown as the JSON it is.
func code(value json.RawMessage) string {
	var word *string // null is no word
	if json.Unmarshal(value, &word) == nil && word != nil {
		return *word
	}
	var text bytes.Buffer
	if json.Compact(&text, value) != nil {
		return registrar.InternalError // cannot be: the value was read before
	}
	return text.String()
}
