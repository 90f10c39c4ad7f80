package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func orgCommand(p process) *cobra.Command {
	cmd := &cobra.Command{Use: "org", Short: "Organizations: list, create, set"}
	cmd.AddCommand(orgListCommand(p), orgCreateCommand(p), orgSetCommand(p))
	return cmd
}

func orgListCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the organizations", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				found, err := store.Organizations(cmd.Context())
				if err != nil {
					return err
				}
				rows := make([][]any, len(found))
				for i, o := range found {
					rows[i] = []any{o.Key, o.Name, o.SSOSlug, o.DiscoveryUUID}
				}
				return table(p.out, "KEY\tNAME\tSSO SLUG\tDISCOVERY UUID", rows)
			})
		},
	}
}

func orgCreateCommand(p process) *cobra.Command {
	var o registrar.Organization
	var groups []string
	cmd := &cobra.Command{
		Use: "create KEY", Short: "Create an organization that Discovery does not have, and groups on it", Args: exactly(1),
		Long: `Create an organization by hand, and with --group, groups that hold a role on it: all
of it or nothing. "registrar sync" creates the organizations that Discovery has.

The value of --group is a role, and the group's name if it is to have another one
than {organization's name}_{role}: ROLE, "ROLE NAME" or, for a name of several
words, "ROLE=NAME". Roles:
  ` + strings.Join(organizationRoles(), "\n  "),
		Example: "  registrar org create Uni --group organization_read_metadata --group \"organization_read_reports=Uni analysts\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Key = registrar.OrganizationKey(args[0])
			if !o.Key.Valid() {
				return registrar.Fail(registrar.Invalid, fmt.Sprintf("The key %q of an organization can only contain "+
					"alphanumeric characters (letters of the English alphabet and digits), dashes and underscores.", args[0]), nil)
			}
			wanted, err := groupsOf(groups)
			if err != nil {
				return err
			}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				made, err := store.CreateOrganizationWithGroups(cmd.Context(), o, wanted...)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Organization %s created.\n", o.Key)
				for _, g := range made {
					fmt.Fprintf(p.out, "Group %q created, with the role %s.\n", g.Name, g.Role)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "name (default: the key)")
	cmd.Flags().StringVar(&o.SSOSlug, "sso-slug", "", "slug of the school's SAML provider in the LMS")
	cmd.Flags().StringVar(&o.DiscoveryUUID, "uuid", "", "uuid in Discovery")
	cmd.Flags().StringArrayVar(&groups, "group", nil, "role of a group to create on it, and the group's name (repeatable)")
	return cmd
}

func orgSetCommand(p process) *cobra.Command {
	var name, slug string
	cmd := &cobra.Command{
		Use: "set KEY", Short: "Change an organization's name or single sign-on slug", Args: exactly(1),
		Example: "  registrar org set NorthU --sso-slug northu",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				o, err := store.Organization(cmd.Context(), registrar.OrganizationKey(args[0]))
				if err != nil {
					return fmt.Errorf("organization %q: %w", args[0], err)
				}
				if cmd.Flags().Changed("name") {
					o.Name = name
				}
				if cmd.Flags().Changed("sso-slug") {
					o.SSOSlug = slug
				}
				if _, err := store.PutOrganization(cmd.Context(), o); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Organization %s changed.\n", o.Key)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "new name")
	cmd.Flags().StringVar(&slug, "sso-slug", "", "slug of the school's SAML provider in the LMS")
	return cmd
}
