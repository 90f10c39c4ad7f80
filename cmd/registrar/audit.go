package main

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"registrar/linkstore"
)

func auditCommand(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "The record of who read or wrote whose data: list, export, prune",
		Long: `The audit log holds one record for each request that read or wrote learners' data.
Student keys stand in it as hashes by the site's key (audit.key): --learner finds
one learner's records, and nobody can read the learners off the log.`,
	}
	cmd.AddCommand(auditListCommand(p), auditExportCommand(p), auditPruneCommand(p))
	return cmd
}

func auditListCommand(p process) *cobra.Command {
	var q auditQuery
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "Show the latest records", Args: exactly(0),
		Example: "  registrar audit list --learner S-0001 --org NorthU\n  registrar audit list --user northu-sis --since 2026-11-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return &usageError{fmt.Errorf("--limit %d: want 1 or more", limit)}
			}
			return withAudit(cmd, p, &q, func(store *linkstore.Store) error {
				var latest [][]any
				for r, err := range q.records(cmd.Context(), store) {
					if err != nil {
						return err
					}
					if len(latest) == limit {
						latest = latest[1:]
					}
					latest = append(latest, auditLine(r))
				}
				return table(p.out, "TIME\tUSER\tKIND\tPROGRAM\tCOURSE\tLEARNERS\tSTATUS\tREQUEST\tROUTE", latest)
			})
		},
	}
	q.define(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many records to show at most")
	return cmd
}

func auditExportCommand(p process) *cobra.Command {
	var q auditQuery
	var format string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the records out, the oldest first", Args: exactly(0),
		Long: `Write the records out, the oldest first: as JSON, one object a line, or as CSV. The
list of learners holds hashes; an empty one means everybody in the program or the
course run. Questions across schools are hashed by the student key alone, so what
--learner finds of those may be about somebody else's learner of the same key.`,
		Example: "  registrar audit export --since 2026-11-01 --until 2026-12-01 --format csv > november.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := bufio.NewWriter(p.out)
			write, err := auditWriter(out, format)
			if err != nil {
				return &usageError{err}
			}
			return withAudit(cmd, p, &q, func(store *linkstore.Store) (err error) {
				defer func() { err = errors.Join(err, out.Flush()) }()
				for r, err := range q.records(cmd.Context(), store) {
					if err != nil {
						return err
					}
					if err := write(r); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	q.define(cmd)
	cmd.Flags().StringVar(&format, "format", "json", "json or csv")
	return cmd
}

func auditPruneCommand(p process) *cobra.Command {
	var before string
	cmd := &cobra.Command{
		Use: "prune --before TIME", Short: "Delete old records", Args: exactly(0),
		Long: `Delete the records from before a time, which nothing else ever does. Export them
first if they must be kept.`,
		Example: "  registrar audit prune --before 2025-01-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := timeOf(before)
			if err != nil {
				return &usageError{fmt.Errorf("--before: %w", err)}
			}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				n, err := store.PruneTouches(cmd.Context(), at)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%d record(s) from before %s deleted.\n", n, at.Format(time.RFC3339))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "a date or a time")
	require(cmd, "before")
	return cmd
}

// withAudit opens the store and completes the query by what stands in it.
func withAudit(cmd *cobra.Command, p process, q *auditQuery, use func(*linkstore.Store) error) error {
	if err := q.check(); err != nil {
		return &usageError{err}
	}
	return withSchema(cmd, p, func(store *linkstore.Store) error {
		cfg, err := load(cmd, p)
		if err != nil {
			return err
		}
		if err := q.resolve(cmd.Context(), store, []byte(cfg.Audit.Key.Reveal())); err != nil {
			return err
		}
		return use(store)
	})
}
