package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/audit"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

// newRecorded is a console whose audit log holds six requests of two days.
func newRecorded(t *testing.T) console {
	t.Helper()
	c := newConsole(t, "http://127.0.0.1:1")
	c.must(t, "migrate")
	for _, school := range []string{"NorthU", "HarborX"} {
		c.must(t, "org", "create", school)
	}
	c.must(t, "program", "create", "cs", "--org", "NorthU", "--uuid", "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10")
	c.must(t, "program", "create", "care", "--org", "HarborX", "--uuid", "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a11")
	site := []byte(environment(c.environ, "REGISTRAR_AUDIT_KEY"))
	hash := func(org registrar.OrganizationKey, key registrar.StudentKey) []string {
		return []string{audit.Hash(site, "x", "somebody else"), audit.Hash(site, org, key)}
	}
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	records := []linkstore.AuditRecord{
		{RequestID: "north-s1", Username: "sis", Program: "cs", Learners: hash("NorthU", "S-1"), At: day},
		{RequestID: "harbor-s1", Username: "harbor", Program: "care", Learners: hash("HarborX", "S-1"), At: day.Add(time.Hour)},
		{RequestID: "north-s2", Username: "sis", Program: "cs", Learners: hash("NorthU", "S-2"), At: day.Add(23 * time.Hour)},
		{RequestID: "north-all", Username: "=sis", Program: "cs", Course: "a+b+c", Kind: registrar.TouchExport, At: day.Add(24 * time.Hour)},
		{RequestID: "harbor-all", Username: "harbor", Program: "care", At: day.Add(25 * time.Hour)},
		{RequestID: "anywhere-s1", Username: "sis", Learners: hash("", "S-1"), At: day.Add(26 * time.Hour)},
	}
	for i := range records {
		records[i].Method, records[i].Route, records[i].Status = "GET", "/api/v3/programs/:program/learners", 200
		if records[i].Kind == "" {
			records[i].Kind = registrar.TouchRead
		}
	}
	store, err := linkstore.Open(t.Context(), linkstore.Config{DSN: environment(c.environ, "REGISTRAR_STORE_DSN")})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.RecordTouch(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// exported are the request ids of what an export with these flags holds.
func (c console) exported(t *testing.T, flags ...string) []string {
	t.Helper()
	ids := []string{}
	for line := range strings.Lines(c.must(t, append([]string{"audit", "export"}, flags...)...)) {
		var row struct {
			ID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

func TestAuditExport(t *testing.T) {
	t.Parallel()

	c := newRecorded(t)
	for name, k := range map[string]struct{ flags, want string }{
		"all":                       {"", "north-s1 harbor-s1 north-s2 north-all harbor-all anywhere-s1"},
		"by user":                   {"--user harbor", "harbor-s1 harbor-all"},
		"by program":                {"--program cs", "north-s1 north-s2 north-all"},
		"by school":                 {"--org HarborX", "harbor-s1 harbor-all"},
		"a learner":                 {"--learner S-1 --org NorthU", "north-s1 north-all anywhere-s1"},
		"spelled otherwise":         {"--learner s-1 --org NorthU", "north-s1 north-all anywhere-s1"},
		"the same key elsewhere":    {"--learner S-1 --org HarborX", "harbor-s1 harbor-all anywhere-s1"},
		"a learner of a program":    {"--learner S-2 --program cs", "north-s2 north-all"},
		"nobody":                    {"--learner S-9 --program cs", "north-all"},
		"since a date":              {"--since 2026-11-24", "north-all harbor-all anywhere-s1"},
		"until a date":              {"--until 2026-11-24", "north-s1 harbor-s1 north-s2"},
		"between times":             {"--since 2026-11-23T01:00:00Z --until 2026-11-24T02:30:00+02:00", "harbor-s1 north-s2 north-all"},
		"nothing":                   {"--user ghost", ""},
		"a program that never was":  {"--program ghost", ""},
		"everything about a school": {"--org NorthU --user sis --until 2026-11-23T12:00:00Z", "north-s1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if diff := cmp.Diff(strings.Fields(k.want), c.exported(t, strings.Fields(k.flags)...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", k.flags, diff)
			}
		})
	}
}

func TestAuditFormats(t *testing.T) {
	t.Parallel()

	c := newRecorded(t)
	rows, err := csv.NewReader(strings.NewReader(c.must(t, "audit", "export", "--format", "csv", "--program", "cs"))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v, %d lines, want a header and three", err, len(rows))
	}
	want := []string{"2026-11-24T00:00:00Z", "north-all", "'=sis", "export", "GET", "/api/v3/programs/:program/learners", "cs", "a+b+c", "", "200", ""}
	if diff := cmp.Diff(want, rows[3]); diff != "" {
		t.Errorf("a line of the file (-want +got):\n%s", diff)
	}
	if len(strings.Fields(rows[1][10])) != 2 {
		t.Errorf("learners %q, want two hashes", rows[1][10])
	}
	if empty := c.must(t, "audit", "export", "--format", "csv", "--user", "ghost"); !strings.HasPrefix(empty, "at,request_id,") {
		t.Errorf("a file of nothing: %q", empty)
	}
	if out := c.must(t, "audit", "export", "--user", "=sis"); !strings.Contains(out, `"learners":[]`) || strings.Contains(out, "null") {
		t.Errorf("a record of everybody: %q", out)
	}
	out := c.must(t, "audit", "list", "--limit", "2")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 || !strings.Contains(lines[1], "everybody") || !strings.Contains(lines[2], "anywhere-s1") {
		t.Errorf("the latest two:\n%s", out)
	}
	if out := c.must(t, "audit", "prune", "--before", "2026-11-24"); !strings.HasPrefix(out, "3 record(s)") {
		t.Errorf("prune says %q", out)
	}
	if diff := cmp.Diff([]string{"north-all", "harbor-all", "anywhere-s1"}, c.exported(t)); diff != "" {
		t.Errorf("after the deletion (-want +got):\n%s", diff)
	}
}

func TestAuditMistakes(t *testing.T) {
	t.Parallel()

	c := newRecorded(t)
	c.refused(t, 2, "--org or --program", "audit", "export", "--learner", "S-1")
	c.refused(t, 1, `"ghost"`, "audit", "export", "--learner", "S-1", "--program", "ghost")
	c.refused(t, 1, `"Ghost"`, "audit", "list", "--org", "Ghost")
	c.refused(t, 2, "--since", "audit", "export", "--since", "yesterday")
	c.refused(t, 2, "not after", "audit", "export", "--since", "2026-11-24", "--until", "2026-11-24")
	c.refused(t, 2, "json or csv", "audit", "export", "--format", "xml")
	c.refused(t, 2, "--limit", "audit", "list", "--limit", "0")
	c.refused(t, 2, "before", "audit", "prune")
	c.environ = slices.DeleteFunc(c.environ, func(v string) bool { return strings.HasPrefix(v, "REGISTRAR_AUDIT_KEY=") })
	c.refused(t, 1, "audit.key is not set", "audit", "export", "--learner", "S-1", "--org", "NorthU")
}
