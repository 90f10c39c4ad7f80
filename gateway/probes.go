package gateway

import (
	"context"
	"log/slog"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// DatabaseCheck is the name of the check that /health reports, as the original
// does. Without a check of this name /health is always well.
const DatabaseCheck = "database"

// Check is one thing the server cannot work without.
type Check struct {
	Name string // shown to anybody, so no host and no version
	// Probe returns nil when the thing answers. It is given [Config.CheckTimeout].
	Probe func(ctx context.Context) error
}

// readiness is the body of /readyz.
type readiness struct {
	Status  string   `json:"status"` // ready, unready or draining
	Failing []string `json:"failing"`
}

// livez is well as long as a request can be answered at all.
func (g *Gateway) livez(c *fiber.Ctx) error {
	return sendJSON(c, fiber.StatusOK, `{"status":"alive"}`)
}

// readyz fails as soon as the server drains, before anything else of it does.
func (g *Gateway) readyz(c *fiber.Ctx) error {
	if g.draining.Load() {
		return sendJSON(c, fiber.StatusServiceUnavailable, string(encode(readiness{Status: "draining", Failing: []string{}})))
	}
	failing := g.failing(c.UserContext(), g.checks)
	if len(failing) > 0 {
		return sendJSON(c, fiber.StatusServiceUnavailable, string(encode(readiness{Status: "unready", Failing: failing})))
	}
	return sendJSON(c, fiber.StatusOK, string(encode(readiness{Status: "ready", Failing: failing})))
}

// health is the original's: only the database counts, and its JSON has spaces.
func (g *Gateway) health(c *fiber.Ctx) error {
	var database []Check
	for _, check := range g.checks {
		if check.Name == DatabaseCheck {
			database = append(database, check)
		}
	}
	if len(g.failing(c.UserContext(), database)) > 0 {
		return sendJSON(c, fiber.StatusServiceUnavailable,
			`{"overall_status": "UNAVAILABLE", "detailed_status": {"database_status": "UNAVAILABLE"}}`)
	}
	return sendJSON(c, fiber.StatusOK, `{"overall_status": "OK", "detailed_status": {"database_status": "OK"}}`)
}

// failing runs checks at the same time and names those that fail, in their order.
func (g *Gateway) failing(ctx context.Context, checks []Check) []string {
	errs := make([]error, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { errs[i] = g.probe(ctx, check) })
	}
	running.Wait()
	names := []string{}
	for i, err := range errs {
		if err != nil {
			names = append(names, checks[i].Name)
			g.log.LogAttrs(ctx, slog.LevelWarn, "check failed", slog.String("check", checks[i].Name), slog.Any("error", err))
		}
	}
	return names
}

// probe bounds a check even if its Probe ignores the context.
func (g *Gateway) probe(ctx context.Context, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.CheckTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- rescued(func() error { return check.Probe(ctx) }) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func sendJSON(c *fiber.Ctx, status int, body string) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).SendString(body)
}
