package jobs

// Summary counts what a sync did.
type Summary struct {
	Organizations, NewOrganizations, ChangedOrganizations int

	Programs, NewPrograms int
	Skipped               int // programs in Discovery that cannot be managed here

	NewGroups, RenamedGroups int

	Walked   int // programs whose learner links were refreshed
	Learners int // enrollments seen on the way
}

// Changed reports whether there was anything to do beside refreshing learner links.
func (s Summary) Changed() bool {
	return s.NewOrganizations+s.ChangedOrganizations+s.NewPrograms+s.NewGroups+s.RenamedGroups > 0
}
