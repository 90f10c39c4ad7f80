package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func checkCommand(p process) *cobra.Command {
	var live, asJSON bool
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, and with --live the site that it names",
		Long: `Check the configuration file and the REGISTRAR_… variables without starting
anything. Every mistake is reported with the path of its key and, where it stands
in the file, its line. Exit code 0 means that "registrar serve" would accept it.

With --live, also ask the site: the database and its schema, Redis, the addresses
of the LMS and of Discovery, the service account and its rights, the issuer and the
keys of its token, the clocks, throttles, and whether the LMS knows the programs.
It only reads. Each fault is told with what mends it; exit code 1 means there is one.`,
		Example: "  registrar check --config registrar.yaml\n  registrar check --live --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err == nil {
				// Whether a key can be used, only the room that uses it knows.
				_, err = newVerifier(cfg.Auth, nil)
			}
			if err != nil {
				fmt.Fprintln(p.err, err)
				return errSaid
			}
			if live {
				return tellSite(p, inspect(cmd.Context(), newLiveSite(cfg, within)), asJSON)
			}
			fmt.Fprintln(p.out, "The configuration is good.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask the site too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "with --live: report as a JSON list")
	cmd.Flags().DurationVar(&within, "timeout", 10*time.Second, "with --live: time of one question")
	return cmd
}
