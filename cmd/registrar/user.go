package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func userCommand(p process) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Users who may call the gateway: list, create, set"}
	cmd.AddCommand(userListCommand(p), userCreateCommand(p), userSetCommand(p))
	return cmd
}

func userListCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				found, err := store.Users(cmd.Context())
				if err != nil {
					return err
				}
				rows := make([][]any, len(found))
				for i, u := range found {
					rows[i] = []any{u.Username, u.Email, !u.Inactive, u.Staff, u.Superuser}
				}
				return table(p.out, "USERNAME\tE-MAIL\tACTIVE\tSTAFF\tSUPERUSER", rows)
			})
		},
	}
}

func userCreateCommand(p process) *cobra.Command {
	var u linkstore.User
	var groups []string
	cmd := &cobra.Command{
		Use: "create USERNAME", Short: "Create a user before the first request", Args: exactly(1),
		Long: `Create a user by the username that stands in its tokens, as a member of the groups
that are named: all of it or nothing. A user appears by itself with its first
request; creating it earlier lets grants wait for it.`,
		Example: "  registrar user create northu-sis --email sis@northu.example --group \"NorthU registrars\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			u.Username = registrar.Username(args[0])
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := store.CreateUser(cmd.Context(), u, groups...); err != nil {
					return fmt.Errorf("user %q: %w", u.Username, err)
				}
				fmt.Fprintf(p.out, "User %s created.\n", u.Username)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&u.Email, "email", "", "e-mail address")
	cmd.Flags().BoolVar(&u.Staff, "staff", false, "staff of the LMS, until a token says otherwise; opens nothing without one that says so")
	cmd.Flags().BoolVar(&u.Superuser, "superuser", false, "holds every permission")
	cmd.Flags().StringArrayVarP(&groups, "group", "g", nil, "group to join (repeatable)")
	return cmd
}

func userSetCommand(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "set USERNAME", Short: "Change a user's flags", Args: exactly(1),
		Example: "  registrar user set somebody --active=false",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				name := registrar.Username(args[0])
				for flag, set := range map[string]func(context.Context, registrar.Username, bool) error{
					"active": store.SetUserActive, "staff": store.SetUserStaff, "superuser": store.SetUserSuperuser,
				} {
					if !cmd.Flags().Changed(flag) {
						continue
					}
					value, err := cmd.Flags().GetBool(flag)
					if err != nil {
						return &usageError{err}
					}
					if err := set(cmd.Context(), name, value); err != nil {
						return fmt.Errorf("user %q: %w", name, err)
					}
				}
				fmt.Fprintf(p.out, "User %s changed.\n", name)
				return nil
			})
		},
	}
	cmd.Flags().Bool("active", true, "may call the gateway at all")
	cmd.Flags().Bool("staff", false, "staff of the LMS, until a token says otherwise; opens nothing without one that says so")
	cmd.Flags().Bool("superuser", false, "holds every permission")
	return cmd
}
