package linkstore_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

// TestConformance holds both engines to one behaviour.
func TestConformance(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*kit){
		"migrating again applies nothing":                migratingAgain,
		"an unmigrated schema is behind":                 schemaBehind,
		"organizations are created, found and listed":    organizationLife,
		"organizations are put by uuid, then by key":     organizationPut,
		"organizations of bad keys are refused":          organizationInvalid,
		"programs are created, found and listed":         programLife,
		"programs are put by uuid, then by key":          programPut,
		"programs are renamed":                           programRename,
		"programs of bad keys are refused":               programInvalid,
		"a program that moves loses its links":           programMove,
		"users are created and changed":                  userLife,
		"users are created with groups or not at all":    userGroups,
		"groups are created and listed":                  groupLife,
		"groups that make no sense are refused":          groupInvalid,
		"members hold what their groups hold":            memberGrants,
		"members are removed":                            memberRemoval,
		"permissions are granted and revoked":            grantLife,
		"grants that make no sense are refused":          grantInvalid,
		"a new caller becomes a user":                    principalNew,
		"a token's flag counts for that token alone":     principalStaff,
		"a token corrects the stored user":               principalOverwrites,
		"an inactive user is turned away":                principalInactive,
		"promised memberships count at once":             principalPromoted,
		"promises need exactly that address":             principalNotPromoted,
		"racing callers become one user":                 principalRace,
		"names that cannot be stored are no users":       principalUnstorable,
		"a snapshot is found by student key":             snapshotFound,
		"student keys keep their spelling":               snapshotSpelling,
		"a snapshot replaces the one before":             snapshotReplaces,
		"an older snapshot is ignored":                   snapshotOlder,
		"the same snapshot again moves the time":         snapshotSame,
		"the last of two rows of a learner wins":         snapshotRepeated,
		"rows that name no learner are left out":         snapshotUnusable,
		"a snapshot of a changed program is refused":     snapshotWall,
		"two schools share a student key and no learner": snapshotTenants,
		"a snapshot of 100,000 rows works":               snapshotLarge,
		"racing snapshots leave one of them":             snapshotRace,
		"snapshot times keep microseconds":               snapshotTimes,
		"links are asked for many programs at once":      linksOfMany,
		"usernames are found by folded key":              usernamesFound,
		"programs are found by account":                  programsOfAccount,
		"programs of an account need no scan":            programsOfAccountIndexed,
		"recorded links give usernames":                  linksRecorded,
		"a directory remembers for its TTL":              directoryRemembers,
		"a directory forgets when told":                  directoryForgets,
		"a directory keeps tokens apart":                 directoryTokens,
		"a cancelled caller gets no answer":              cancelled,
		"jobs are created, ended and found":              jobLife,
		"jobs that make no sense are refused":            jobInvalid,
		"a job that cannot be enqueued is not there":     jobEnqueueFails,
		"a program has one write job at a time":          jobOneWrite,
		"of racing write jobs one is let in":             jobRace,
		"jobs outlive their program":                     jobProgramChanges,
		"jobs are listed by filter":                      jobList,
		"aged jobs lose their files":                     jobAged,
		"jobs are canceled":                              jobCanceled,
		"steps are kept for the next worker":             jobSteps,
		"a lease fences who lost it":                     leaseLife,
		"a lease is renewed":                             leaseRenewed,
		"a job is given back":                            leaseReleased,
		"abandoned jobs are found":                       leaseAbandoned,
		"of racing workers one claims the job":           leaseRace,
		"a queue gets the connections":                   handles,
		"audit records are kept as they came":            auditKept,
		"audit records are found by filter":              auditFiltered,
		"a long audit log is read in order":              auditLong,
		"audit records are pruned and never changed":     auditStands,
		"a write is found by student key":                writeFound,
		"a write knows accounts of the school's own":     writeAccounts,
		"of writes and snapshots the later wins":         writeOrder,
		"a write without a curriculum keeps the known":   writeCurriculum,
		"a write to a changed program is refused":        writeWall,
		"racing writes and snapshots lose nothing":       writeRace,
		"programs are added in one go":                   programsAdded,
		"programs are added all or not at all":           programsRefused,
		"an organization comes with groups":              organizationWithGroups,
		"an organization comes with all groups or none":  organizationWithGroupsRefused,
		"groups of a role are made or renamed":           groupEnsured,
		"a caller's groups are told":                     principalGroups,
	}
	for engine, dsn := range engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			for name, test := range cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(newKit(t, dsn(t)))
				})
			}
		})
	}
}

// engines names, for every engine, how to get an empty database.
func engines() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"postgres": provisiontest.Postgres,
		"sqlite": func(tb testing.TB) string {
			tb.Helper()
			return "sqlite:" + filepath.Join(tb.TempDir(), "links.db")
		},
	}
}

// kit is a test with a migrated store and a clock that stands still.
type kit struct {
	*testing.T
	store *linkstore.Store
	dsn   string
	clock *clock
}

func newKit(t *testing.T, dsn string) *kit {
	t.Helper()
	k := &kit{T: t, dsn: dsn, clock: &clock{now: noon()}}
	k.store = k.open()
	if _, err := k.store.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	return k
}

// open opens the kit's database once more.
func (k *kit) open() *linkstore.Store {
	k.Helper()
	s, err := linkstore.Open(k.Context(), linkstore.Config{DSN: k.dsn, Now: k.clock.Now})
	if err != nil {
		k.Fatalf("Open: %v", err)
	}
	k.Cleanup(func() {
		if err := s.Close(); err != nil {
			k.Errorf("Close: %v", err)
		}
	})
	return s
}

// must ends the test on an error of something that is only prepared.
func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// wantKind ends the test unless err is of a kind.
func (k *kit) wantKind(err error, want registrar.Kind) {
	k.Helper()
	if err == nil || registrar.KindOf(err) != want {
		k.Fatalf("error = %v, want one of kind %s", err, want)
	}
}

// same reports what differs.
func same[V any](k *kit, what string, got, want V) {
	k.Helper()
	targets := cmp.Comparer(func(a, b linkstore.Target) bool { return a == b })
	courses := cmp.Comparer(func(a, b registrar.CourseKey) bool { return a == b })
	if diff := cmp.Diff(want, got, targets, courses); diff != "" {
		k.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// school makes the organization NorthU with the program masters-cs.
func (k *kit) school() registrar.Program {
	k.Helper()
	k.must(k.store.CreateOrganization(k.Context(), registrar.Organization{Key: "NorthU", Name: "North"}))
	p := registrar.Program{Key: "masters-cs", UUID: "11111111-1111-1111-1111-111111111111", Organization: "NorthU"}
	k.must(k.store.CreateProgram(k.Context(), p))
	return p
}

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
