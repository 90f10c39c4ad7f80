package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// maxDiscarded bounds what is read, and not kept, of a body that nobody wanted.
const maxDiscarded = 16 << 20

// receive reads a request's body before its handler runs, as every route expects
// it but the passthrough and those of [Deps.Streams]. The server itself hands bodies
// out unread, because some are passed on as they come; it then looks at no limit, so
// this is the limit.
//
// What is left unread, here or by a handler, the server discards after the answer,
// or it ends the connection: it must not read it as the next request.
func (g *Gateway) receive(rc *fasthttp.RequestCtx) error {
	stream := rc.RequestBodyStream()
	if stream == nil || g.passes(rc) || g.streams(rc) {
		return nil
	}
	limit := int64(g.cfg.BodyLimit)
	announced := int64(rc.Request.Header.ContentLength())
	if announced > limit {
		return fiber.ErrRequestEntityTooLarge
	}
	var body bytes.Buffer
	body.Grow(int(max(announced, 0)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(stream, limit+1))
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case isNetwork && network.Timeout():
		return fiber.ErrRequestTimeout
	case err != nil, announced >= 0 && int64(body.Len()) < announced:
		return fiber.ErrBadRequest
	case int64(body.Len()) > limit:
		return fiber.ErrRequestEntityTooLarge
	}
	rc.Request.SetBodyRaw(body.Bytes())
	return nil
}

// passes reports whether the path is one whose body is passed on as it comes.
func (g *Gateway) passes(rc *fasthttp.RequestCtx) bool {
	path := string(rc.URI().PathOriginal())
	return g.pass != nil && (below(path, "/"+string(LMS)) || below(path, "/"+string(Discovery)))
}

// streams reports whether the handler of the path reads the body itself.
func (g *Gateway) streams(rc *fasthttp.RequestCtx) bool {
	return g.streamed != nil && g.streamed(string(rc.URI().PathOriginal()))
}

// discard reads what a handler left of the body that it was to read itself. The
// server would end a connection on which much is still to come, and with it lose the
// refusal on its way to a caller who sends before listening.
func discard(rc *fasthttp.RequestCtx) {
	stream := rc.RequestBodyStream()
	if stream == nil || rc.Request.Header.ContentLength() > maxDiscarded {
		return
	}
	// Where the body ended, or that it did not, the server sees for itself.
	_, _ = io.CopyN(io.Discard, stream, maxDiscarded)
}

// handle answers one request.
func (g *Gateway) handle(rc *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	if err := g.receive(rc); err != nil {
		rc.SetConnectionClose() // where its next request begins is not known
		g.answer(rc, err)
		return
	}
	next(rc)
	if g.streams(rc) {
		discard(rc)
	}
}
