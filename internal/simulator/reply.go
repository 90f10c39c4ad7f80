package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// reply is a finished answer, so that a fault can still cut it in half.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// jsonReply renders v as Django REST framework does: UTF-8, nothing escaped for
// HTML, no newline at the end.
func jsonReply(status int, v any) reply {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return htmlReply(http.StatusInternalServerError)
	}
	return reply{status: status, header: contentType("application/json"), body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

// htmlReply is Django's own page for a status, or a web server's.
func htmlReply(status int) reply {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	page := "<!DOCTYPE html>\n<html lang=\"en\"><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
	return reply{status: status, header: contentType("text/html; charset=utf-8"), body: []byte(page)}
}

// emptyReply has no body at all.
func emptyReply(status int) reply { return reply{status: status, header: http.Header{}} }

func contentType(t string) http.Header { return http.Header{"Content-Type": {t}} }

// write sends the answer whole.
func (p reply) write(w http.ResponseWriter) {
	p.head(w)
	// A client that left is its own affair.
	_, _ = w.Write(p.body)
}

// head always names the length, so that half of a body can be told from all of it.
func (p reply) head(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	if p.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	}
	w.WriteHeader(p.status)
}

// cut sends half of the answer and breaks the connection: what a client sees of
// a worker that was killed.
func (p reply) cut(w http.ResponseWriter) {
	if len(p.body) > 1 {
		p.head(w)
		_, _ = w.Write(p.body[:len(p.body)/2])
		// Without flushing, net/http would keep the half to itself.
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// family is one of the ways in which the site's views word their errors.
type family int

const (
	developer family = iota // {"developer_message": …, "error_code": …}, no WWW-Authenticate
	plain                   // {"detail": …}, as REST framework has it
)

// viewError is an error that a view tells its caller.
type viewError struct {
	status     int
	message    any // string, list or object: developer_message can be all three
	code       string
	retryAfter int    // seconds; 0 sends no header
	page       *reply // said instead of all that
}

// Error is the message, for whoever logs it.
func (f *viewError) Error() string { return "simulator: status " + strconv.Itoa(f.status) }

func fail(status int, message any) *viewError { return &viewError{status: status, message: message} }

// notFound is a 404 with one of the LMS's error codes. The text is free; clients
// must not match on it.
func notFound(code, message string) *viewError {
	return &viewError{status: http.StatusNotFound, message: message, code: code}
}

// instead makes an error of an answer that fits no family.
func instead(p reply) *viewError { return &viewError{status: p.status, page: &p} }

// render words an error in the family of the view.
func (fam family) render(err error) reply {
	var f *viewError
	if !errors.As(err, &f) {
		return htmlReply(http.StatusInternalServerError)
	}
	if f.page != nil {
		return *f.page
	}
	p := jsonReply(f.status, fam.words(f))
	if fam == plain && f.status == http.StatusUnauthorized {
		p.header.Set("WWW-Authenticate", `JWT realm="api"`)
	}
	if f.retryAfter > 0 {
		p.header.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	return p
}

// words is the body of an error. A message that is no text stands at the top level
// in the plain family.
func (fam family) words(f *viewError) any {
	if fam == developer {
		body := map[string]any{"developer_message": f.message}
		if f.code != "" {
			body["error_code"] = f.code
		}
		return body
	}
	if text, ok := f.message.(string); ok {
		return map[string]string{"detail": text}
	}
	return f.message
}
