package routes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// answer sends a composed read that fits into memory. facts are what the body
// depends on besides the request and the sources, such as the caller's
// permissions. body is asked only when there is something to send.
func (a *API) answer(c *fiber.Ctx, p parts, facts []string, body func(provenance) any) error {
	if done, err := a.preface(c, p, asJSON, facts); done || err != nil {
		return err
	}
	text, err := encode(body(provenanceOf(p, a.config.Now())))
	if err != nil {
		return fmt.Errorf("routes: answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, asJSON.contentType())
	return c.Send(text)
}

// encode writes compact JSON in which only what JSON demands is escaped.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// preface sets the headers of a composed read and reports whether the answer is
// complete with them, because the caller has it already. A caller who takes
// whole answers only gets an error for one with missing parts.
func (a *API) preface(c *fiber.Ctx, p parts, as format, facts []string) (done bool, err error) {
	if prefersStrict(c.Get("Prefer")) {
		c.Set("Preference-Applied", "handling=strict")
		if !p.Complete() {
			return false, incomplete(p.Sources)
		}
	}
	// Set before 304 is decided: they describe the caller's copy as well.
	c.Set("X-Registrar-Complete", strconv.FormatBool(p.Complete()))
	// Personal data: kept by the caller alone, and never used again unasked.
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAccept, fiber.HeaderAuthorization, "Prefer")
	c.Set(fiber.HeaderAge, strconv.FormatInt(seconds(p.Age(a.config.Now())), 10))
	c.Set("Cache-Status", cacheStatus(p))
	if timing := serverTiming(p.Sources); timing != "" {
		c.Set("Server-Timing", timing)
	}
	tag, ok := entityTag(c, p, as, facts)
	if !ok {
		return false, nil
	}
	c.Set(fiber.HeaderETag, tag)
	if !matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return false, nil
	}
	c.Status(fiber.StatusNotModified)
	return true, nil
}

// prefersStrict reports whether the caller wants an error rather than an answer
// with missing parts (RFC 7240).
func prefersStrict(prefer string) bool {
	for preference := range strings.FieldsFuncSeq(prefer, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(preference, "=")
		if strings.EqualFold(strings.TrimSpace(name), "handling") {
			// The first mention counts; the others are void.
			return strings.EqualFold(strings.Trim(value, " \t\""), "strict")
		}
	}
	return false
}

// incomplete is what a strict caller gets instead of an answer with holes.
func incomplete(sources []registrar.Source) error {
	var names []string
	var wait time.Duration
	for _, s := range sources {
		if s.State != registrar.SourceFailed {
			continue
		}
		wait = max(wait, registrar.RetryAfterOf(s.Err))
		if !slices.Contains(names, string(s.Name)) {
			names = append(names, string(s.Name))
		}
	}
	return &registrar.Error{
		Kind: registrar.Upstream, Code: "incomplete", RetryAfter: wait,
		Detail: "The answer is incomplete; these sources failed: " + strings.Join(names, ", ") + ".",
	}
}
