package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// challenge names the scheme that the LMS's tokens are sent with.
const challenge = `JWT realm="api"`

// retryAfterGuess is told where waiting helps and nobody knows how long.
const retryAfterGuess = 5 * time.Second

// problem is the RFC 9457 body of v3 and the passthrough.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

// plain is the body that most answers of v1 and v2 have; see [registrar.Shape].
type plain struct {
	Detail string `json:"detail"`
}

// refuse answers what the server gave up on before the first middleware: a body
// or head over its limit, a request that is no HTTP. It does their work too.
func (g *Gateway) refuse(c *fiber.Ctx, err error) error {
	g.begin(c)
	g.preset(c)
	g.render(c, fromServer(err))
	complete(c)
	g.finish(c)
	return nil
}

// render turns err into the reply. Nothing else in the process does.
func (g *Gateway) render(c *fiber.Ctx, err error) {
	err = classified(err)
	v := visitOf(c)
	v.failure = err
	kind := registrar.KindOf(err)
	status := statusOf(err)
	g.report(c, err, status)

	withdraw(c)
	if status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, challenge)
	}
	if wait := retryAfter(err, status); wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	c.Set(fiber.HeaderCacheControl, unkept)
	detail := detailOf(err, kind)
	switch original := speaksDRF(c.Path()); {
	case original && registrar.CodeOf(err) == registrar.NoRoute:
		sendPage(c)
	case original:
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		c.Response().SetBodyRaw(encode(shaped(err, detail)))
	default:
		c.Set(fiber.HeaderContentType, "application/problem+json")
		c.Response().SetBodyRaw(encode(problem{
			Type: problemType(err, kind), Title: http.StatusText(status), Status: status,
			Detail: detail, Code: registrar.CodeOf(err), RequestID: v.id,
		}))
	}
	c.Status(status)
}

// shaped is the body that clients of v1 and v2 compare with.
func shaped(err error, detail string) any {
	shape := registrar.DetailObject
	if e, ok := errors.AsType[*registrar.Error](err); ok {
		shape = e.Shape
	}
	switch shape {
	case registrar.DetailList:
		return []string{detail}
	case registrar.DetailText:
		return detail
	case registrar.DetailObject:
	}
	return plain{Detail: detail}
}

// report logs a failure that is not the caller's, once and with its cause.
func (g *Gateway) report(c *fiber.Ctx, err error, status int) {
	if status < fiber.StatusInternalServerError {
		return
	}
	level := slog.LevelWarn
	if status == fiber.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", visitOf(c).id),
		slog.String("kind", string(registrar.KindOf(err))),
		slog.String("code", registrar.CodeOf(err)),
		slog.Any("error", err),
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", p.stack))
	}
	g.log.LogAttrs(c.UserContext(), level, "request failed", attrs...)
}

// withdraw takes back what a handler said of the answer it could not finish.
func withdraw(c *fiber.Ctx) {
	for _, name := range []string{
		fiber.HeaderETag, fiber.HeaderAge, fiber.HeaderLastModified, fiber.HeaderExpires,
		fiber.HeaderContentDisposition, fiber.HeaderContentEncoding, "Cache-Status",
	} {
		c.Response().Header.Del(name)
	}
}

// speaksDRF reports whether clients of path expect the original's error bodies.
func speaksDRF(path string) bool {
	return strings.HasPrefix(path, "/api/") && !below(path, "/api/v3")
}

// below reports whether path is root or lies under it.
func below(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}

// problemType is stable per code; a kind's own name says no more than the status.
func problemType(err error, kind registrar.Kind) string {
	if code := registrar.CodeOf(err); code != string(kind) {
		return "urn:registrar:problem:" + code
	}
	return "about:blank"
}

func retryAfter(err error, status int) time.Duration {
	wait := registrar.RetryAfterOf(err)
	if wait == 0 && (status == fiber.StatusServiceUnavailable || status == fiber.StatusTooManyRequests) {
		return retryAfterGuess
	}
	return wait
}

// encode keeps "<" and "&" readable; the content types are not HTML and nosniff is set.
func encode(body any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// Strings, and structs of strings and numbers, always encode.
	_ = encoder.Encode(body)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
