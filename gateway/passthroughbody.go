package gateway

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// upload is a caller's body on its way upstream. Nothing of it is kept: it is read
// from the connection as the upstream takes it.
type upload struct {
	length int64 // -1: chunked

	reading sync.Mutex // held during a Read
	over    atomic.Bool
	source  io.Reader
	taken   int64 // bytes so far
	left    int64 // bytes that may still come
	ended   bool
	// fault is what went wrong at the caller's end. It is read while a Read may wait.
	fault atomic.Pointer[error]
}

var errUploadOver = errors.New("gateway: passthrough: the exchange is over")

// uploadOf returns the body of a request; nil when there is none.
func uploadOf(c *fiber.Ctx, limit int64) (*upload, error) {
	source := c.Context().RequestBodyStream()
	length := int64(c.Request().Header.ContentLength())
	if source == nil || length == 0 {
		return nil, nil //nolint:nilnil // no body is no error
	}
	if length > limit {
		return nil, registrar.Fail(registrar.TooLarge, "", nil)
	}
	if c.Get(fiber.HeaderContentEncoding) != "" {
		// The header does not pass, and without it the bytes mean something else.
		return nil, registrar.Fail(registrar.UnsupportedMedia, "A body is passed on unpacked only.", nil)
	}
	return &upload{length: max(length, -1), source: source, left: limit}, nil
}

// Read gives the transport the next bytes. It runs in the transport's goroutine.
func (u *upload) Read(p []byte) (int, error) {
	u.reading.Lock()
	defer u.reading.Unlock()
	if u.over.Load() {
		return 0, errUploadOver
	}
	n, err := u.source.Read(p)
	u.left, u.taken = u.left-int64(n), u.taken+int64(n)
	switch {
	case u.left < 0:
		return 0, u.failed(registrar.Fail(registrar.TooLarge, "", nil))
	case errors.Is(err, io.EOF):
		u.ended = true
	case err != nil:
		return 0, u.failed(malformed("malformed_request", "its body broke off or is not framed as announced"))
	}
	return n, err
}

func (u *upload) failed(err error) error {
	u.fault.Store(&err)
	return err
}

// Close is called by the transport, at any time; the body belongs to the server.
func (u *upload) Close() error { return nil }

// detach takes the body back from the transport, which may still read when an
// upstream answers early: after the handler, the server reads from the same
// connection. A Read that waits for a slow caller is cut short, and the
// connection with it.
func (u *upload) detach(c *fiber.Ctx) {
	u.over.Store(true)
	if !u.reading.TryLock() {
		c.Context().SetConnectionClose()
		// It fails only on a connection that is closed already.
		_ = c.Context().Conn().SetReadDeadline(time.Unix(1, 0))
		u.reading.Lock()
	}
	if !u.ended && u.taken != u.length {
		c.Context().SetConnectionClose()
	}
	u.reading.Unlock()
}

// download is an upstream's body on its way to the caller, as the connection
// takes it. It runs after the handler returned. An error cuts the connection, so
// that nobody takes half an answer for a whole one.
type download struct {
	body  io.ReadCloser
	left  int64 // bytes that may still come
	end   func()
	broke func(error) // told at most once
}

var errAnswerTooLong = errors.New("the answer is over the limit")

// Read passes bytes as they come; fasthttp sends each piece at once unless the
// length of the whole was announced.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.left -= int64(n)
	if d.left < 0 {
		err = errAnswerTooLong
	}
	if err != nil && !errors.Is(err, io.EOF) && d.broke != nil {
		d.broke(err)
		d.broke = nil
	}
	return n, err
}

// Close ends the exchange. When the caller has left, fasthttp notices at the next
// write and closes, which cancels what the upstream still does.
func (d *download) Close() error {
	d.end()
	return d.body.Close()
}

var (
	_ io.ReadCloser = (*upload)(nil)
	_ io.ReadCloser = (*download)(nil)
)
