package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func groupCommand(p process) *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "Groups and their members: list, create, add, invite, uninvite, remove"}
	cmd.AddCommand(groupListCommand(p), groupCreateCommand(p), groupAddCommand(p), groupInviteCommand(p), groupUninviteCommand(p), groupRemoveCommand(p))
	return cmd
}

func groupListCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the groups", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				found, err := store.Groups(cmd.Context())
				if err != nil {
					return err
				}
				rows := make([][]any, len(found))
				for i, g := range found {
					rows[i] = []any{g.Name, g.Role, g.Target}
				}
				return table(p.out, "NAME\tROLE\tON", rows)
			})
		},
	}
}

func groupCreateCommand(p process) *cobra.Command {
	var target targetFlags
	var role string
	cmd := &cobra.Command{
		Use: "create NAME --role ROLE --org KEY | --program KEY", Short: "Create a group that holds a role", Args: exactly(1),
		Long: "Create a group whose members hold a role on an organization or on a program.\n\nRoles:\n  " + strings.Join(roleNames(), "\n  "),
		RunE: func(cmd *cobra.Command, args []string) error {
			on, err := target.target()
			if err != nil {
				return err
			}
			group := linkstore.Group{Name: args[0], Role: registrar.Role(role), Target: on}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := store.CreateGroup(cmd.Context(), group); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Group %q created.\n", group.Name)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "role that the members hold")
	require(cmd, "role")
	target.define(cmd, false)
	return cmd
}

func groupAddCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "add GROUP USERNAME...", Short: "Add users to a group", Args: atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				for _, name := range args[1:] {
					if err := store.AddMember(cmd.Context(), args[0], registrar.Username(name)); err != nil {
						return fmt.Errorf("%s: %w", name, err)
					}
				}
				fmt.Fprintf(p.out, "%d member(s) added to %q.\n", len(args)-1, args[0])
				return nil
			})
		},
	}
}

func groupInviteCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "invite GROUP EMAIL...", Short: "Let whoever first comes with an e-mail address join a group", Args: atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				for i, email := range args[1:] {
					if err := store.AddPendingMember(cmd.Context(), args[0], email); err != nil {
						return fmt.Errorf("address %d: %w", i+1, err)
					}
				}
				fmt.Fprintf(p.out, "%d address(es) invited to %q.\n", len(args)-1, args[0])
				return nil
			})
		},
	}
}

func groupUninviteCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "uninvite GROUP EMAIL...", Short: "Take invitations back that nobody has followed yet", Args: atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				for i, email := range args[1:] {
					if err := store.RemovePendingMember(cmd.Context(), args[0], email); err != nil {
						return fmt.Errorf("address %d: %w", i+1, err)
					}
				}
				fmt.Fprintf(p.out, "%d invitation(s) to %q taken back.\n", len(args)-1, args[0])
				return nil
			})
		},
	}
}

func groupRemoveCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "remove GROUP USERNAME", Short: "Remove a user from a group", Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := store.RemoveMember(cmd.Context(), args[0], registrar.Username(args[1])); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%s is no member of %q any more.\n", args[1], args[0])
				return nil
			})
		},
	}
}

func roleNames() []string {
	names := make([]string, 0, len(registrar.Roles()))
	for _, r := range registrar.Roles() {
		names = append(names, string(r))
	}
	return names
}
