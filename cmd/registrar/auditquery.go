package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"registrar/internal/audit"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

// auditQuery is which records an operator asks for.
type auditQuery struct {
	user, program, organization, learner, since, until string

	filter linkstore.AuditFilter
	// programs are those of the organization; nil when any will do.
	programs map[registrar.ProgramKey]bool
	// hashes are the learner's: in the organization, and in questions across
	// schools. Empty when any learner will do.
	hashes []string
}

func (q *auditQuery) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.since, "since", "", "from this date (in UTC) or time on: 2026-11-23 or 2026-11-23T14:00:00Z")
	cmd.Flags().StringVar(&q.until, "until", "", "up to this date or time, which is not included")
	cmd.Flags().StringVar(&q.user, "user", "", "requests of this user")
	cmd.Flags().StringVar(&q.program, "program", "", "about this program, by its key at the time")
	cmd.Flags().StringVar(&q.organization, "org", "", "about programs of this organization")
	cmd.Flags().StringVar(&q.learner, "learner", "", "about the learner with this student key; needs --org or --program, whose student key it is")
}

// check reads what needs no store.
func (q *auditQuery) check() error {
	if q.learner != "" && q.organization == "" && q.program == "" {
		return errors.New("--learner needs --org or --program: one student key at two schools is two learners")
	}
	q.filter = linkstore.AuditFilter{Username: registrar.Username(q.user), Program: registrar.ProgramKey(q.program)}
	for flag, at := range map[string]struct {
		text string
		time *time.Time
	}{"since": {q.since, &q.filter.Since}, "until": {q.until, &q.filter.Until}} {
		if at.text == "" {
			continue
		}
		var err error
		if *at.time, err = timeOf(at.text); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	if !q.filter.Until.IsZero() && !q.filter.Until.After(q.filter.Since) {
		return errors.New("--until is not after --since")
	}
	return nil
}

// timeOf reads a time, or a date as its first moment in UTC.
func timeOf(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date such as 2026-11-23 and no time such as 2026-11-23T14:00:00Z", text)
}

// resolve learns from the store what the organization's programs are, and how the
// learner is hashed. site is the site's key.
func (q *auditQuery) resolve(ctx context.Context, store *linkstore.Store, site []byte) error {
	organization := registrar.OrganizationKey(q.organization)
	if organization == "" && q.learner != "" {
		program, err := store.Program(ctx, q.filter.Program)
		if err != nil {
			return fmt.Errorf("program %q: %w", q.program, err)
		}
		organization = program.Organization
	}
	if organization == "" {
		return nil
	}
	if _, err := store.Organization(ctx, organization); err != nil {
		return fmt.Errorf("organization %q: %w", organization, err)
	}
	all, err := store.Programs(ctx)
	if err != nil {
		return err
	}
	q.programs = make(map[registrar.ProgramKey]bool)
	for _, p := range all {
		q.programs[p.Key] = p.Organization == organization
	}
	if q.learner == "" {
		return nil
	}
	if len(site) == 0 {
		return errors.New("audit.key is not set: hashes of this record can be made by nobody again, so that no learner can be found in it")
	}
	key := registrar.StudentKey(q.learner)
	q.hashes = []string{audit.Hash(site, organization, key), audit.Hash(site, "", key)}
	return nil
}

// records goes through the records that are asked for, the oldest first.
func (q *auditQuery) records(ctx context.Context, store *linkstore.Store) iter.Seq2[linkstore.AuditRecord, error] {
	return func(yield func(linkstore.AuditRecord, error) bool) {
		for r, err := range store.Touches(ctx, q.filter) {
			if (err != nil || q.fits(r)) && !yield(r, err) {
				return
			}
		}
	}
}

// fits is what the store's filter cannot say. A record of everybody in a program
// is one of each of its learners.
func (q *auditQuery) fits(r linkstore.AuditRecord) bool {
	if len(q.hashes) > 0 && len(r.Learners) > 0 {
		return slices.ContainsFunc(q.hashes, func(hash string) bool { return slices.Contains(r.Learners, hash) })
	}
	return q.programs == nil || q.programs[r.Program]
}
