package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds a probe; container runtimes allow a few seconds.
const healthTimeout = 3 * time.Second

func healthCommand(p process) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the gateway on this machine whether it is ready",
		Long: `Ask the gateway that this configuration runs on this machine for its readiness. The
exit code is 0 when it is ready, so a container image needs no other probe. Mistakes in
the configuration do not matter, as long as server.listen can be read.`,
		Example: "  registrar health --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err != nil {
				// A running gateway refuses such a file and goes on with the former one:
				// a slip of a pen must not make a supervisor end it.
				fmt.Fprintf(p.err, "The configuration has mistakes, which `registrar check` tells; asking %s all the same.\n", cfg.Server.Listen)
			}
			return askHealth(cmd.Context(), p.out, cfg.Server.Listen, path)
		},
	}
	cmd.Flags().StringVar(&path, "path", "/readyz", "probe to ask: /readyz, /livez or /health")
	return cmd
}

// askHealth asks the server that listens on address, wherever it listens, from this
// machine.
func askHealth(ctx context.Context, out io.Writer, address, path string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), port) + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	fmt.Fprintf(out, "%s %s\n", response.Status, body)
	if response.StatusCode != http.StatusOK {
		return errSaid
	}
	return nil
}
