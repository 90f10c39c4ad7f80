package gateway

import (
	"errors"
	"fmt"
	"io"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// settle reads an answer of unknown length to its end for a caller who does not
// speak HTTP/1.1: chunks are no part of the older protocol, and would stand in
// the middle of the table. So a stream that breaks off can still become an error,
// and one that is too much to hold becomes one. What tells its length, as files
// do, streams to everybody.
func (g *Gateway) settle(c *fiber.Ctx) error {
	response := c.Response()
	if c.Request().Header.IsHTTP11() || !response.IsBodyStream() || response.Header.ContentLength() >= 0 {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.BodyStream(), g.cfg.MaxBuffered+1))
	if err = errors.Join(err, response.CloseBodyStream()); err != nil {
		return fmt.Errorf("gateway: streamed answer: %w", err)
	}
	if int64(len(body)) > g.cfg.MaxBuffered {
		return &registrar.Error{
			Kind: registrar.NotAcceptable, Code: "answer_too_long",
			Detail: "The answer is too long for HTTP/1.0. Ask by HTTP/1.1, or for less.",
		}
	}
	response.SetBodyRaw(body)
	return nil
}
