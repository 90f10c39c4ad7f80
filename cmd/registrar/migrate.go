package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"registrar/linkstore"
)

func migrateCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:     "migrate",
		Short:   "Create or update the database schema",
		Example: "  registrar migrate --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, p, func(store *linkstore.Store) error {
				applied, err := store.Migrate(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%d migration(s) applied.\n", applied)
				return nil
			})
		},
	}
}
