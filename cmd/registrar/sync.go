package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"registrar/config"
	"registrar/internal/jobs"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func syncCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "Bring organizations, programs and learner links into the link store",
		Long: `Read the organizations and the active programs from Discovery and the learners of
every Masters program from the LMS, and bring them into the link store. What exists
keeps its key; nothing is deleted because Discovery did not show it. Every
organization and every program gets a group that reads its reports, called
{organization}_ReadOrganizationReports and {organization}_{program}_ReadProgramReports;
one of that role with another name is renamed.

One bad program does not stop the others: each is named at the end and the exit code
is 1. The line "Sync with Discovery Service complete!" stands in the output only if
everything was read and brought in.`,
		Example: "  registrar sync --config registrar.yaml",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err != nil {
				return err
			}
			sh, err := share(cmd.Context(), cfg, p.err)
			if err != nil {
				return err
			}
			defer closing(sh.log, "shared", sh)
			store, err := openStore(cmd.Context(), cfg.Store, sh)
			if err != nil {
				return err
			}
			defer closing(sh.log, "store", store)
			if err := store.CheckSchema(cmd.Context()); err != nil {
				return err
			}
			sum, err := runSync(cmd.Context(), cfg, store, sh, progress(p.err))
			report(p.out, sum)
			if err != nil {
				return err
			}
			if !sum.Changed() {
				fmt.Fprintln(p.out, "Nothing had to be changed.")
			}
			// Operators of the original watch for the second line.
			fmt.Fprintf(p.out, "Sync complete.\nSync with Discovery Service complete!\n")
			return nil
		},
	}
}

// runSync fills store from the site that cfg names.
func runSync(ctx context.Context, cfg config.Config, store *linkstore.Store, sh *shared, onProgress func(jobs.Step, int, int)) (jobs.Summary, error) {
	up, err := connect(cfg, sh)
	if err != nil {
		return jobs.Summary{}, err
	}
	defer up.Close()
	job := jobs.Sync{
		Catalog: up.discovery, LMS: up.lms,
		Organizations: store, Programs: store, Groups: syncGroups{store}, Snapshots: store,
		Log: sh.log, Progress: onProgress,
	}
	return job.Run(registrar.WithBulk(ctx))
}

func report(w io.Writer, sum jobs.Summary) {
	fmt.Fprintf(w, "organizations  %d (%d new, %d changed)\nprograms       %d (%d new, %d left out)\ngroups         %d new, %d renamed\nlearner links  %d in %d programs\n",
		sum.Organizations, sum.NewOrganizations, sum.ChangedOrganizations, sum.Programs, sum.NewPrograms, sum.Skipped,
		sum.NewGroups, sum.RenamedGroups, sum.Learners, sum.Walked)
}

// syncGroups lets a sync keep the groups of the link store.
type syncGroups struct{ store *linkstore.Store }

// EnsureOrganizationGroup is the store's EnsureGroup on an organization.
func (g syncGroups) EnsureOrganizationGroup(ctx context.Context, on registrar.OrganizationKey, role registrar.Role, name string) (jobs.GroupChange, error) {
	change, err := g.store.EnsureGroup(ctx, linkstore.Group{Name: name, Role: role, Target: linkstore.OnOrganization(on)})
	return jobs.GroupChange(change), err
}

// EnsureProgramGroup is the store's EnsureGroup on a program.
func (g syncGroups) EnsureProgramGroup(ctx context.Context, on registrar.ProgramKey, role registrar.Role, name string) (jobs.GroupChange, error) {
	change, err := g.store.EnsureGroup(ctx, linkstore.Group{Name: name, Role: role, Target: linkstore.OnProgram(on)})
	return jobs.GroupChange(change), err
}
