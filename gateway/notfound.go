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
	visitOf(c).failure = &registrar.Error{Kind: registrar.NotFound, Code: registrar.NoRoute}
	sendPage(c)
	c.Status(fiber.StatusNotFound)
	return nil
}

// sendPage makes the page the body. It says nothing of methods, for a path that
// names nothing has none.
func sendPage(c *fiber.Ctx) {
	c.Response().Header.Del(fiber.HeaderAllow)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Response().SetBodyString(notFoundPage)
}
