package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	gocmp "github.com/google/go-cmp/cmp"

	"registrar/config"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

const (
	healthy = `{"overall_status": "OK", "detailed_status": {"database_status": "OK"}}`
	ill     = `{"overall_status": "UNAVAILABLE", "detailed_status": {"database_status": "UNAVAILABLE"}}`
)

// siteCases are about what stands beside the API: health, the documentation and
// an operator's commands.
func siteCases() []conformanceCase {
	return []conformanceCase{
		{"M01", func(t *testing.T, w *world) {
			for _, path := range []string{"/health", "/health/"} {
				reply := w.anonymous().get(path)
				reply.is(t, http.StatusOK, healthy)
				if got := reply.Header.Get("Content-Type"); got != "application/json" {
					t.Errorf("%s: Content-Type %q", path, got)
				}
			}
		}},
		{"M02", lostDatabase},
		{"M03", func(t *testing.T, w *world) {
			// There is no such login here: the answer of the original with the setting off.
			for _, path := range []string{"/auto_auth", "/auto_auth/"} {
				w.anonymous().get(path).isPage(t, http.StatusNotFound)
			}
		}},
		{"M04", func(t *testing.T, w *world) {
			reply := w.anonymous().get("/api-docs")
			if reply.StatusCode == http.StatusFound {
				reply = w.anonymous().get(reply.Header.Get("Location"))
			}
			reply.isPage(t, http.StatusOK)
			if !strings.Contains(string(reply.body), "Registrar API - Online Documentation") {
				t.Error("the page lacks its title")
			}
		}},
		{"M05", promisedMemberships},
		{"M06", organizationsByCommand},
		{"M07", usersByCommand},
		{"M08", programsByCommand},
		{"M09", syncByCommand},
	}
}

func promisedMemberships(t *testing.T, w *world) {
	for _, group := range []string{"stem-users", "english-program-users"} {
		if err := w.store.AddPendingMember(t.Context(), group, "new@x.org"); err != nil {
			t.Fatal(err)
		}
	}
	newcomer := w.as("newcomer").saying(jwt.MapClaims{"email": "new@x.org"})
	newcomer.get("programs").programs(t, "masters-in-cs", "masters-in-me", "masters-in-english")
	// A second promise kept would be a second membership: the rows are gone.
	if err := w.store.RemovePendingMember(t.Context(), "stem-users", "new@x.org"); registrar.KindOf(err) != registrar.NotFound {
		t.Errorf("the promise is still there: %v", err)
	}
}

// lostDatabase takes the database away under a running gateway: on Postgres a
// line is cut, on SQLite the store is closed.
func lostDatabase(t *testing.T, w *world) {
	if dsn := w.cfg.Store.DSN.Reveal(); strings.HasPrefix(dsn, "postgres") {
		line, through := throughLine(t, dsn)
		w.cfg.Store.DSN = config.Secret(through)
		w.anonymous().get("/health").is(t, http.StatusOK, healthy)
		line.set(cut)
	} else {
		w.anonymous().get("/health").is(t, http.StatusOK, healthy)
		if err := w.served.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.anonymous().get("/health").is(t, http.StatusServiceUnavailable, ill)
}

// console runs an operator's commands on the world's store and site.
func (w *world) console() console {
	return console{environ: []string{
		"REGISTRAR_STORE_DSN=" + w.dsn, "REGISTRAR_LMS_URL=" + w.stub.base, "REGISTRAR_DISCOVERY_URL=" + w.stub.base,
		"REGISTRAR_LMS_CLIENT_ID=registrar", "REGISTRAR_LMS_CLIENT_SECRET=secret",
		"REGISTRAR_AUTH_ISSUERS_0_ISSUER=" + issuer, "REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=a secret of the issuer",
		"REGISTRAR_FILES_LINK_KEY=a secret for signed links", "REGISTRAR_AUDIT_KEY=a secret for hashed keys",
	}}
}

// refused runs a command that has to fail and to say something.
func (w *world) refused(t *testing.T, says string, args ...string) {
	t.Helper()
	if code, out, errs := w.console().run(t, args...); code == 0 || !strings.Contains(errs, says) {
		t.Errorf("registrar %s: exit %d, %q%q; want it to fail and to say %q", strings.Join(args, " "), code, out, errs, says)
	}
}

// groupsOn are the groups of the store whose target is on, by name.
func (w *world) groupsOn(t *testing.T, on linkstore.Target) map[string]registrar.Role {
	t.Helper()
	groups, err := w.store.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]registrar.Role{}
	for _, g := range groups {
		if g.Target == on {
			found[g.Name] = g.Role
		}
	}
	return found
}

func organizationsByCommand(t *testing.T, w *world) {
	w.console().must(t, "org", "create", "Uni", "--group", "organization_read_metadata", "--group", "organization_read_reports rep")
	o, err := w.store.Organization(t.Context(), "Uni")
	if err != nil || o.Name != "Uni" {
		t.Errorf("the organization: %+v, %v", o, err)
	}
	want := map[string]registrar.Role{"Uni_organization_read_metadata": "organization_read_metadata", "rep": "organization_read_reports"}
	if diff := gocmp.Diff(want, w.groupsOn(t, linkstore.OnOrganization("Uni"))); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	before, err := w.store.Organizations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.refused(t, "alphanumeric", "org", "create", "Bad Key")
	w.refused(t, "role", "org", "create", "Other", "--group", "king")
	w.refused(t, "one or two", "org", "create", "Other", "--group", "organization_read_metadata a b")
	w.refused(t, "Uni", "org", "create", "Uni")
	w.refused(t, "rep", "org", "create", "Other", "--group", "organization_read_metadata rep")
	after, err := w.store.Organizations(t.Context())
	if diff := gocmp.Diff(before, after); diff != "" || err != nil {
		t.Errorf("a failed command left something (-want +got):\n%s %v", diff, err)
	}
}

func usersByCommand(t *testing.T, w *world) {
	count := func() int {
		t.Helper()
		users, err := w.store.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(users)
	}
	w.console().must(t, "user", "create", "bob", "--email", "b@x.org", "--staff", "-g", "stem-admins")
	users, err := w.store.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(users, func(u linkstore.User) bool { return u.Username == "bob" && u.Email == "b@x.org" && u.Staff }) {
		t.Errorf("bob is not among %v", users)
	}
	w.as("bob").get("programs").programs(t, "masters-in-cs", "masters-in-me")
	before := count()
	w.refused(t, "already exists", "user", "create", "bob", "--email", "other@x.org")
	w.refused(t, "ghosts", "user", "create", "carl", "-g", "ghosts")
	w.refused(t, "stem-ops", "user", "create", "carl", "-g", "stem-ops", "-g", "stem-ops")
	if after := count(); after != before {
		t.Errorf("%d users after failed commands, %d before", after, before)
	}
	w.console().must(t, "user", "create", "dora", "--email", "b@x.org") // the same address is no hindrance
}

const slugProgram = "88888888-4444-2222-1111-000000000000"

func programsByCommand(t *testing.T, w *world) {
	for _, end := range []string{"/api/v1/programs/" + slugProgram, "/api/v1/programs/" + slugProgram + "/"} {
		w.on(http.MethodGet, end, replyJSON(http.StatusOK, map[string]any{
			"uuid": slugProgram, "title": "Slugs", "type": "Masters", "marketing_slug": "nonslug/marketing/key-format", "curricula": []any{},
			"authoring_organizations": []row{
				{"uuid": "a1111111-4444-2222-1111-000000000000", "key": "O1", "name": "One"},
				{"uuid": "a2222222-4444-2222-1111-000000000000", "key": "O2", "name": "Two"},
			},
		}))
	}
	program := func(key registrar.ProgramKey) {
		t.Helper()
		if p, err := w.store.Program(t.Context(), key); err != nil || p.UUID != slugProgram || p.Organization != "O2" {
			t.Errorf("program %s: %+v, %v; want it managed by O2", key, p, err)
		}
	}
	w.console().must(t, "program", "add", slugProgram)
	program("nonslug-marketing-key-format")
	if _, err := w.store.Organization(t.Context(), "O1"); err != nil {
		t.Errorf("O1: %v", err)
	}
	w.console().must(t, "program", "add", slugProgram+":newkey")
	program("newkey")
	w.refused(t, "Could not read program", "program", "add", slugProgram+":zz,99999999-4444-2222-1111-000000000000")
	program("newkey")
	w.refused(t, "incorrectly formatted", "program", "add", slugProgram+":a:b")
	program("newkey")
}

func syncByCommand(t *testing.T, w *world) {
	const syncU, stem = "b1111111-4444-2222-1111-000000000000", "b2222222-4444-2222-1111-000000000000"
	if _, err := w.store.PutOrganization(t.Context(), registrar.Organization{Key: "stem-institute", Name: "STEM Institute", DiscoveryUUID: stem}); err != nil {
		t.Fatal(err)
	}
	author := func(key, uuid string) row { return row{"key": key, "uuid": uuid, "name": key} }
	w.on(http.MethodGet, "/api/v1/organizations/", replyRows(
		row{"uuid": stem, "key": "stem-institute", "name": "STEM Renamed"}, row{"uuid": syncU, "key": "SyncU", "name": "Sync University"}))
	program := func(uuid, slug string, authors ...row) row {
		return row{"uuid": uuid, "title": slug, "type": "Masters", "status": "active", "marketing_slug": slug, "authoring_organizations": authors}
	}
	w.on(http.MethodGet, "/api/v1/programs/", replyRows(
		program("c1111111-4444-2222-1111-000000000000", "masters/syncu/the-program", author("SyncU", syncU)),
		program("c2222222-4444-2222-1111-000000000000", "two-orgs", author("SyncU", syncU), author("stem-institute", stem)),
		program("c3333333-4444-2222-1111-000000000000", "no-org")))
	w.on(http.MethodGet, "/enrollments/", replyRows()) // the learner links of every program
	for range 2 {
		out := w.console().must(t, "sync")
		if !strings.Contains(out, "Sync with Discovery Service complete!") {
			t.Errorf("sync says %q", out)
		}
		w.synced(t)
	}
}

func (w *world) synced(t *testing.T) {
	t.Helper()
	if o, err := w.store.Organization(t.Context(), "stem-institute"); err != nil || o.Name != "STEM Renamed" {
		t.Errorf("the renamed organization: %+v, %v", o, err)
	}
	programs, err := w.store.Programs(t.Context())
	if err != nil || len(programs) != 5 {
		t.Errorf("%d programs, %v; want one more than four", len(programs), err)
	}
	if _, err := w.store.Program(t.Context(), "the-program"); err != nil {
		t.Errorf("the-program: %v", err)
	}
	for on, want := range map[linkstore.Target]map[string]registrar.Role{
		linkstore.OnOrganization("SyncU"):  {"SyncU_ReadOrganizationReports": "organization_read_reports"},
		linkstore.OnProgram("the-program"): {"SyncU_the-program_ReadProgramReports": "program_read_reports"},
	} {
		if diff := gocmp.Diff(want, w.groupsOn(t, on)); diff != "" {
			t.Errorf("groups on %s (-want +got):\n%s", on, diff)
		}
	}
}
