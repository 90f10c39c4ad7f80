package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"registrar/config"
)

// hangups returns what SIGHUP sends. It is asked for before anything else is
// done, and stopped when all is over: without a listener the signal ends the
// process.
func hangups() (hup <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// watch applies every change of the configuration file to r until ctx ends: by
// itself when the file changes, and on every hup. It returns a func that waits
// for its end.
func watch(ctx context.Context, path string, hup <-chan os.Signal, environ []string, cfg config.Config, r *rooms) (wait func()) {
	watcher := config.NewWatcher(cfg, config.WatchConfig{
		Path: path, Environ: environ, Log: r.shared.log,
		Done: func(change config.Change, err error) { r.shared.metrics.Reloaded(err, len(change.Restart)) },
	}, r.apply)
	var running sync.WaitGroup
	running.Go(func() {
		defer r.shared.contain(ctx, "configuration watch")
		if path == "" {
			return // there is only the environment, which cannot change
		}
		if err := watcher.Run(ctx); err != nil {
			r.shared.log.WarnContext(ctx, "the configuration file is not watched; SIGHUP still reloads it", slog.Any("error", err))
		}
	})
	running.Go(func() {
		defer r.shared.contain(ctx, "configuration reload")
		for {
			select {
			case <-hup:
				_, _ = watcher.Reload(ctx) // it has logged its error
			case <-ctx.Done():
				return
			}
		}
	})
	return running.Wait
}

// apply brings the live keys of now into force, all of them or none: what can
// fail comes first, and is taken back if a later step fails.
func (r *rooms) apply(old, now config.Config) error {
	if err := r.verifier.Replace(issuersOf(now.Auth)); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	if err := r.restrict(now); err != nil {
		// What has run until now cannot be refused.
		_ = r.verifier.Replace(issuersOf(old.Auth))
		_ = r.restrict(old)
		return err
	}
	r.nameRoutes()
	r.views.Store(&now.Cache.Views)
	flags := flagsOf(now.Flags)
	r.flags.Store(&flags)
	setLevel(r.shared.level, now.Log)
	return nil
}

// restrict sets what callers may ask and what upstreams are asked.
func (r *rooms) restrict(c config.Config) error {
	if err := r.pass.SetRules(rulesOf(c.Passthrough)); err != nil {
		return fmt.Errorf("passthrough: %w", err)
	}
	if err := r.gateway.SetLimits(limitsOf(c.Limits)); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	if err := r.gateway.SetOrigins(c.CORS.Origins); err != nil {
		return fmt.Errorf("cors: %w", err)
	}
	r.gateway.SetPreflightAge(time.Duration(c.CORS.MaxAge))
	for name, calls := range map[string]config.Calls{nameLMS: c.LMS.Calls, nameDiscovery: c.Discovery.Calls} {
		if err := r.upstreams.calls[name].SetBudget(budgetConfig(calls.Budget)); err != nil {
			return fmt.Errorf("%s.budget: %w", name, err)
		}
		r.upstreams.calls[name].SetBreakerObserve(calls.Breaker.Observe)
	}
	return nil
}

// contain keeps a panic of a goroutine from ending the process.
func (s *shared) contain(ctx context.Context, what string) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "panic", slog.String("in", what), slog.String("type", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
	}
}
