package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func grantCommand(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "Direct grants of single permissions: add, remove",
		Long: `Direct grants give one user one permission on an organization, on a program, or
everywhere. Groups are the better tool for more than one person.

Permissions: read_metadata, read_enrollments, write_enrollments, read_reports, and
job_global_read, which is granted everywhere or not at all.`,
	}
	cmd.AddCommand(
		grantChangeCommand(p, "add USERNAME PERMISSION", "Grant a permission", "granted to", (*linkstore.Store).Grant),
		grantChangeCommand(p, "remove USERNAME PERMISSION", "Take a granted permission back", "taken from", (*linkstore.Store).Revoke),
	)
	return cmd
}

// grantChange is linkstore's Grant or Revoke.
type grantChange func(*linkstore.Store, context.Context, registrar.Username, registrar.Permission, linkstore.Target) error

func grantChangeCommand(p process, use, short, done string, change grantChange) *cobra.Command {
	var target targetFlags
	cmd := &cobra.Command{
		Use: use + " --org KEY | --program KEY | --everywhere", Short: short, Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			on, err := target.target()
			if err != nil {
				return err
			}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := change(store, cmd.Context(), registrar.Username(args[0]), registrar.Permission(args[1]), on); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%s %s %s.\n", args[1], done, args[0])
				return nil
			})
		},
	}
	target.define(cmd, true)
	return cmd
}

// targetFlags are the flags by which a command says what a grant is on.
type targetFlags struct {
	organization, program string
	everywhere            bool
}

func (f *targetFlags) define(cmd *cobra.Command, everywhere bool) {
	cmd.Flags().StringVar(&f.organization, "org", "", "on an organization and all its programs")
	cmd.Flags().StringVar(&f.program, "program", "", "on one program")
	if everywhere {
		cmd.Flags().BoolVar(&f.everywhere, "everywhere", false, "on everything")
	}
}

func (f *targetFlags) target() (linkstore.Target, error) {
	switch {
	case f.organization != "" && f.program == "" && !f.everywhere:
		return linkstore.OnOrganization(registrar.OrganizationKey(f.organization)), nil
	case f.program != "" && f.organization == "" && !f.everywhere:
		return linkstore.OnProgram(registrar.ProgramKey(f.program)), nil
	case f.everywhere && f.organization == "" && f.program == "":
		return linkstore.Global(), nil
	}
	return linkstore.Target{}, &usageError{errors.New("say what it is on, once: --org KEY, --program KEY or, for direct grants, --everywhere")}
}
