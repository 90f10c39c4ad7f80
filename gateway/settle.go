package gateway

import (
	"errors"
	"fmt"
	"io"

	"github.com/gofiber/fiber/v2"
)

// settle reads a streamed answer to its end for a caller who does not speak
// HTTP/1.1: chunks are no part of the older protocol, and would stand in the
// middle of the table. Such callers are rare enough for the memory it takes, and
// a stream that breaks off can still become an error.
func settle(c *fiber.Ctx) error {
	response := c.Response()
	if c.Request().Header.IsHTTP11() || !response.IsBodyStream() {
		return nil
	}
	body, err := io.ReadAll(response.BodyStream())
	if err = errors.Join(err, response.CloseBodyStream()); err != nil {
		return fmt.Errorf("gateway: streamed answer: %w", err)
	}
	response.SetBodyRaw(body)
	return nil
}
