package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"registrar/linkstore"
)

func migrateCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create or update the database schema",
		Long: `Bring the tables of the link store and those of the job queue up to date. It is safe
to repeat, and several replicas may do it at once. "registrar serve --migrate" does
the same before it serves.`,
		Example: "  registrar migrate --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, p, func(store *linkstore.Store) error {
				applied, err := migrateStore(cmd.Context(), store)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%d migration(s) applied.\n", applied)
				return nil
			})
		},
	}
}
