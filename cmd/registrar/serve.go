package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"registrar/config"
)

func serveCommand(p process) *cobra.Command {
	var migrate bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway for a site",
		Long: `Run the gateway until it is told to stop (SIGINT or SIGTERM): it then fails its
readiness probe, waits server.drain_delay, lets running requests finish within
server.drain_timeout, and ends.`,
		Example: "  registrar serve --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, configPath(cmd), p, migrate)
		},
	}
	cmd.Flags().BoolVar(&migrate, "migrate", false, "bring the database schema up to date first")
	return cmd
}

// serve runs the gateway until ctx ends and its drain is over.
func serve(ctx context.Context, cfg config.Config, path string, p process, migrate bool) error {
	hup, stop := hangups()
	defer stop()
	sh, err := share(ctx, cfg, p.err)
	if err != nil {
		return err
	}
	log := sh.log
	defer closing(log, "shared", sh)
	store, err := openStore(ctx, cfg.Store, sh)
	if err != nil {
		return err
	}
	defer closing(log, "store", store)
	if migrate {
		if _, err := migrateStore(ctx, store); err != nil {
			return err
		}
	}
	if err := checkSchema(ctx, store); err != nil {
		return err
	}
	release, err := store.ServeAlone()
	if err != nil {
		return err
	}
	defer func() { _ = release() }() // nothing was written
	listener, err := listen(ctx, cfg.Server.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() // Serve closes it too, if it comes to that
	if at := net.ParseIP(hostOf(listener.Addr())); cfg.Server.PublicURL == "" && !at.IsLoopback() {
		log.WarnContext(ctx, "server.public_url is not set: links in answers name this machine's own address")
	}
	s, err := build(ctx, reachableAt(cfg, listener.Addr()), store, sh)
	if err != nil {
		return err
	}
	defer closing(log, "rooms", s)
	if err := s.queue.Start(ctx); err != nil {
		return err
	}
	watching, unwatch := context.WithCancel(ctx)
	wait := watch(watching, path, hup, p.environ, cfg, s)
	defer wait()
	defer unwatch()
	log.InfoContext(ctx, "serving", slog.String("address", listener.Addr().String()), slog.String("version", version))
	p.announce(addresses{gateway: "http://" + listener.Addr().String()})
	return s.gateway.Serve(ctx, listener)
}

// reachableAt is cfg with an address for links, if it has none: the listener's,
// whose port may have been picked just now. One that listens everywhere is reached
// on this machine by its usual name, and nobody can go to "[::]".
func reachableAt(cfg config.Config, listener net.Addr) config.Config {
	if cfg.Server.PublicURL != "" {
		return cfg
	}
	address := listener.String()
	if _, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(hostOf(listener)).IsUnspecified() {
		address = net.JoinHostPort("localhost", port)
	}
	cfg.Server.PublicURL = "http://" + address
	return cfg
}

// hostOf is the host of an address, without its port.
func hostOf(address net.Addr) string {
	host, _, _ := net.SplitHostPort(address.String()) // an address of TCP has both
	return host
}

// listen opens address for TCP.
func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return listener, nil
}
