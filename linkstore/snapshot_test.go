package linkstore_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"registrar/internal/registrar"
)

func enrolled(key registrar.StudentKey) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{StudentKey: key, Status: "enrolled", Account: registrar.Account{State: registrar.Pending}}
}

func linkedAs(key registrar.StudentKey, name registrar.Username) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{
		StudentKey: key, Status: "enrolled", Account: registrar.Account{State: registrar.Linked, Username: name},
	}
}

// links asks for a learner's links in some programs.
func (k *kit) links(key registrar.StudentKey, programs ...registrar.ProgramKey) []registrar.ProgramLink {
	k.Helper()
	got, err := k.store.LinksOf(k.Context(), key, programs)
	k.must(err)
	return got
}

func (k *kit) record(p registrar.Program, at time.Time, rows ...registrar.ProgramEnrollment) {
	k.Helper()
	k.must(k.store.RecordSnapshot(k.Context(), p, rows, at))
}

func snapshotFound(k *kit) {
	p := k.school()
	q := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(k.Context(), q))
	k.record(p, noon(), linkedAs("s-1", "bo"), enrolled("s-2"))
	suspended := enrolled("s-1")
	suspended.Status = "suspended"
	k.record(q, noon().Add(time.Minute), suspended)

	same(k, "links", k.links("s-1", "masters-cs", "nope", "MBA"), []registrar.ProgramLink{
		{Program: "MBA", StudentKey: "s-1", Status: "suspended", Account: registrar.Account{State: registrar.Pending}, SeenAt: noon().Add(time.Minute)},
		{Program: "masters-cs", StudentKey: "s-1", Status: "enrolled", Account: registrar.Account{State: registrar.Linked, Username: "bo"}, SeenAt: noon()},
	})
	same(k, "links in one program", len(k.links("s-1", "MBA")), 1)
	same(k, "links of a stranger", k.links("s-3", "masters-cs", "MBA"), nil)
	same(k, "links in no program", k.links("s-1"), nil)
	for _, odd := range []registrar.StudentKey{"", " ", "a\x00b", "\xff"} {
		same(k, "links of a key that cannot be", k.links(odd, "masters-cs"), nil)
	}
}

func snapshotSpelling(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled("Stü-ABC"))
	for _, spelling := range []registrar.StudentKey{"Stü-ABC", "stü-abc", "STÜ-ABC", " stü-Abc "} {
		got := k.links(spelling, p.Key)
		if len(got) != 1 || got[0].StudentKey != "Stü-ABC" {
			k.Errorf("links of %q = %+v", spelling, got)
		}
	}
	k.must(k.store.RecordLinks(k.Context(), "NorthU", []registrar.Link{{StudentKey: "STÜ-abc", Username: "bo"}}))
	k.record(p, noon().Add(time.Minute), linkedAs("stü-abc", "bo"))
	same(k, "the spelling after others", k.links("stü-abc", p.Key)[0].StudentKey, "Stü-ABC")
}

func snapshotReplaces(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled("s-1"), enrolled("s-2"), enrolled("s-3"))
	ended := linkedAs("s-2", "bo")
	ended.Status, ended.Curriculum = "ended", "c-1"
	later := noon().Add(time.Hour)
	k.record(p, later, ended, enrolled("s-3"), enrolled("s-4"))

	same(k, "a row that is gone", k.links("s-1", p.Key), nil)
	same(k, "a row that changed", k.links("s-2", p.Key), []registrar.ProgramLink{{
		Program: p.Key, StudentKey: "s-2", Status: "ended", SeenAt: later,
		Account: registrar.Account{State: registrar.Linked, Username: "bo"},
	}})
	same(k, "when an unchanged row was seen", k.links("s-3", p.Key)[0].SeenAt, later)
	same(k, "a row that is new", len(k.links("s-4", p.Key)), 1)

	k.record(p, later.Add(time.Hour))
	for _, key := range []registrar.StudentKey{"s-1", "s-2", "s-3", "s-4"} {
		same(k, "after an empty listing", k.links(key, p.Key), nil)
	}
}

func snapshotOlder(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled("s-1"))
	k.record(p, noon().Add(-time.Microsecond), enrolled("s-2"))
	same(k, "rows of the older", k.links("s-2", p.Key), nil)
	same(k, "rows of the newer", len(k.links("s-1", p.Key)), 1)
	k.record(p, noon(), enrolled("s-3")) // of the same moment, the last counts
	same(k, "rows of the same moment", len(k.links("s-3", p.Key)), 1)
}

func snapshotSame(k *kit) {
	p := k.school()
	later := noon().Add(1500 * time.Millisecond)
	k.record(p, noon(), enrolled("s-1"), enrolled("s-2"))
	k.record(p, later, enrolled("s-2"), enrolled("s-1"))
	same(k, "seen at", k.links("s-1", p.Key)[0].SeenAt, later)
	k.record(p, later.Add(time.Second), enrolled("s-1"))
	same(k, "a row that is gone", k.links("s-2", p.Key), nil)
}

func snapshotRepeated(k *kit) {
	p := k.school()
	last := enrolled("S-1")
	last.Status = "canceled"
	k.record(p, noon(), enrolled("s-1"), enrolled("s-2"), last)
	got := k.links("s-1", p.Key)
	if len(got) != 1 || got[0].Status != "canceled" {
		k.Errorf("links = %+v", got)
	}
}

func snapshotUnusable(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled(""), enrolled("  "), enrolled("a\x00b"), enrolled("\xff"), enrolled("s-1"))
	same(k, "the row beside them", len(k.links("s-1", p.Key)), 1)
}

func snapshotWall(k *kit) {
	otherPrograms(k, k.store.RecordSnapshot)
}

// otherPrograms holds record to refuse a program that is not as it was read, and to
// leave nothing of it.
func otherPrograms(k *kit, record func(context.Context, registrar.Program, []registrar.ProgramEnrollment, time.Time) error) {
	k.Helper()
	p := k.school()
	for name, change := range map[string]func(*registrar.Program){
		"key":          func(p *registrar.Program) { p.Key = "nope" },
		"uuid":         func(p *registrar.Program) { p.UUID = "22222222-2222-2222-2222-222222222222" },
		"organization": func(p *registrar.Program) { p.Organization = "EastU" },
	} {
		other := p
		change(&other)
		err := record(k.Context(), other, []registrar.ProgramEnrollment{enrolled("s-1")}, noon())
		if registrar.KindOf(err) != registrar.NotFound {
			k.Errorf("another %s: error = %v, want not_found", name, err)
		}
	}
	same(k, "links", k.links("s-1", p.Key), nil)
}

func snapshotTenants(k *kit) {
	p := k.school()
	k.must(k.store.CreateOrganization(k.Context(), registrar.Organization{Key: "EastU"}))
	east := registrar.Program{Key: "east", Organization: "EastU"}
	k.must(k.store.CreateProgram(k.Context(), east))
	k.record(p, noon(), linkedAs("s-1", "bo"))
	k.record(east, noon(), linkedAs("S-1", "al"))

	got := k.links("s-1", p.Key, east.Key)
	if len(got) != 2 || got[0].StudentKey != "S-1" || got[0].Account.Username != "al" ||
		got[1].StudentKey != "s-1" || got[1].Account.Username != "bo" {
		k.Errorf("links = %+v", got)
	}
}

func snapshotLarge(k *kit) {
	p := k.school()
	const n = 100_000
	rows := make([]registrar.ProgramEnrollment, n)
	for i := range rows {
		rows[i] = linkedAs(registrar.StudentKey(fmt.Sprintf("Student-%06d", i)), registrar.Username(fmt.Sprintf("user%d", i)))
	}
	start := time.Now()
	k.record(p, noon(), rows...)
	first := time.Since(start)

	rows = rows[1:] // one gone, one changed, one new
	rows[0].Status = "ended"
	rows = append(rows, enrolled("Student-new"))
	start = time.Now()
	k.record(p, noon().Add(time.Hour), rows...)
	k.Logf("first %v, then %v", first, time.Since(start))

	same(k, "the gone", k.links("student-000000", p.Key), nil)
	same(k, "the changed", k.links("student-000001", p.Key)[0].Status, "ended")
	same(k, "the last", k.links("student-099999", p.Key)[0].Account.Username, "user99999")
	same(k, "the new", len(k.links("student-NEW", p.Key)), 1)
}

func snapshotRace(k *kit) {
	p := k.school()
	q := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(k.Context(), q))
	var wg sync.WaitGroup
	for i := range 8 {
		rows := make([]registrar.ProgramEnrollment, 50)
		for j := range rows { // writers meet the same learners in different orders
			rows[j] = linkedAs(registrar.StudentKey(fmt.Sprintf("s-%d", (j*7+i*13)%50)), registrar.Username(fmt.Sprintf("u%d", i)))
			rows[j].Curriculum = registrar.CurriculumUUID(fmt.Sprintf("c-%d", i))
		}
		for _, program := range []registrar.Program{p, q} {
			wg.Go(func() {
				at := noon().Add(time.Duration(i) * time.Second)
				if err := k.store.RecordSnapshot(k.Context(), program, rows, at); err != nil {
					k.Errorf("RecordSnapshot: %v", err)
				}
			})
		}
	}
	wg.Wait()
	times, err := k.store.SnapshotTimes(k.Context(), []registrar.ProgramKey{p.Key, q.Key})
	k.must(err)
	newest := noon().Add(7 * time.Second)
	same(k, "times", times, map[registrar.ProgramKey]time.Time{p.Key: newest, q.Key: newest})
	same(k, "links", len(k.links("s-7", p.Key, q.Key)), 2)
}

func snapshotTimes(k *kit) {
	p := k.school()
	at := time.Date(2026, 3, 1, 23, 59, 59, 123456789, time.FixedZone("east", 7200))
	k.record(p, at, enrolled("s-1"))
	got, err := k.store.SnapshotTimes(k.Context(), []registrar.ProgramKey{p.Key, "nope"})
	k.must(err)
	same(k, "times", got, map[registrar.ProgramKey]time.Time{p.Key: time.Date(2026, 3, 1, 21, 59, 59, 123456000, time.UTC)})
	same(k, "seen at", k.links("s-1", p.Key)[0].SeenAt, got[p.Key])
	got, err = k.store.SnapshotTimes(k.Context(), nil)
	k.must(err)
	same(k, "times of nothing", len(got), 0)
}
