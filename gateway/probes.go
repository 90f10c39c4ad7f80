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

// Check is one thing the server cannot work without, or not well.
type Check struct {
	Name string // shown to anybody, so no host and no version
	// Optional marks a thing that requests get by without: its failure is told,
	// and the server stays ready.
	Optional bool
	// Probe returns nil when the thing answers. It is given [Config.CheckTimeout].
	Probe func(ctx context.Context) error
}

// readiness is the body of /readyz.
type readiness struct {
	Status  string   `json:"status"` // ready, unready or draining
	Failing []string `json:"failing"`
	// Degraded names the optional ones that fail.
	Degraded []string `json:"degraded,omitempty"`
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
	now := readiness{Status: "ready", Failing: []string{}}
	for _, check := range g.failing(c.UserContext(), g.checks) {
		if check.Optional {
			now.Degraded = append(now.Degraded, check.Name)
		} else {
			now.Failing = append(now.Failing, check.Name)
		}
	}
	if len(now.Failing) > 0 {
		now.Status = "unready"
		return sendJSON(c, fiber.StatusServiceUnavailable, string(encode(now)))
	}
	return sendJSON(c, fiber.StatusOK, string(encode(now)))
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

// failing runs checks at the same time and returns those that fail, in their order.
func (g *Gateway) failing(ctx context.Context, checks []Check) []Check {
	errs := make([]error, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { errs[i] = g.probe(ctx, check) })
	}
	running.Wait()
	var failing []Check
	for i, err := range errs {
		if err != nil {
			failing = append(failing, checks[i])
		}
		g.tellCheck(ctx, checks[i].Name, err)
	}
	return failing
}

// tellCheck logs a check's first failure and its recovery. What lies between is
// asked for by every probe of every balancer, and would bury the rest of the log.
func (g *Gateway) tellCheck(ctx context.Context, name string, err error) {
	failed := g.failed[name]
	switch {
	case err != nil && failed.CompareAndSwap(false, true):
		g.log.LogAttrs(ctx, slog.LevelWarn, "check failed", slog.String("check", name), slog.Any("error", err))
	case err == nil && failed.CompareAndSwap(true, false):
		g.log.LogAttrs(ctx, slog.LevelInfo, "check passes again", slog.String("check", name))
	}
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
