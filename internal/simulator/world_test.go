package simulator_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

func TestFixedPrograms(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range sim.Programs() {
		got[p.Key] = strings.Join([]string{p.UUID, p.TypeSlug, p.Organization}, " ")
		if len(p.CourseRuns) != 5 {
			t.Errorf("%s has %d course runs, want 5", p.Key, len(p.CourseRuns))
		}
	}
	want := map[string]string{
		"masters-cs":         simulator.MastersCSUUID + " masters NorthU",
		"masters-ds":         simulator.MastersDSUUID + " masters NorthU",
		"micromasters-stats": simulator.MicroMastersStatsUUID + " micromasters NorthU",
		"masters-nursing":    simulator.MastersNursingUUID + " masters HarborX",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	runs := sim.Programs()[0].CourseRuns[:3]
	if diff := cmp.Diff([]simulator.CourseRun{{csRun, "CS-501-FA26"}, {mathRun, "MATH 205.F26"}, {legacyRun, ""}}, runs); diff != "" {
		t.Errorf("runs of masters-cs (-want +got):\n%s", diff)
	}
}

func TestExtraProgramsAreSpreadAndUnique(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Programs: 12, Courses: 3, Learners: 10})
	if err != nil {
		t.Fatal(err)
	}
	orgs, kinds, names := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, p := range sim.Programs() {
		orgs[p.Organization]++
		kinds[p.TypeSlug]++
		names[p.Key], names[p.UUID] = true, true
		if p.UUID != strings.ToLower(p.UUID) || len(p.UUID) != 36 {
			t.Errorf("uuid %q", p.UUID)
		}
	}
	if diff := cmp.Diff(map[string]int{"NorthU": 9, "HarborX": 7}, orgs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"masters": 12, "micromasters": 4}, kinds); diff != "" {
		t.Error(diff)
	}
	if len(names) != 32 {
		t.Errorf("%d different keys and uuids, want 32", len(names))
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]simulator.Options{
		"programs": {Programs: -1}, "courses": {Courses: 2}, "learners": {Learners: 1}, "life": {TokenTTL: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := simulator.New(o); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error = %v, want one that names the %s", err, name)
			}
		})
	}
}

// paths are listings that together show most of a world.
func paths() []string {
	return []string{
		csPath + "/enrollments/?page_size=1000", dsPath + "/enrollments/?page_size=1000", nuPath + "/enrollments/?page_size=1000",
		csPath + "/courses/" + csRun + "/enrollments/?page_size=1000", csPath + "/courses/" + mathRun + "/grades/?page_size=1000",
		"/completion-aggregator/v1/course/" + csRun + "/?page_size=1000", "/api/grades/v1/courses/" + csRun + "/?page_size=1000",
		"/api/certificates/v0/certificates/" + ana + "/", "/api/v1/programs/", "/api/v1/course_runs/?limit=100",
		"/api/third_party_auth/v0/providers/saml-northu/users?page_size=100", "/api/enrollment/v1/enrollments/",
	}
}

func (s site) world() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, p := range paths() {
		a := s.get(p)
		if a.code != http.StatusMultiStatus { // one grade of a run may fail
			a.status(http.StatusOK)
		}
		out[p] = strings.ReplaceAll(a.body, s.url, "")
	}
	return out
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	o := simulator.Options{Seed: 7, Programs: 2, Learners: 120}
	one, two := start(t, o).world(), start(t, o).world()
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("two worlds of seed 7 differ:\n%s", diff)
	}
	o.Seed = 8
	other := start(t, o).world()
	for _, p := range paths()[:7] {
		if one[p] == other[p] {
			t.Errorf("%s is the same for seeds 7 and 8", p)
		}
	}
}

// The rows that both sizes have do not depend on the size.
func TestBigWorldBeginsLikeASmallOne(t *testing.T) {
	t.Parallel()
	big, small := start(t, simulator.Options{Learners: 100_000}), start(t, simulator.Options{Learners: 60})
	path := csPath + "/enrollments/?page_size=60"
	if diff := cmp.Diff(small.get(path).page().Results, big.get(path).page().Results); diff != "" {
		t.Errorf("first rows (-small +big):\n%s", diff)
	}
	last := big.get(csPath + "/enrollments/?page_size=100000").page()
	if len(last.Results) != 100_000 || last.Next != nil {
		t.Errorf("%d rows and next %v, want 100000 and none", len(last.Results), last.Next)
	}
}

func TestFixedLearners(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	cs := s.get(csPath + "/enrollments/").page().Results
	if len(cs) != 60 {
		t.Fatalf("masters-cs has %d learners, want 60", len(cs))
	}
	first := map[string]any{"student_key": "S-0001", "status": "enrolled", "account_exists": true, "username": ana, "email": ana + "@northu.example.edu"}
	second := map[string]any{"student_key": "S-0002", "status": "pending", "account_exists": false, "username": "", "email": ""}
	for _, want := range []map[string]any{first, second} {
		got := maps.Clone(row(t, cs, "student_key", text(want["student_key"])))
		delete(got, "curriculum_uuid")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	seen := map[any]bool{}
	for _, r := range cs {
		seen[r["status"]] = true
	}
	for _, status := range []string{"enrolled", "pending", "suspended", "canceled", "ended"} {
		if !seen[status] {
			t.Errorf("nobody is %s", status)
		}
	}
	if got := row(t, s.get(dsPath+"/enrollments/").page().Results, "student_key", "S-0001")["username"]; got != ana {
		t.Errorf("S-0001 of masters-ds is %v", got)
	}
	stranger := row(t, s.get(nuPath+"/enrollments/").page().Results, "student_key", "S-0001")
	if stranger["username"] == ana || stranger["account_exists"] != true {
		t.Errorf("HarborX's S-0001 = %v, want another person with an account", stranger)
	}
	inactive := row(t, s.get(csPath+"/courses/"+csRun+"/enrollments/").page().Results, "student_key", "S-0007")
	if inactive["status"] != "inactive" {
		t.Errorf("S-0007's course row = %v", inactive)
	}
}

// What a learner has must agree over the endpoints that speak of it.
func TestAccountsAgree(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 80, Programs: 3})
	var uuids []string
	for _, p := range s.sim.Programs() {
		uuids = append(uuids, p.UUID)
	}
	users := map[string]string{}
	for _, uuid := range uuids {
		for _, r := range s.get("/api/program_enrollments/v1/programs/" + uuid + "/enrollments/?page_size=500").page().Results {
			name, key := text(r["username"]), text(r["student_key"])
			if name == "" {
				continue
			}
			if other, ok := users[name]; ok && other != key {
				t.Errorf("%s is %s and %s", name, other, key)
			}
			users[name] = key
		}
	}
	ids := map[any]bool{}
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(users)), 50) {
		for _, a := range s.get("/api/user/v1/accounts?username=" + strings.Join(batch, ",")).status(200).list() {
			ids[a["id"]] = true
		}
	}
	if len(ids) != len(users) {
		t.Errorf("%d users have %d ids", len(users), len(ids))
	}
}
