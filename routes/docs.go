package routes

import (
	_ "embed" // for the document
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// document describes the API to callers and to their tools.
//
//go:embed openapi.yaml
var document string

const (
	docsPath     = "/api-docs"
	documentPath = docsPath + "/openapi.yaml"

	// The page has inline scripts and styles, and shows icons as data URLs.
	docsPolicy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)

// DocsPage is the public documentation: openapi.yaml and a page that shows it.
// Everything it needs is in the binary, so it works without the internet.
type DocsPage struct {
	page fiber.Handler
}

// Docs returns the documentation of the API.
func Docs() *DocsPage {
	return &DocsPage{page: adaptor.HTTPHandler(v5emb.NewHandlerWithConfig(swgui.Config{
		Title:       "Registrar API - Online Documentation",
		SwaggerJSON: documentPath,
		BasePath:    docsPath + "/",
		SettingsUI:  map[string]string{"tryItOutEnabled": "true"},
	}))}
}

// Mount hands every route of the page to add. None needs authentication.
func (d *DocsPage) Mount(add func(method, path string, handler fiber.Handler)) {
	add(fiber.MethodGet, docsPath, d.index)
	add(fiber.MethodGet, documentPath, d.openapi)
	// One route each rather than a wildcard, so that nothing else is served.
	for _, asset := range docsAssets() {
		add(fiber.MethodGet, docsPath+"/"+asset, d.asset)
	}
}

// docsAssets lists what the page links to; a test follows every link of it.
func docsAssets() []string {
	return []string{
		"swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js",
		"favicon-16x16.png", "favicon-32x32.png", "oauth2-redirect.html",
	}
}

// index answers the page. Its links are relative to the folder, so without the
// slash it only shows the way.
func (d *DocsPage) index(c *fiber.Ctx) error {
	if !strings.HasSuffix(c.Path(), "/") {
		return c.Redirect(docsPath+"/", fiber.StatusFound)
	}
	if err := d.page(c); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-cache")
	return nil
}

// asset answers a file of the page. They change with a release only.
func (d *DocsPage) asset(c *fiber.Ctx) error {
	if err := d.page(c); err != nil {
		return err
	}
	if strings.HasSuffix(c.Path(), ".js") {
		// Without the charset the interface does not parse its own script.
		c.Set(fiber.HeaderContentType, "text/javascript; charset=utf-8")
	}
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	return nil
}

func (d *DocsPage) openapi(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "application/yaml; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-cache")
	return c.SendString(document)
}
