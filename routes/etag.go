package routes

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// entityTag names the content of an answer: the resource, its representation
// and what its sources said. When they said it is left out, or a nightly sync
// would transfer everything again because of the ages in it. A source that does
// not tell its digest could change unseen, so its answer gets no tag.
func entityTag(c *fiber.Ctx, p parts, as format, facts []string) (tag string, ok bool) {
	// Half of a SHA-256 is more than enough against chance; nobody gains by a
	// collision with an answer of one's own.
	h := sha256.New()
	// The host stands in the links of a page.
	mix(h, c.BaseURL(), c.Path(), string(c.Request().URI().QueryString()), string(as))
	mix(h, facts...)
	for _, s := range p.Sources {
		answered := s.State == registrar.SourceOK || s.State == registrar.SourceStale
		// What the link store said stands in the facts.
		if answered && s.Digest == "" && s.Name != registrar.FromLinkstore {
			return "", false
		}
		code := ""
		if s.State == registrar.SourceFailed {
			code = registrar.CodeOf(s.Err)
		}
		mix(h, string(s.Name), string(s.Program), s.Course.String(), string(s.State), s.Digest, code)
	}
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`, true
}

// mix adds texts to h such that no two lists of texts add the same bytes.
func mix(h hash.Hash, texts ...string) {
	var length [8]byte
	put := func(n int) {
		for i := range length {
			length[i] = byte(n >> (8 * i))
		}
		h.Write(length[:])
	}
	put(len(texts))
	for _, text := range texts {
		put(len(text))
		h.Write([]byte(text))
	}
}

// matches reports whether an If-None-Match header names tag. Weak spellings
// count: a proxy that compresses marks our tags weak.
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
