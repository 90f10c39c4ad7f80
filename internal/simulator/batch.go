package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxBatch is the number of rows that one write may hold.
const maxBatch = 25

// batchRow is one row of a write, checked for shape only.
type batchRow struct {
	key, status, curriculum string
	staff                   *bool // nil leaves the role alone
}

// batchShape says which members a write asks for beyond student_key and status.
type batchShape struct {
	curriculum bool // curriculum_uuid is required
	staff      bool // course_staff may be there
}

// rowErrors are the complaints about one row, by member.
type rowErrors map[string][]string

// readBatch checks a whole write before any row of it counts: one row of bad
// shape refuses all, and only then the number of rows is looked at.
func readBatch(c *call, shape batchShape) ([]batchRow, error) {
	kind, _, _ := strings.Cut(c.req.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		return nil, fail(http.StatusUnsupportedMediaType, `Unsupported media type "`+kind+`" in request.`)
	}
	body, err := decodeJSON(c.body)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "JSON parse error - malformed document")
	}
	items, ok := body.([]any)
	if !ok {
		text := fmt.Sprintf("Expected a list of items but got type %q.", pythonType(body))
		return nil, fail(http.StatusBadRequest, rowErrors{"non_field_errors": {text}})
	}
	rows, complaints, bad := make([]batchRow, len(items)), make([]rowErrors, len(items)), false
	for i, item := range items {
		rows[i], complaints[i] = shape.read(item)
		bad = bad || len(complaints[i]) > 0
	}
	switch {
	case bad:
		return nil, fail(http.StatusBadRequest, complaints)
	case len(rows) > maxBatch:
		// The LMS prints the limit as the count and the count as the limit.
		return nil, instead(jsonReply(http.StatusRequestEntityTooLarge, fmt.Sprintf("got %d enrollments, the limit is %d", maxBatch, len(rows))))
	}
	return rows, nil
}

// decodeJSON keeps numbers as they were written: a student key of digits must not
// go through a float.
func decodeJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("simulator: body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("simulator: body: text after the document")
	}
	return v, nil
}

// pythonType names a JSON value's type as the LMS's complaints do.
func pythonType(v any) string {
	switch v.(type) {
	case map[string]any:
		return "dict"
	case []any:
		return "list"
	case string:
		return "str"
	case bool:
		return "bool"
	case json.Number:
		return "int"
	}
	return "NoneType"
}

// read checks one row. Members that the shape does not name are dropped silently.
func (b batchShape) read(item any) (row batchRow, bad rowErrors) {
	m, ok := item.(map[string]any)
	if !ok {
		return row, rowErrors{"non_field_errors": {"Invalid data. Expected a dictionary, but got " + pythonType(item) + "."}}
	}
	bad = rowErrors{}
	row.key = bad.text(m, "student_key")
	row.status = bad.text(m, "status")
	if b.curriculum {
		row.curriculum = bad.uuid(m, "curriculum_uuid")
	}
	if b.staff {
		row.staff = bad.boolean(m, "course_staff")
	}
	return row, bad
}

const isNull = "This field may not be null."

// text reads a string or a number and trims it; blank is refused.
func (bad rowErrors) text(m map[string]any, name string) string {
	v, ok := m[name]
	var text string
	switch v := v.(type) {
	case string:
		text = strings.TrimSpace(v)
	case json.Number:
		text = v.String()
	case nil:
		bad.lacks(name, ok)
		return ""
	default:
		bad[name] = []string{"Not a valid string."}
		return ""
	}
	if text == "" {
		bad[name] = []string{"This field may not be blank."}
	}
	return text
}

// lacks complains about a member that is missing or, though present, null.
func (bad rowErrors) lacks(name string, present bool) {
	bad[name] = []string{"This field is required."}
	if present {
		bad[name] = []string{isNull}
	}
}

// uuid takes text only, with dashes or without, in either case.
func (bad rowErrors) uuid(m map[string]any, name string) string {
	v, ok := m[name]
	if v == nil {
		bad.lacks(name, ok)
		return ""
	}
	text, _ := v.(string)
	if !isUUID(text) {
		bad[name] = []string{"Must be a valid UUID."}
	}
	return text
}

// boolean knows three states: true, false and not sent. Null is none of them and
// refuses the batch.
func (bad rowErrors) boolean(m map[string]any, name string) *bool {
	v, ok := m[name]
	if !ok {
		return nil
	}
	switch fmt.Sprint(v) {
	case "<nil>":
		bad[name] = []string{isNull}
	case "true", "True", "1":
		return new(true)
	case "false", "False", "0":
		return new(false)
	default:
		bad[name] = []string{"Must be a valid boolean."}
	}
	return nil
}

// isUUID accepts what Python's UUID accepts of text with 32 digits.
func isUUID(text string) bool {
	digits := strings.ReplaceAll(text, "-", "")
	return len(digits) == 32 && !strings.ContainsFunc(digits, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
}

// withoutDuplicates takes keys out that occur twice, whatever their case. The
// complaint is filed under the spelling of the second copy and both are dropped,
// so that a third copy in another spelling than the second's passes for a first.
func withoutDuplicates(rows []batchRow) (unique []batchRow, words map[string]string) {
	words = map[string]string{}
	waiting := map[string]int{} // lower-case key to place in unique
	for _, row := range rows {
		folded := strings.ToLower(row.key)
		place, twice := waiting[folded]
		switch _, known := words[row.key]; {
		case known:
		case twice:
			words[row.key] = "duplicated"
			unique[place].key = ""
			delete(waiting, folded)
		default:
			waiting[folded] = len(unique)
			unique = append(unique, row)
		}
	}
	kept := unique[:0]
	for _, row := range unique {
		if row.key != "" {
			kept = append(kept, row)
		}
	}
	return kept, words
}

// answerBatch picks the status by how many rows went well: all 200, some 207,
// none 422, and 204 where there were none at all. Nothing is ever 201.
func (s *Simulator) answerBatch(words map[string]string, good func(string) bool) reply {
	done := 0
	for _, word := range words {
		if good(word) {
			done++
		}
	}
	status := http.StatusOK
	switch {
	case len(words) == 0:
		return emptyReply(http.StatusNoContent)
	case done == 0:
		status = http.StatusUnprocessableEntity
	case done < len(words):
		status = http.StatusMultiStatus
	}
	delete(words, s.opts.Build.UnansweredStudent)
	return jsonReply(status, words)
}
