package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func programCommand(p process) *cobra.Command {
	cmd := &cobra.Command{Use: "program", Short: "Programs: list, add, create, rename"}
	cmd.AddCommand(programListCommand(p), programAddCommand(p), programCreateCommand(p), programRenameCommand(p))
	return cmd
}

func programListCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the programs", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				found, err := store.Programs(cmd.Context())
				if err != nil {
					return err
				}
				rows := make([][]any, len(found))
				for i, program := range found {
					rows[i] = []any{program.Key, program.Organization, program.UUID}
				}
				return table(p.out, "KEY\tORGANIZATION\tDISCOVERY UUID", rows)
			})
		},
	}
}

func programCreateCommand(p process) *cobra.Command {
	var uuid, organization string
	cmd := &cobra.Command{
		Use: "create KEY --uuid UUID --org KEY", Short: "Add a program under its managing organization", Args: exactly(1),
		Long: `Add a program by hand without asking Discovery, under an organization of your
choice: one with several authoring organizations, which "registrar sync" leaves out
because it cannot tell which of them manages it, or one that Discovery does not
have yet. "registrar program add" takes its facts from Discovery.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			parsed, err := registrar.ParseProgramUUID(uuid)
			if err != nil {
				return &usageError{fmt.Errorf("--uuid: %w", err)}
			}
			program := registrar.Program{
				Key: registrar.ProgramKey(args[0]), UUID: parsed, Organization: registrar.OrganizationKey(organization),
			}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := store.CreateProgram(cmd.Context(), program); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Program %s created.\n", program.Key)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&uuid, "uuid", "", "uuid in Discovery")
	cmd.Flags().StringVar(&organization, "org", "", "key of the managing organization")
	require(cmd, "uuid", "org")
	return cmd
}

func programRenameCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "rename KEY NEW-KEY", Short: "Give a program another key in URLs", Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := store.RenameProgram(cmd.Context(), registrar.ProgramKey(args[0]), registrar.ProgramKey(args[1])); err != nil {
					return fmt.Errorf("program %q: %w", args[0], err)
				}
				fmt.Fprintf(p.out, "Program %s is now %s.\n", args[0], args[1])
				return nil
			})
		},
	}
}

// require marks flags that a command cannot do without.
func require(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag was never defined: a mistake in this file
		}
	}
}
