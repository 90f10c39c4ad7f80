package routes

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// MediaConfig says how files are handed out. The zero value is the documented
// behaviour.
type MediaConfig struct {
	// Patience is how long a caller may take for a whole file. Default: 15 min.
	Patience time.Duration
	// Pause is how long a caller may take for any part of it. Default: 30 s.
	Pause time.Duration
	Log   *slog.Logger // for files that break off half way; default: nowhere
}

// Media hands out files to whoever has a link to them. The link is all that it
// asks for, so no log line, span or error of this route may hold one.
type Media struct {
	config  MediaConfig
	shelves []Shelf
}

// NewMedia returns the route of the links to shelves. Of a link of several, the
// first one that knows it has the file.
func NewMedia(config MediaConfig, shelves ...Shelf) *Media {
	config.Patience = cmp.Or(config.Patience, 15*time.Minute)
	config.Pause = cmp.Or(config.Pause, 30*time.Second)
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Media{config: config, shelves: shelves}
}

// Mount hands the one route to add. It needs no authentication: the token is one.
func (m *Media) Mount(add func(method, path string, handler fiber.Handler)) {
	add(fiber.MethodGet, "/api/media/:token/+", m.file)
}

// file streams one file.
func (m *Media) file(c *fiber.Ctx) error {
	token, name := utils.CopyString(c.Params("token")), fileName(c)
	// What is handed out outlives the handler, and may outlive the time for one
	// request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), m.config.Patience)
	attached := context.AfterFunc(c.UserContext(), cancel)
	body, size, err := m.fetch(ctx, token, name)
	if !attached() && err == nil {
		body.Close()
		err = context.Cause(c.UserContext())
	}
	if err != nil {
		cancel()
		return err
	}
	c.Set(fiber.HeaderContentType, contentTypeOf(name))
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+fileSafe(path.Base(name))+`"`)
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	// A file that a browser shows after all can do nothing.
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'; sandbox")
	c.Context().SetBodyStream(&sending{
		ctx: ctx, end: cancel, body: body, left: size, pause: m.config.Pause,
		extend: c.Context().Conn().SetWriteDeadline,
		failed: func(err error) { m.config.Log.ErrorContext(ctx, "file broke off", slog.Any("error", err)) },
	}, int(size))
	return nil
}

// fetch asks the shelves. Whether the link is forged, has expired or leads to a
// file that is gone is not told, and neither that there is such a route.
func (m *Media) fetch(ctx context.Context, token, name string) (io.ReadCloser, int64, error) {
	for _, s := range m.shelves {
		body, size, err := s.Fetch(ctx, token, name)
		if err == nil || registrar.KindOf(err) != registrar.NotFound {
			return body, size, err
		}
	}
	return nil, 0, &registrar.Error{Kind: registrar.NotFound, Code: registrar.NoRoute, Detail: "Not found."}
}

// fileName reads the name of the path. What cannot be decoded comes back empty,
// which is no name.
func fileName(c *fiber.Ctx) string {
	text, err := url.PathUnescape(c.Params("+1"))
	if err != nil {
		return ""
	}
	return utils.CopyString(text)
}

// contentTypeOf never is a type that browsers run.
func contentTypeOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		return fiber.MIMEApplicationJSON
	case ".csv":
		return "text/csv; charset=utf-8"
	}
	return fiber.MIMEOctetStream
}
