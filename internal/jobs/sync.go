package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"registrar/internal/registrar"
)

// Catalog is Discovery, as far as a sync needs it.
type Catalog interface {
	Organizations(ctx context.Context) ([]registrar.Organization, error)
	Programs(ctx context.Context) ([]registrar.ProgramDetails, error)
}

// Enrollments lists who is in a program, as the LMS knows it.
type Enrollments interface {
	ProgramEnrollments(ctx context.Context, program registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error)
}

// What a sync writes to; the link store is all of them.
type (
	// OrganizationStore creates or refreshes an organization, matched by its
	// Discovery uuid.
	OrganizationStore interface {
		Organizations(ctx context.Context) ([]registrar.Organization, error)
		PutOrganization(ctx context.Context, o registrar.Organization) (created bool, err error)
	}
	// ProgramStore adds programs; CreateProgram fails with a Conflict when the
	// key is taken.
	ProgramStore interface {
		Programs(ctx context.Context) ([]registrar.Program, error)
		CreateProgram(ctx context.Context, p registrar.Program) error
	}
	// GroupStore makes sure that there is a group that holds role, and that it has
	// this name: one of the role that is called otherwise is renamed. A name that
	// another group has is Conflict.
	GroupStore interface {
		EnsureOrganizationGroup(ctx context.Context, on registrar.OrganizationKey, role registrar.Role, name string) (GroupChange, error)
		EnsureProgramGroup(ctx context.Context, on registrar.ProgramKey, role registrar.Role, name string) (GroupChange, error)
	}
	// SnapshotStore replaces a program's learner links by a whole listing.
	SnapshotStore interface {
		RecordSnapshot(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, seenAt time.Time) error
	}
)

// Step names what a sync is busy with.
type Step string

// The steps of a sync, in order.
const (
	StepOrganizations Step = "organizations"
	StepPrograms      Step = "programs"
	StepGroups        Step = "groups"
	StepLearners      Step = "learner links"
)

// Sync brings organizations, programs and learner links into the link store, and
// gives each organization and each program the group that reads its reports. It
// only adds and refreshes: a program that exists keeps its key and its
// organization, and nothing disappears because Discovery did not show it.
type Sync struct {
	Catalog       Catalog
	LMS           Enrollments
	Organizations OrganizationStore
	Programs      ProgramStore
	Groups        GroupStore
	Snapshots     SnapshotStore
	Log           *slog.Logger
	// FanOut is how many programs are walked at the same time; 0 means 4.
	FanOut int
	// Progress, if set, hears how many of a step's items are done.
	Progress func(step Step, done, total int)
	Now      func() time.Time
}

// Run does the whole sync. One bad organization or program does not stop the
// others: the error joins everything that went wrong, and the summary counts what
// went well. An error of reading Discovery's lists ends the run, for then nothing
// is known.
func (s *Sync) Run(ctx context.Context) (Summary, error) {
	var sum Summary
	organizations, err := s.Catalog.Organizations(ctx)
	if err != nil {
		return sum, fmt.Errorf("sync: organizations: %w", err)
	}
	organizationErr := s.organizations(ctx, organizations, &sum)
	details, programErr := s.programs(ctx, &sum)
	if details == nil && programErr != nil {
		return sum, errors.Join(organizationErr, programErr)
	}
	return sum, errors.Join(organizationErr, programErr, s.groups(ctx, &sum), s.learners(ctx, details, &sum))
}

func (s *Sync) organizations(ctx context.Context, found []registrar.Organization, sum *Summary) error {
	known, err := s.Organizations.Organizations(ctx)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	var failed []error
	for i, o := range found {
		if !says(known, o) {
			created, err := s.Organizations.PutOrganization(ctx, o)
			switch {
			case err != nil:
				failed = append(failed, fmt.Errorf("sync: organization %q: %w", o.Key, err))
			case created:
				sum.NewOrganizations++
			default:
				sum.ChangedOrganizations++
			}
		}
		s.progress(StepOrganizations, i+1, len(found))
	}
	sum.Organizations = len(found)
	return errors.Join(failed...)
}

// says reports whether what is known says all that o does. What o leaves empty
// it does not say.
func says(known []registrar.Organization, o registrar.Organization) bool {
	return slices.ContainsFunc(known, func(k registrar.Organization) bool {
		return k.Key == o.Key && cmp.Or(o.DiscoveryUUID, k.DiscoveryUUID) == k.DiscoveryUUID &&
			cmp.Or(o.Name, k.Name) == k.Name && cmp.Or(o.SSOSlug, k.SSOSlug) == k.SSOSlug
	})
}

// programs adds what Discovery lists and the store lacks. It returns Discovery's
// list, nil only when it could not be read.
func (s *Sync) programs(ctx context.Context, sum *Summary) ([]registrar.ProgramDetails, error) {
	found, err := s.Catalog.Programs(ctx)
	if err != nil {
		return nil, fmt.Errorf("sync: programs: %w", err)
	}
	known, err := s.Programs.Programs(ctx)
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	found = append(make([]registrar.ProgramDetails, 0, len(found)), found...)
	var failed []error
	for i, d := range found {
		added, err := s.program(ctx, d, known)
		switch {
		case err != nil:
			failed = append(failed, err)
		case added != nil:
			known = append(known, *added)
			sum.NewPrograms++
		}
		s.progress(StepPrograms, i+1, len(found))
	}
	sum.Programs = len(known)
	sum.Skipped = len(found) - countKnown(found, known)
	return found, errors.Join(failed...)
}

// program adds d unless it is known or cannot be managed, and returns what it
// added. Several authoring organizations are normal data in Discovery; which of
// them manages the program is an operator's choice: `registrar program add` or `create`.
func (s *Sync) program(ctx context.Context, d registrar.ProgramDetails, known []registrar.Program) (*registrar.Program, error) {
	isKnown := slices.ContainsFunc(known, func(p registrar.Program) bool { return p.UUID == d.UUID })
	if isKnown {
		return nil, nil //nolint:nilnil // nothing added and nothing wrong
	}
	if len(d.Authors) != 1 {
		s.Log.InfoContext(ctx, "program left out: it needs one managing organization",
			slog.String("program_uuid", string(d.UUID)), slog.Int("authoring_organizations", len(d.Authors)))
		return nil, nil //nolint:nilnil // nothing added and nothing wrong
	}
	p := registrar.Program{Key: programKey(d.Slug), UUID: d.UUID, Organization: d.Authors[0]}
	if !p.Key.Valid() {
		return nil, fmt.Errorf("sync: program %s: its marketing slug %q gives no key; add it with `registrar program add %s:KEY`", d.UUID, d.Slug, d.UUID)
	}
	if i := slices.IndexFunc(known, func(k registrar.Program) bool { return k.Key == p.Key }); i >= 0 {
		return nil, fmt.Errorf("sync: program %s (%s): key %q is that of the program %s (%s) already; add it with `registrar program add %s:KEY`",
			d.UUID, p.Organization, p.Key, known[i].UUID, known[i].Organization, d.UUID)
	}
	if err := s.Programs.CreateProgram(ctx, p); err != nil {
		return nil, fmt.Errorf("sync: program %s (%s): key %q: %w", d.UUID, p.Organization, p.Key, err)
	}
	return &p, nil
}

// learners walks every Masters program of the store and records its links.
func (s *Sync) learners(ctx context.Context, details []registrar.ProgramDetails, sum *Summary) error {
	known, err := s.Programs.Programs(ctx)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	masters := make(map[registrar.ProgramUUID]bool, len(details))
	for _, d := range details {
		masters[d.UUID] = d.IsMasters()
	}
	known = slices.DeleteFunc(known, func(p registrar.Program) bool { return !masters[p.UUID] })

	walks := make(chan walk)
	go s.walkAll(ctx, known, walks)
	var failed []error
	done := 0
	for w := range walks {
		done++
		s.progress(StepLearners, done, len(known))
		if w.err != nil {
			failed = append(failed, w.err)
			continue
		}
		sum.Walked++
		sum.Learners += w.rows
	}
	return errors.Join(failed...)
}

// walk is what came of one program's listing.
type walk struct {
	rows int
	err  error
}

func (s *Sync) walkAll(ctx context.Context, programs []registrar.Program, out chan<- walk) {
	defer close(out)
	var g errgroup.Group
	g.SetLimit(cmp.Or(s.FanOut, 4))
	for _, p := range programs {
		g.Go(func() error {
			rows, err := s.walkOne(ctx, p)
			out <- walk{rows, err}
			return nil // a program reports through its walk
		})
	}
	_ = g.Wait()
}

func (s *Sync) walkOne(ctx context.Context, p registrar.Program) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sync: learners of %q: panic with a %T", p.Key, r) // its text may name a person
		}
	}()
	begun := s.now()
	rows, err := s.LMS.ProgramEnrollments(ctx, p.UUID)
	if err != nil {
		return 0, fmt.Errorf("sync: learners of %q: %w", p.Key, err)
	}
	if err := s.Snapshots.RecordSnapshot(ctx, p, rows, begun); err != nil {
		return 0, fmt.Errorf("sync: learners of %q: %w", p.Key, err)
	}
	return len(rows), nil
}

func (s *Sync) progress(step Step, done, total int) {
	if s.Progress != nil {
		s.Progress(step, done, total)
	}
}

func (s *Sync) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func countKnown(found []registrar.ProgramDetails, known []registrar.Program) int {
	n := 0
	for _, d := range found {
		if slices.ContainsFunc(known, func(p registrar.Program) bool { return p.UUID == d.UUID }) {
			n++
		}
	}
	return n
}
