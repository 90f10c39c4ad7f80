package linkstore_test

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"registrar/internal/registrar"
)

// linksOfMany asks for more programs than one statement carries.
func linksOfMany(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled("s-1"))
	keys := make([]registrar.ProgramKey, 2500)
	for i := range keys {
		keys[i] = registrar.ProgramKey(fmt.Sprintf("other-%d", i))
	}
	keys[2300] = p.Key
	same(k, "links", len(k.links("s-1", keys...)), 1)
	times, err := k.store.SnapshotTimes(k.Context(), keys)
	k.must(err)
	same(k, "times", len(times), 1)
}

func usernamesFound(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "EastU"}))
	k.record(p, noon(), linkedAs("S-1", "bo"), linkedAs("S-2", ""), enrolled("S-3"))
	for organization, want := range map[registrar.OrganizationKey]map[registrar.StudentKey]registrar.Username{
		"NorthU": {"s-1": "bo"}, "EastU": {}, "nope": {}, "a b": {},
	} {
		got, err := k.store.Usernames(ctx, organization, []registrar.StudentKey{"s-1", "S-2", "s-3", "s-4", "", "\x00"})
		k.must(err)
		same(k, "usernames of "+string(organization), got, want)
	}
	got, err := k.store.Usernames(ctx, "NorthU", nil)
	k.must(err)
	same(k, "usernames of nobody", len(got), 0)
}

func linksRecorded(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.record(p, noon(), linkedAs("S-1", ""), linkedAs("S-2", "al"))
	links := []registrar.Link{
		{StudentKey: "s-1", Username: "bo"},
		{StudentKey: "s-2", Username: ""}, // tells nothing
		{StudentKey: "s-9", Username: "first"},
		{StudentKey: "S-9", Username: "cy"}, // the last of one key counts
		{StudentKey: " ", Username: "nobody"},
	}
	k.must(k.store.RecordLinks(ctx, "NorthU", links))
	k.must(k.store.RecordLinks(ctx, "NorthU", nil))
	got, err := k.store.Usernames(ctx, "NorthU", []registrar.StudentKey{"S-1", "s-2", "s-9"})
	k.must(err)
	same(k, "usernames", got, map[registrar.StudentKey]registrar.Username{"s-1": "bo", "s-2": "al", "s-9": "cy"})
	same(k, "the account in the program", k.links("s-1", p.Key)[0].Account, registrar.Account{State: registrar.Linked, Username: "bo"})

	// A listing of an LMS that tells no usernames does not wipe them out.
	k.record(p, noon().Add(1), linkedAs("S-1", ""), linkedAs("S-2", "al"), enrolled("S-9"))
	same(k, "the account after it", k.links("s-1", p.Key)[0].Account.Username, "bo")
	same(k, "an account without an enrollment linked to it", k.links("s-9", p.Key)[0].Account, registrar.Account{State: registrar.Pending})
	k.wantKind(k.store.RecordLinks(ctx, "nope", links), registrar.NotFound)
}

// programsOf asks for the programs of an account.
func (k *kit) programsOf(name registrar.Username) []registrar.ProgramKey {
	k.Helper()
	got, err := k.store.ProgramsOfUsername(k.Context(), name)
	k.must(err)
	return got
}

func programsOfAccount(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "EastU"}))
	mba := registrar.Program{Key: "MBA", Organization: "NorthU"}
	east := registrar.Program{Key: "east", Organization: "EastU"}
	k.must(k.store.CreateProgram(ctx, mba))
	k.must(k.store.CreateProgram(ctx, east))
	k.record(p, noon(), linkedAs("S-1", "bo"), linkedAs("S-2", "bo"), linkedAs("S-3", "al"), enrolled("S-4"))
	k.record(mba, noon(), linkedAs("s-1", "bo"))
	k.record(east, noon(), linkedAs("S-1", "cy"), linkedAs("X-1", "bo"))

	for name, want := range map[registrar.Username][]registrar.ProgramKey{
		"bo": {"MBA", "east", "masters-cs"}, "al": {"masters-cs"}, "cy": {"east"},
		"BO": nil, "b": nil, "bo ": nil, "nobody": nil, "": nil, "a\x00b": nil, "\xff": nil,
	} {
		same(k, "programs of "+string(name), k.programsOf(name), want)
	}

	for program, want := range map[registrar.ProgramKey][]registrar.StudentKey{
		"masters-cs": {"S-1", "S-2"}, "MBA": {"S-1"}, "east": {"X-1"}, "mba": nil, "nope": nil, "": nil, "a'b": nil,
	} {
		got, err := k.store.StudentKeysOfUsername(ctx, program, "bo")
		k.must(err)
		same(k, "student keys of bo in "+string(program), got, want)
	}

	// An account that is known while the enrollment is not linked to it is none.
	k.must(k.store.RecordLinks(ctx, "NorthU", []registrar.Link{{StudentKey: "S-4", Username: "di"}}))
	same(k, "programs of an enrollment without an account", k.programsOf("di"), nil)

	// What the next snapshot no longer says is gone.
	k.record(mba, noon().Add(time.Hour))
	same(k, "after it left a program", k.programsOf("bo"), []registrar.ProgramKey{"east", "masters-cs"})
	k.record(east, noon().Add(time.Hour), linkedAs("X-1", "eve"))
	same(k, "after the account changed hands", k.programsOf("bo"), []registrar.ProgramKey{"masters-cs"})
	same(k, "whose it is now", k.programsOf("eve"), []registrar.ProgramKey{"east"})
}

// programsOfAccountIndexed shows that the index fits the question: one account of
// a hundred thousand is asked for at every request that names one.
func programsOfAccountIndexed(k *kit) {
	const condition = `SELECT folded_key FROM learners WHERE username = 'bo' AND username <> ''`
	if plan := k.plan(condition); !strings.Contains(plan, "learners_username") {
		k.Errorf("the index is not used:\n%s", plan)
	}
}

// plan tells how the engine would answer a query on a small table.
func (k *kit) plan(query string) string {
	k.Helper()
	driver, source, explain := "pgx", k.dsn, `EXPLAIN `
	if path, ok := strings.CutPrefix(k.dsn, "sqlite:"); ok {
		driver, source, explain = "sqlite", path, `EXPLAIN QUERY PLAN `
	}
	db, err := sql.Open(driver, source)
	k.must(err)
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(k.Context())
	k.must(err)
	defer func() { _ = conn.Close() }()
	if driver == "pgx" {
		// A table of no rows is read faster from end to end.
		_, err = conn.ExecContext(k.Context(), `SET enable_seqscan = off`)
		k.must(err)
	}
	rows, err := conn.QueryContext(k.Context(), explain+query)
	k.must(err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	k.must(err)
	var plan strings.Builder
	for rows.Next() {
		cells, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		k.must(rows.Scan(into...))
		fmt.Fprintln(&plan, cells...)
	}
	k.must(rows.Err())
	return plan.String()
}
