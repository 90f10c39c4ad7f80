package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func checkCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and report every mistake at once",
		Long: `Check the configuration file and the REGISTRAR_… variables without starting
anything. Every mistake is reported with the path of its key and, where it stands
in the file, its line. Exit code 0 means that "registrar serve" would accept it.`,
		Example: "  registrar check --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err == nil {
				// Whether a key can be used, only the room that uses it knows.
				_, err = newVerifier(cfg.Auth)
			}
			if err != nil {
				fmt.Fprintln(p.err, err)
				return errSaid
			}
			fmt.Fprintln(p.out, "The configuration is good.")
			return nil
		},
	}
}
