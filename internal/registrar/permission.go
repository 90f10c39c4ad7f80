package registrar

import "slices"

// Permission is something a caller may do to a program.
type Permission string

// The permissions of the API. None implies another: a writer cannot read.
const (
	ReadMetadata     Permission = "read_metadata"
	ReadEnrollments  Permission = "read_enrollments"
	WriteEnrollments Permission = "write_enrollments"
	ReadReports      Permission = "read_reports"
	// ReadAllJobs is granted globally or not at all.
	ReadAllJobs Permission = "job_global_read"
)

// ProgramPermissions lists the permissions on a program in alphabetical order,
// the order in which the API shows them.
func ProgramPermissions() []Permission {
	return []Permission{ReadEnrollments, ReadMetadata, ReadReports, WriteEnrollments}
}

// MastersOnly reports whether p means anything on programs of other types. The
// original manages enrollments in Masters programs and in no others.
func (p Permission) MastersOnly() bool { return p == ReadEnrollments || p == WriteEnrollments }

// Role is a bundle of permissions that a group holds on an organization or on a
// program.
type Role string

// Roles lists the eight roles of the original. The prefix says what the role is
// held on.
func Roles() []Role {
	return []Role{
		"organization_read_metadata", "organization_read_enrollments",
		"organization_read_write_enrollments", "organization_read_reports",
		"program_read_metadata", "program_read_enrollments",
		"program_read_write_enrollments", "program_read_reports",
	}
}

// Permissions returns what r allows; nil when r is no role.
func (r Role) Permissions() []Permission {
	switch r {
	case "organization_read_metadata", "program_read_metadata":
		return []Permission{ReadMetadata}
	case "organization_read_enrollments", "program_read_enrollments":
		return []Permission{ReadMetadata, ReadEnrollments}
	case "organization_read_write_enrollments", "program_read_write_enrollments":
		return []Permission{ReadMetadata, ReadEnrollments, WriteEnrollments}
	case "organization_read_reports", "program_read_reports":
		return []Permission{ReadMetadata, ReadReports}
	}
	return nil
}

// Grants is what a caller may do, from every group and direct grant together.
// The zero value allows nothing.
type Grants struct {
	Global        []Permission
	Organizations map[OrganizationKey][]Permission
	Programs      map[ProgramKey][]Permission
}

// Allow reports whether g holds want on p: globally, through the organization
// that manages p, or on p itself.
func (g Grants) Allow(want Permission, p Program) bool {
	return slices.Contains(g.Global, want) ||
		slices.Contains(g.Organizations[p.Organization], want) ||
		slices.Contains(g.Programs[p.Key], want)
}
