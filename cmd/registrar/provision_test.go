package main

import (
	"slices"
	"strings"
	"testing"

	"registrar/internal/simulator"
)

// refused runs a command line that has to fail with this code and to say something.
func (c console) refused(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	got, out, errs := c.run(t, args...)
	if got != code || !strings.Contains(errs, says) || out != "" {
		t.Errorf("registrar %s: exit %d, %q%q; want %d and %q", strings.Join(args, " "), got, out, errs, code, says)
	}
	if strings.Contains(errs, "constraint") || strings.Contains(errs, "SQL") {
		t.Errorf("the database speaks: %q", errs)
	}
}

// has reports whether a line of a command's table begins with these words.
func (c console) has(t *testing.T, command []string, words ...string) bool {
	t.Helper()
	return slices.ContainsFunc(strings.Split(c.must(t, command...), "\n"), func(line string) bool {
		return strings.HasPrefix(strings.Join(strings.Fields(line), " ")+" ", strings.Join(words, " ")+" ")
	})
}

func TestOrganizationWithGroups(t *testing.T) {
	t.Parallel()

	c := newConsole(t, "http://127.0.0.1:1")
	c.must(t, "migrate")
	out := c.must(t, "org", "create", "Uni", "--group", "organization_read_metadata", "--group", "organization_read_reports rep",
		"--group", "organization_read_enrollments=Uni = the registrars")
	for _, want := range []string{"Organization Uni created.", `"Uni_organization_read_metadata"`, `"rep"`, `"Uni = the registrars"`} {
		if !strings.Contains(out, want) {
			t.Errorf("org create says %q, want %s", out, want)
		}
	}
	if !c.has(t, []string{"org", "list"}, "Uni", "Uni") {
		t.Error("an organization without a name is not called by its key")
	}
	for _, row := range [][]string{
		{"Uni_organization_read_metadata", "organization_read_metadata"},
		{"rep", "organization_read_reports"},
		{"Uni", "=", "the", "registrars", "organization_read_enrollments"},
	} {
		if !c.has(t, []string{"group", "list"}, row...) {
			t.Errorf("no group %v", row)
		}
	}
	named := c.must(t, "org", "create", "Second", "--name", "Second School", "--group", "organization_read_reports")
	if !strings.Contains(named, `"Second School_organization_read_reports"`) {
		t.Errorf("org create --name says %q", named)
	}

	const role = "organization_read_metadata"
	for name, wrong := range map[string]struct {
		code int
		says string
		args []string
	}{
		"bad key":            {1, "alphanumeric", []string{"Bad Key"}},
		"key in use":         {1, `organization "Uni"`, []string{"Uni"}},
		"no such role":       {2, "must be a role", []string{"Other", "--group", "king"}},
		"role on a program":  {2, "must be a role", []string{"Other", "--group", "program_read_metadata"}},
		"three words":        {2, "one or two", []string{"Other", "--group", role + " a b"}},
		"no name":            {2, "name is missing", []string{"Other", "--group", role + "= "}},
		"no word":            {2, "role is missing", []string{"Other", "--group", " "}},
		"group in use":       {1, `"rep"`, []string{"Other", "--group", role, "--group", role + " rep"}},
		"one name for two":   {1, `"twin"`, []string{"Other", "--group", role + " twin", "--group", "organization_read_reports twin"}},
		"one default, twice": {1, `"Other_` + role + `"`, []string{"Other", "--group", role, "--group", role}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c.refused(t, wrong.code, wrong.says, append([]string{"org", "create"}, wrong.args...)...)
			if c.has(t, []string{"org", "list"}, "Other") || strings.Contains(c.must(t, "group", "list"), "Other") {
				t.Error("a failed command left something")
			}
		})
	}
}

func TestUserWithGroups(t *testing.T) {
	t.Parallel()

	c := newConsole(t, "http://127.0.0.1:1")
	c.must(t, "migrate")
	c.must(t, "org", "create", "Uni", "--group", "organization_read_metadata readers", "--group", "organization_read_reports analysts")
	c.must(t, "user", "create", "bob", "--email", "b@x.org", "--staff", "-g", "readers", "-g", "analysts")
	if !c.has(t, []string{"user", "list"}, "bob", "b@x.org", "true", "true", "false") {
		t.Errorf("users:\n%s", c.must(t, "user", "list"))
	}
	c.refused(t, 1, "already exists", "user", "create", "bob", "--email", "other@x.org")
	c.refused(t, 1, `no group "ghosts"`, "user", "create", "carl", "-g", "readers", "-g", "ghosts")
	c.refused(t, 1, "uplicate groups", "user", "create", "carl", "-g", "readers", "-g", "readers")
	if c.has(t, []string{"user", "list"}, "carl") {
		t.Error("a failed command left a user")
	}
	c.must(t, "user", "create", "dora", "--email", "b@x.org") // the same address is no hindrance
}

// Programs are added by what Discovery says at that moment, all or none.
func TestProgramAdd(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 4}, nil) // for its Discovery
	c := newConsole(t, s.simulator)
	c.must(t, "migrate")
	const nobody = "99999999-4444-2222-1111-000000000000"
	programs := func(words ...string) bool { t.Helper(); return c.has(t, []string{"program", "list"}, words...) }

	c.refused(t, 1, "Could not read program "+nobody, "program", "add", simulator.MastersCSUUID+","+nobody)
	if c.has(t, []string{"org", "list"}, "NorthU") || programs("masters-northu-masters-cs") {
		t.Error("a failed command left something")
	}
	out := c.must(t, "program", "add", simulator.MastersCSUUID+","+strings.ToUpper(simulator.MastersNursingUUID)+":nursing")
	if !strings.Contains(out, "Program nursing created, managed by HarborX.") {
		t.Errorf("program add says %q", out)
	}
	if !programs("nursing", "HarborX", simulator.MastersNursingUUID) || !programs("masters-northu-masters-cs", "NorthU", simulator.MastersCSUUID) {
		t.Errorf("programs:\n%s", c.must(t, "program", "list"))
	}
	if out := c.must(t, "program", "add", simulator.MastersNursingUUID+":caring,"+simulator.MastersCSUUID); !strings.Contains(out, "Program nursing is now caring.") ||
		!strings.Contains(out, "is there already") {
		t.Errorf("program add of known ones says %q", out)
	}
	c.refused(t, 1, `"caring"`, "program", "add", simulator.MastersCSUUID+":new,"+simulator.MastersDSUUID+":caring")
	for _, wrong := range []string{"", "masters-cs", simulator.MastersDSUUID + ":a:b", simulator.MastersDSUUID + ",", simulator.MastersDSUUID + ", " + simulator.MastersCSUUID} {
		c.refused(t, 2, "incorrectly formatted argument", "program", "add", wrong)
	}
	if !programs("caring") || programs("new") || programs("nursing") {
		t.Errorf("programs after failed commands:\n%s", c.must(t, "program", "list"))
	}
}

// A sync tells when it found nothing to do, gives everybody a group for reports
// and never calls a run that failed complete.
func TestSyncTells(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 4}, nil) // for its LMS and Discovery
	c := newConsole(t, s.simulator)
	c.must(t, "migrate")
	const complete, idle = "Sync with Discovery Service complete!", "Nothing had to be changed."
	if out := c.must(t, "sync"); !strings.Contains(out, complete) || strings.Contains(out, idle) {
		t.Errorf("the first sync says %q", out)
	}
	if out := c.must(t, "sync"); !strings.Contains(out, complete) || !strings.Contains(out, idle) {
		t.Errorf("the second sync says %q", out)
	}
	for name, role := range map[string]string{
		"NorthU_ReadOrganizationReports":       "organization_read_reports",
		"NorthU_masters-cs_ReadProgramReports": "program_read_reports",
	} {
		if !c.has(t, []string{"group", "list"}, name, role) {
			t.Errorf("no group %s:\n%s", name, c.must(t, "group", "list"))
		}
	}
	for _, path := range []string{"/api/v1/programs/", "/enrollments/"} {
		s.fault(t, map[string]any{"path": path, "status": 500})
		code, out, errs := c.run(t, "sync")
		if code != 1 || strings.Contains(out, "complete") || errs == "" {
			t.Errorf("sync while %s fails: exit %d, %q, %q", path, code, out, errs)
		}
		s.mend(t)
	}
}
