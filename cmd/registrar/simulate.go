package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"registrar/internal/simulator"
)

func simulateCommand(p process) *cobra.Command {
	var world simulator.Options
	var address string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated Open edX site",
		Long: `Run a simulated LMS, Discovery and token endpoint on one port, with a made-up world
of programs and learners. The same seed and sizes make the same world. Its control
API breaks things on request: POST /_simulator/faults.`,
		Example: "  registrar simulate --learners 5000",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sim, err := simulator.New(world)
			if err != nil {
				return &usageError{err}
			}
			listener, err := listen(cmd.Context(), address)
			if err != nil {
				return err
			}
			base := "http://" + listener.Addr().String()
			fmt.Fprintf(p.out, "Simulated LMS and Discovery at %s\n\nOAuth clients (id, secret):\n", base)
			for _, c := range sim.Clients() {
				fmt.Fprintf(p.out, "  %-18s %s\n", c.ID, c.Secret)
			}
			fmt.Fprintf(p.out, "\nTokens: issuer %s, audience %s, HS256 secret %s\n", sim.Issuer(), sim.Audience(), sim.Secret())
			p.announce(addresses{simulator: base})
			return serveSimulator(cmd.Context(), sim, listener)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:8081", "address to listen on")
	worldFlags(cmd, &world)
	return cmd
}

// worldFlags lets the command line choose the sizes of a simulated world.
func worldFlags(cmd *cobra.Command, world *simulator.Options) {
	cmd.Flags().Uint64Var(&world.Seed, "seed", 1, "seed of the simulated world")
	cmd.Flags().IntVar(&world.Programs, "programs", 0, "programs beside the four fixed ones")
	cmd.Flags().IntVar(&world.Courses, "courses", 5, "course runs of each program")
	cmd.Flags().IntVar(&world.Learners, "learners", 60, "learners of each Masters program")
}

// serveSimulator answers on listener until ctx ends.
func serveSimulator(ctx context.Context, handler http.Handler, listener net.Listener) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("simulator: %w", err)
	case <-ctx.Done():
	}
	// Its delays may outlast any patience; a simulator has nothing to lose.
	closeErr := server.Close()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("simulator: %w", err)
	}
	if closeErr != nil {
		return fmt.Errorf("simulator: %w", closeErr)
	}
	return nil
}
