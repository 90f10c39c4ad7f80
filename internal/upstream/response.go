package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Body   []byte // nil for 204, which has none whatever a server attaches
	// JSON reports whether the content type says so. It does not mean that Body
	// can be decoded.
	JSON bool

	retryAfter time.Duration
	voice      voice
	operation  string
}

var (
	errBodyTooLarge = errors.New("the body is over the limit")
	errNotJSON      = errors.New("the content type is not JSON")
)

// Decode reads the body into the struct or slice that into points to. A body
// that is not one JSON value of that shape is a classified error with code
// "upstream_garbage", and so is null. Drop *into on an error: it may be half
// filled.
func (r Response) Decode(into any) error {
	if !r.JSON {
		return r.voice.garbage(r.operation, errNotJSON)
	}
	if bytes.Equal(bytes.TrimSpace(r.Body), []byte("null")) {
		return r.voice.garbage(r.operation, errors.New("null stands for the answer"))
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		return r.voice.garbage(r.operation, shapeOf(err))
	}
	return nil
}

// isPage reports whether there is a body and it is not JSON.
func (r Response) isPage() bool { return !r.JSON && len(bytes.TrimSpace(r.Body)) > 0 }

// Garbage returns the error for an answer that is JSON but cannot mean anything,
// with code "upstream_garbage". reason goes to the log, so it must name fields,
// not values.
func (r Response) Garbage(reason string) error {
	return r.voice.garbage(r.operation, errors.New(reason))
}

// shapeOf keeps what is wrong with the shape and drops the value: a decoder's
// own text can quote a student key.
func shapeOf(err error) error {
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %q holds a value of another type", typed.Field)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("broken JSON at byte %d", syntax.Offset)
	}
	return errors.New("a value cannot be read")
}

// readBody reads at most limit bytes and leaves the connection fit for reuse.
func readBody(body io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errBodyTooLarge
	}
	return data, nil
}

func isJSON(header http.Header) bool {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}
