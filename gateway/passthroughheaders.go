package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Headers pass by allow-list in both directions. Everything else, credentials,
// cookies, X-Forwarded-* and the names of one hop above all, is never looked at.

const traceParent, traceState = "Traceparent", "Tracestate"

// forwarded returns the caller's headers that the upstream gets. What the caller
// names in Connection is for this hop alone, by any spelling.
func forwarded(c *fiber.Ctx, conditional bool) http.Header {
	names := []string{fiber.HeaderAccept, fiber.HeaderAcceptLanguage, fiber.HeaderContentType}
	if conditional {
		names = append(names, fiber.HeaderIfNoneMatch, fiber.HeaderIfModifiedSince)
	}
	header := http.Header{}
	hop := connectionNames(c.Request().Header.RawHeaders())
	for _, name := range names {
		if value := c.Get(name); value != "" && printable(value) && !hop(name) {
			header.Set(name, strings.Clone(value))
		}
	}
	if accept := header.Get(fiber.HeaderAccept); accept == "" || wantsPage(accept) {
		header.Set(fiber.HeaderAccept, fiber.MIMEApplicationJSON)
	}
	if header.Get(fiber.HeaderAcceptLanguage) == "" {
		header.Set(fiber.HeaderAcceptLanguage, "en") // Discovery translates program types
	}
	traced(c, header)
	return header
}

// wantsPage reports whether an Accept header could earn a page for people. Those
// that Django REST framework makes of its APIs are made for our account: they tell
// its name, and their forms offer it what no caller may see.
func wantsPage(accept string) bool {
	accept = strings.ToLower(accept)
	return strings.Contains(accept, "html") || strings.Contains(accept, "text/*")
}

// traced passes a well-formed trace context on. A transport that traces replaces
// it by its own.
func traced(c *fiber.Ctx, header http.Header) {
	parent, state := c.Get(traceParent), c.Get(traceState)
	if !isTraceParent(parent) {
		return
	}
	header.Set(traceParent, strings.Clone(parent))
	const longest = 512
	if state != "" && len(state) <= longest && printable(state) {
		header.Set(traceState, strings.Clone(state))
	}
}

// isTraceParent knows version 00 of W3C's trace context.
func isTraceParent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "00" {
		return false
	}
	for i, width := range []int{2, 32, 16, 2} {
		if len(parts[i]) != width || strings.Trim(parts[i], "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(parts[1], "0") != "" && strings.Trim(parts[2], "0") != ""
}

// connectionNames reads the raw lines, of which the parsed headers keep too little.
func connectionNames(raw []byte) func(name string) bool {
	var named []string
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte(fiber.HeaderConnection)) {
			continue
		}
		for option := range strings.SplitSeq(string(value), ",") {
			named = append(named, strings.TrimSpace(option))
		}
	}
	return func(name string) bool {
		return slices.ContainsFunc(named, func(n string) bool { return strings.EqualFold(n, name) })
	}
}

// returned sets the upstream's headers that the caller gets. What a handler set,
// the security headers among it, stays.
func returned(c *fiber.Ctx, header http.Header) {
	hop := func(name string) bool {
		for _, value := range header.Values(fiber.HeaderConnection) {
			for option := range strings.SplitSeq(value, ",") {
				if strings.EqualFold(strings.TrimSpace(option), name) {
					return true
				}
			}
		}
		return false
	}
	for _, name := range []string{
		fiber.HeaderContentType, fiber.HeaderContentDisposition, fiber.HeaderContentLanguage,
		fiber.HeaderETag, fiber.HeaderLastModified,
	} {
		if value := header.Get(name); value != "" && printable(value) && !hop(name) {
			c.Set(name, value)
		}
	}
	if header.Get(fiber.HeaderContentType) == "" {
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream) // else fasthttp would say text/plain
	}
}

// printable reports whether a header's value holds no control character.
func printable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
