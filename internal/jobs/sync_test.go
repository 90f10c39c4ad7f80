package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

// site doubles Discovery, the LMS and the link store.
type site struct {
	organizations []registrar.Organization
	details       []registrar.ProgramDetails
	catalogErr    error
	walk          func(registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error)

	mu       sync.Mutex
	schools  []registrar.Organization // the store's
	puts     int
	programs []registrar.Program
	groups   map[string]registrar.Role
	taken    string // a group's name that belongs to another
	recorded map[registrar.ProgramKey]int
}

func (s *site) Organizations(context.Context) ([]registrar.Organization, error) {
	return slices.Clone(s.schools), nil
}

func (s *site) PutOrganization(_ context.Context, o registrar.Organization) (bool, error) {
	if !o.Key.Valid() {
		return false, registrar.Fail(registrar.Invalid, "This is no key.", nil)
	}
	s.puts++
	i := slices.IndexFunc(s.schools, func(k registrar.Organization) bool {
		return k.Key == o.Key || k.DiscoveryUUID != "" && k.DiscoveryUUID == o.DiscoveryUUID
	})
	if i < 0 {
		s.schools = append(s.schools, o)
		return true, nil
	}
	s.schools[i] = o
	return false, nil
}

func (s *site) EnsureOrganizationGroup(_ context.Context, _ registrar.OrganizationKey, role registrar.Role, name string) (jobs.GroupChange, error) {
	return s.ensureGroup(role, name)
}

func (s *site) EnsureProgramGroup(_ context.Context, _ registrar.ProgramKey, role registrar.Role, name string) (jobs.GroupChange, error) {
	return s.ensureGroup(role, name)
}

func (s *site) ensureGroup(role registrar.Role, name string) (jobs.GroupChange, error) {
	switch _, there := s.groups[name]; {
	case name == s.taken:
		return "", registrar.Fail(registrar.Conflict, "A group of this name exists.", nil)
	case there:
		return jobs.GroupKept, nil
	case s.groups == nil:
		s.groups = map[string]registrar.Role{}
	}
	s.groups[name] = role
	return jobs.GroupCreated, nil
}

func (s *site) CreateProgram(_ context.Context, p registrar.Program) error {
	if slices.ContainsFunc(s.programs, func(q registrar.Program) bool { return q.Key == p.Key }) {
		return registrar.Fail(registrar.Conflict, "A program with this key exists.", nil)
	}
	s.programs = append(s.programs, p)
	return nil
}

func (s *site) Programs(context.Context) ([]registrar.Program, error) {
	return slices.Clone(s.programs), nil
}

func (s *site) ProgramEnrollments(_ context.Context, u registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
	return s.walk(u)
}

func (s *site) RecordSnapshot(_ context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorded == nil {
		s.recorded = map[registrar.ProgramKey]int{}
	}
	s.recorded[p.Key] = len(rows)
	return nil
}

// catalog is the Discovery side of a site, whose lists are other ones.
type catalog struct{ *site }

func (c catalog) Organizations(context.Context) ([]registrar.Organization, error) {
	return c.organizations, nil
}

func (c catalog) Programs(context.Context) ([]registrar.ProgramDetails, error) {
	return c.details, c.catalogErr
}

func (s *site) sync() *jobs.Sync {
	return &jobs.Sync{
		Catalog: catalog{s}, LMS: s, Organizations: s, Programs: s, Groups: s, Snapshots: s,
		Log: slog.New(slog.DiscardHandler),
	}
}

func masters(uuid, slug string, authors ...registrar.OrganizationKey) registrar.ProgramDetails {
	return registrar.ProgramDetails{UUID: registrar.ProgramUUID(uuid), Slug: slug, TypeSlug: "masters", Authors: authors}
}

func TestSync(t *testing.T) {
	t.Parallel()

	micro := masters("u4", "micro/stats", "NorthU")
	micro.TypeSlug = "micromasters"
	s := &site{
		organizations: []registrar.Organization{{Key: "NorthU"}, {Key: "HarborX"}},
		details: []registrar.ProgramDetails{
			masters("u1", "masters/northu/CS & Math", "NorthU"), masters("u2", "kept", "NorthU"),
			masters("u3", "joint", "NorthU", "HarborX"), micro,
		},
		programs: []registrar.Program{{Key: "own-name", UUID: "u2", Organization: "NorthU"}},
		walk: func(registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			return make([]registrar.ProgramEnrollment, 3), nil
		},
	}
	var steps []jobs.Step
	job := s.sync()
	job.Progress = func(step jobs.Step, done, total int) {
		if done == total {
			steps = append(steps, step)
		}
	}

	sum, err := job.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := jobs.Summary{
		Organizations: 2, NewOrganizations: 2, Programs: 3, NewPrograms: 2, Skipped: 1, NewGroups: 5, Walked: 2, Learners: 6,
	}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[registrar.ProgramKey]int{"cs---math": 3, "own-name": 3}, s.recorded); diff != "" {
		t.Errorf("walked programs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]jobs.Step{jobs.StepOrganizations, jobs.StepPrograms, jobs.StepGroups, jobs.StepLearners}, steps); diff != "" {
		t.Errorf("finished steps (-want +got):\n%s", diff)
	}
	groups := map[string]registrar.Role{
		"NorthU_ReadOrganizationReports": "organization_read_reports", "HarborX_ReadOrganizationReports": "organization_read_reports",
		"NorthU_own-name_ReadProgramReports": "program_read_reports", "NorthU_cs---math_ReadProgramReports": "program_read_reports",
		"NorthU_stats_ReadProgramReports": "program_read_reports",
	}
	if diff := cmp.Diff(groups, s.groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// A second run of the same finds nothing to do; a third one, what changed.
func TestSyncTwice(t *testing.T) {
	t.Parallel()

	s := &site{
		organizations: []registrar.Organization{
			{Key: "NorthU", Name: "North University", DiscoveryUUID: "o1"}, {Key: "HarborX", DiscoveryUUID: "o2"},
		},
		details: []registrar.ProgramDetails{masters("u1", "masters-cs", "NorthU")},
		walk:    func(registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) { return nil, nil },
	}
	run := func() jobs.Summary {
		t.Helper()
		sum, err := s.sync().Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if sum := run(); !sum.Changed() || s.puts != 2 {
		t.Errorf("the first run: %+v, %d organizations written", sum, s.puts)
	}
	s.schools[1].Name, s.schools[1].SSOSlug = "Harbor", "harbor" // an operator's; Discovery says nothing of either
	want := jobs.Summary{Organizations: 2, Programs: 1, Walked: 1}
	if sum := run(); sum != want || sum.Changed() || s.puts != 2 {
		t.Errorf("the second run: %+v, %d organizations written; want nothing changed", sum, s.puts)
	}
	s.organizations[0].Name = "University of the North"
	if sum := run(); !sum.Changed() || sum.ChangedOrganizations != 1 || s.puts != 3 {
		t.Errorf("after a change of name: %+v, %d organizations written", sum, s.puts)
	}
}

// A group's name that is taken does not stop the others.
func TestSyncSurvivesBadGroups(t *testing.T) {
	t.Parallel()

	s := &site{
		organizations: []registrar.Organization{{Key: "NorthU"}, {Key: "HarborX"}},
		details:       []registrar.ProgramDetails{masters("u1", "masters-cs", "NorthU")},
		taken:         "NorthU_ReadOrganizationReports",
		walk:          func(registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) { return nil, nil },
	}
	sum, err := s.sync().Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `group of organization "NorthU"`) {
		t.Errorf("error = %v, want one that names the organization", err)
	}
	if sum.NewGroups != 2 || sum.Walked != 1 {
		t.Errorf("summary = %+v, want everything else done", sum)
	}
}

// One colliding key and one program that the LMS does not know do not stop the
// others, and both are named.
func TestSyncSurvivesBadPrograms(t *testing.T) {
	t.Parallel()

	s := &site{
		details: []registrar.ProgramDetails{
			masters("u1", "a/data-science", "NorthU"), masters("u2", "b/data-science", "HarborX"),
			masters("u3", "lost", "HarborX"), masters("u4", "boom", "HarborX"), masters("u5", "", "HarborX"),
		},
		walk: func(u registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			switch u {
			case "u3":
				return nil, registrar.Fail(registrar.NotFound, "The LMS does not know this program.", nil)
			case "u4":
				panic("a bug")
			}
			return nil, nil
		},
	}

	sum, err := s.sync().Run(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`u2 (HarborX): key "data-science" is that of the program u1 (NorthU)`, `learners of "lost"`, `learners of "boom": panic with a string`, "gives no key"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if sum.NewPrograms != 3 || sum.Walked != 1 {
		t.Errorf("new programs, walked = %d, %d; want 3, 1", sum.NewPrograms, sum.Walked)
	}
}

// Discovery lists every school of the installation; one whose key cannot be
// managed here is nobody else's business.
func TestSyncSurvivesBadOrganizations(t *testing.T) {
	t.Parallel()

	s := &site{
		organizations: []registrar.Organization{{Key: "St. Mary's"}, {Key: "NorthU"}},
		details:       []registrar.ProgramDetails{masters("u1", "masters-cs", "NorthU")},
		walk: func(registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			return make([]registrar.ProgramEnrollment, 2), nil
		},
	}
	sum, err := s.sync().Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "St. Mary's") {
		t.Errorf("error = %v, want one that names the organization", err)
	}
	if sum.NewOrganizations != 1 || sum.NewPrograms != 1 || sum.Walked != 1 {
		t.Errorf("summary = %+v, want everything else done", sum)
	}
}

func TestSyncStopsWithoutCatalog(t *testing.T) {
	t.Parallel()

	away := errors.New("discovery is away")
	s := &site{catalogErr: away, programs: []registrar.Program{{Key: "p", UUID: "u"}}}
	if _, err := s.sync().Run(t.Context()); !errors.Is(err, away) {
		t.Errorf("error = %v, want %v", err, away)
	}
	if len(s.recorded) > 0 {
		t.Error("programs were walked though nothing is known of them")
	}
}
