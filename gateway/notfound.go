package gateway

import (
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

const notFoundPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Not Found</title></head>
<body><h1>Not Found</h1><p>The requested resource was not found on this server.</p></body>
</html>
`

// noRoute answers a path that nothing is mounted on, as the original does: with a
// page, and without asking who the caller is.
func (g *Gateway) noRoute(c *fiber.Ctx) error {
	visitOf(c).failure = &registrar.Error{Kind: registrar.NotFound, Code: "no_route"}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Status(fiber.StatusNotFound).SendString(notFoundPage)
}
