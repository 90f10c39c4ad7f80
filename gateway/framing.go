package gateway

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// maxHeaderLines is far more than any client sends. Without it the limit in bytes
// leaves room for thousands, each of which is looked at.
const maxHeaderLines = 256

// inspect refuses what the server below accepts although a proxy in front of us
// could read it differently: one server's body is then the other's next request.
func (g *Gateway) inspect(c *fiber.Ctx) error {
	header := &c.Request().Header
	target := header.RequestURI()
	seen := scan(header.RawHeaders())
	if seen.count > maxHeaderLines {
		c.Context().SetConnectionClose()
		return &registrar.Error{
			Kind: registrar.Invalid, Code: "headers_too_large",
			Detail: "The head of the request has more lines than the server reads.",
			Err:    &serverError{status: fiber.StatusRequestHeaderFieldsTooLarge},
		}
	}
	reason := seen.fault()
	if reason == "" {
		reason = targetFault(target, header.Host())
	}
	if reason != "" {
		// Whatever follows on this connection was not framed by what we read.
		c.Context().SetConnectionClose()
		return &registrar.Error{
			Kind: registrar.Invalid, Code: "malformed_request",
			Detail: "The request is malformed: " + reason + ".",
		}
	}
	if bytes.HasPrefix(target, []byte("//")) {
		// With "://" further on, the server takes the first segment for a host
		// and would route the rest.
		return g.noRoute(c)
	}
	for _, name := range seen.underscored {
		// WSGI maps "_" and "-" to one variable, so such a name can pose as another.
		header.DelBytes(name)
	}
	return c.Next()
}

// lines is what the raw header lines of a request show. The parsed headers hide
// it: they join folded lines and forget repetitions.
type lines struct {
	count                          int
	length, encoding, folded, bare bool
	authorizations                 int
	underscored                    [][]byte
}

func scan(raw []byte) lines {
	var seen lines
	// The server takes a bare line feed for a line's end once a CRLF pair is in sight.
	seen.bare = bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n"))
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		seen.count++
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			seen.folded = true
			continue
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte(fiber.HeaderContentLength)):
			seen.length = true
		case bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding)):
			seen.encoding = true
		case bytes.EqualFold(name, []byte(fiber.HeaderAuthorization)):
			seen.authorizations++
		case bytes.IndexByte(name, '_') >= 0:
			seen.underscored = append(seen.underscored, name)
		}
	}
	return seen
}

// fault names what is wrong with the header lines; empty when nothing is.
func (l lines) fault() string {
	switch {
	case l.length && l.encoding:
		return "it has both a Content-Length and a Transfer-Encoding"
	case l.folded:
		return "a header is folded over two lines"
	case l.bare:
		return "a line ends without a carriage return"
	case l.authorizations > 1:
		return "it has two Authorization headers"
	}
	return ""
}

// targetFault names what is wrong with the request target; empty when nothing is.
func targetFault(target, host []byte) string {
	if len(target) == 0 || target[0] != '/' {
		_, rest, found := bytes.Cut(target, []byte("://"))
		authority := rest
		if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
			authority = rest[:i]
		}
		if !found || !bytes.EqualFold(authority, host) {
			return "its target is for another host"
		}
		target = rest[len(authority):]
	}
	if bytes.IndexByte(target, '#') >= 0 {
		return "its target has a fragment"
	}
	path, _, _ := bytes.Cut(target, []byte("?"))
	return pathFault(string(path))
}

// pathFault names a path that another server could read as a different one. The
// path is decoded once; what is encoded twice is text to us, and routes judges it.
func pathFault(path string) string {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path // routes says what is wrong with the escape
	}
	if strings.ContainsAny(decoded, "\\\x00\r\n") {
		return "its path holds a backslash or a control character"
	}
	for segment := range strings.SplitSeq(decoded, "/") {
		// "..;x" climbs too, for servers that cut path parameters off.
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return "its path climbs"
		}
	}
	return ""
}
