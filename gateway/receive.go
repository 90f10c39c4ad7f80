package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// receive reads a request's body before its handler runs, as every route but the
// passthrough expects it. The server itself hands bodies out unread, because some
// are passed on as they come; it then looks at no limit, so this is the limit.
//
// What is left unread, here or by a handler, the server discards after the answer,
// or it ends the connection: it must not read it as the next request.
func (g *Gateway) receive(rc *fasthttp.RequestCtx) error {
	stream := rc.RequestBodyStream()
	if stream == nil || g.passes(rc) {
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

// handle answers one request.
func (g *Gateway) handle(rc *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	if err := g.receive(rc); err != nil {
		rc.SetConnectionClose() // where its next request begins is not known
		g.answer(rc, err)
		return
	}
	next(rc)
}
