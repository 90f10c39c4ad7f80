package jobs

import (
	"context"
	"errors"
	"fmt"

	"registrar/internal/registrar"
)

// GroupChange is what had to be done for a group to be there.
type GroupChange string

// The changes of a group.
const (
	GroupKept    GroupChange = "kept"
	GroupCreated GroupChange = "created"
	GroupRenamed GroupChange = "renamed"
)

// The roles of those who read reports.
const (
	organizationReports registrar.Role = "organization_read_reports"
	programReports      registrar.Role = "program_read_reports"
)

// groups gives each organization and each program of the store the group of those
// who read its reports, by the original's roles and names.
func (s *Sync) groups(ctx context.Context, sum *Summary) error {
	organizations, err := s.Organizations.Organizations(ctx)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	programs, err := s.Programs.Programs(ctx)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	var failed []error
	done, total := 0, len(organizations)+len(programs)
	count := func(of string, change GroupChange, err error) {
		done++
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("sync: group of %s: %w", of, err))
		case change == GroupCreated:
			sum.NewGroups++
		case change == GroupRenamed:
			sum.RenamedGroups++
		}
		s.progress(StepGroups, done, total)
	}
	for _, o := range organizations {
		change, err := s.Groups.EnsureOrganizationGroup(ctx, o.Key, organizationReports, string(o.Key)+"_ReadOrganizationReports")
		count(fmt.Sprintf("organization %q", o.Key), change, err)
	}
	for _, p := range programs {
		name := string(p.Organization) + "_" + string(p.Key) + "_ReadProgramReports"
		change, err := s.Groups.EnsureProgramGroup(ctx, p.Key, programReports, name)
		count(fmt.Sprintf("program %q", p.Key), change, err)
	}
	return errors.Join(failed...)
}
