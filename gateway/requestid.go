package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// identify gives the request its id, in the answer, the logs and upstream.
func (g *Gateway) identify(c *fiber.Ctx) error {
	g.running.Add(1)
	defer g.running.Add(-1)
	g.begin(c)
	return c.Next()
}

// begin opens the visit of a request.
func (g *Gateway) begin(c *fiber.Ctx) {
	v := &visit{id: requestID(c.Get(fiber.HeaderXRequestID)), start: g.now()}
	c.Locals(visitKey{}, v)
	c.SetUserContext(registrar.WithRequestID(c.UserContext(), v.id))
	c.Set(fiber.HeaderXRequestID, v.id)
}

// requestID copies a caller's id, which lives in a buffer that the next request
// overwrites. One that could forge a log line or a header is replaced.
func requestID(given string) string {
	if wellFormedID(given) {
		return utils.CopyString(given)
	}
	var random [16]byte
	// crypto/rand never returns an error; it ends the process instead.
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

func wellFormedID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && r != '.' && r != '_' && r != '-'
	})
}
