package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Serve accepts connections of ln until ctx ends, then drains: readiness fails,
// requests go on for [Config.DrainDelay], then no new one is accepted and the
// running ones have [Config.DrainTimeout]. It returns when that is over, with ln
// closed; the error says that ln broke or that requests were still running.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	// Work that outlives the drain is cancelled, whichever way we leave.
	defer g.end()
	served := make(chan error, 1)
	go func() { served <- rescued(func() error { return g.app.Listener(ln) }) }()

	select {
	case err := <-served:
		return broken(err)
	case <-ctx.Done():
	}
	g.draining.Store(true)
	// Without it a stop that takes as long as the drain looks like a hang.
	g.log.LogAttrs(ctx, slog.LevelInfo, "draining", slog.Duration("delay", max(g.cfg.DrainDelay, 0)),
		slog.Duration("at_most", g.cfg.DrainTimeout), slog.Int64("running", g.running.Load()))
	select {
	case err := <-served:
		return broken(err)
	case <-time.After(g.cfg.DrainDelay):
	}
	return g.drain(context.WithoutCancel(ctx), ln, served)
}

func (g *Gateway) drain(ctx context.Context, ln net.Listener, served <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.DrainTimeout)
	defer cancel()
	err := g.app.ShutdownWithContext(ctx)
	// A shutdown that comes before the server took the listener does not close
	// it, and Serve would accept for ever. Closing twice does no harm.
	_ = ln.Close()
	if serveErr := <-served; serveErr != nil {
		return broken(serveErr)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("gateway: requests were still running after a drain of %s: %w", g.cfg.DrainTimeout, err)
	}
	return nil
}

// broken is the end of serving that nobody asked for.
func broken(err error) error {
	if err == nil {
		err = net.ErrClosed
	}
	return fmt.Errorf("gateway: serve: %w", err)
}
