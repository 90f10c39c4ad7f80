package upstream

import (
	"context"
	"log/slog"
	"time"

	"registrar/internal/registrar"
)

// Call is one try as Config.Observe sees it.
type Call struct {
	Operation string
	Class     string
	Try       int            // from 1; a repeat after a fresh token counts too
	Status    int            // 0 when no response came, or none was asked for
	Took      time.Duration  // waiting for a slot and for the token included
	Kind      registrar.Kind // empty when the answer was accepted
	Code      string
}

func (c *Client) observe(ctx context.Context, r Request, try int, status int, took time.Duration, err error) {
	if c.cfg.Observe == nil {
		return
	}
	call := Call{Operation: r.Operation, Class: r.class(), Try: try, Status: status, Took: took}
	if err != nil {
		call.Kind, call.Code = registrar.KindOf(err), registrar.CodeOf(err)
	}
	c.cfg.Observe(ctx, call)
}

// logFailure tells of a read that failed for good. The error itself goes to the
// caller, who may well have an answer in its place, hence the level.
func (c *Client) logFailure(ctx context.Context, r Request, tries int, err error) {
	c.log.DebugContext(ctx, "upstream read failed",
		slog.String("upstream", string(c.voice)),
		slog.String("operation", r.Operation),
		slog.String("code", registrar.CodeOf(err)),
		slog.Int("tries", tries))
}
