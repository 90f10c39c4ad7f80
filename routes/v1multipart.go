package routes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

const (
	// maxUpload is the largest file that may be uploaded, in bytes.
	maxUpload = 5_242_880
	// maxEnvelope is how much of a form may surround its file.
	maxEnvelope = 1 << 20
	// filePart is the field of the form that the file is in.
	filePart = "file"
)

// StreamsBody reports whether the handler of path reads the request's body itself,
// as it comes: uploads may be larger than other bodies, and are looked at only once
// it is known that the caller may upload.
func StreamsBody(path string) bool {
	return (strings.HasPrefix(path, "/api/v1/") || strings.HasPrefix(path, "/api/v2/")) &&
		strings.HasSuffix(strings.TrimSuffix(path, "/"), "/upload")
}

// uploadedFile reads the file of a form. Nothing but the file is kept in memory,
// and no more of it than may be uploaded.
func uploadedFile(c *fiber.Ctx) ([]byte, error) {
	announced := c.Request().Header.ContentLength() // negative: not announced
	if announced == 0 {
		return nil, noFile() // of whatever type
	}
	media, parameters := mediaType(c)
	if media != fiber.MIMEMultipartForm {
		return nil, unsupportedMedia(c)
	}
	if parameters["boundary"] == "" {
		return nil, badForm(errors.New("no boundary"))
	}
	if announced > maxUpload+maxEnvelope {
		return nil, uploadTooLarge()
	}
	form := multipart.NewReader(&capped{source: bodyOf(c), left: maxUpload + maxEnvelope}, parameters["boundary"])
	var file bytes.Buffer
	found := false
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable(err)
		}
		// A field with text in it is no file.
		if part.FormName() != filePart || part.FileName() == "" {
			continue
		}
		// Of several files the last counts.
		found = true
		if err := readFile(&file, part, announced); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, noFile()
	}
	return file.Bytes(), nil
}

// readFile reads one file of a body of announced bytes into file.
func readFile(file *bytes.Buffer, part io.Reader, announced int) error {
	file.Reset()
	file.Grow(min(max(announced, 0), maxUpload) + bytes.MinRead) // at once, lest growing takes it twice
	if _, err := file.ReadFrom(io.LimitReader(part, maxUpload+1)); err != nil {
		return unreadable(err)
	}
	if file.Len() > maxUpload {
		return uploadTooLarge()
	}
	return nil
}

// bodyOf is the request's body as it comes, or as the server has read it already.
func bodyOf(c *fiber.Ctx) io.Reader {
	if stream := c.Context().RequestBodyStream(); stream != nil {
		return stream
	}
	return bytes.NewReader(c.BodyRaw())
}

// capped is a reader that fails, rather than ends, after so many bytes.
type capped struct {
	source io.Reader
	left   int
}

// Read reads from the source.
func (r *capped) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, uploadTooLarge()
	}
	n, err := r.source.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// unreadable says why a form could not be read to its end.
func unreadable(err error) error {
	if known, ok := errors.AsType[*registrar.Error](err); ok {
		return known
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return fiber.ErrRequestTimeout
	}
	return badForm(err)
}

func badForm(cause error) error {
	return &registrar.Error{
		Kind: registrar.Invalid, Code: "malformed_form", Err: cause,
		Detail: "Multipart form parse error - the body is no well-formed form.",
	}
}

func noFile() error {
	return &registrar.Error{Kind: registrar.Invalid, Code: "no_file", Detail: "No file content uploaded"}
}

func uploadTooLarge() error {
	return &registrar.Error{
		Kind: registrar.TooLarge, Code: "upload_too_large",
		Detail: fmt.Sprintf("Upload too large. Must be under %d bytes", maxUpload),
	}
}
