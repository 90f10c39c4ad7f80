package linkstore_test

import (
	"fmt"
	"sync"
	"time"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

// wrote is a row as the LMS confirms it: it says nothing of the account.
func wrote(key registrar.StudentKey, status registrar.ProgramStatus) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{StudentKey: key, Status: status}
}

func (k *kit) write(p registrar.Program, at time.Time, rows ...registrar.ProgramEnrollment) {
	k.Helper()
	k.must(k.store.RecordWrites(k.Context(), p, rows, at))
}

// status is what the index says of a learner in a program; "" for nothing.
func (k *kit) status(key registrar.StudentKey, p registrar.Program) registrar.ProgramStatus {
	k.Helper()
	found := k.links(key, p.Key)
	if len(found) == 0 {
		return ""
	}
	return found[0].Status
}

// minute is a time of these tests.
func minute(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }

func writeFound(k *kit) {
	p := k.school()
	k.write(p, minute(1), wrote("S-1", "enrolled"), wrote("s-2", "pending"), wrote("  ", "enrolled"), wrote("a\x00b", "enrolled"))
	pending := registrar.Account{State: registrar.Pending}
	same(k, "before any snapshot", k.links("s-1", p.Key), []registrar.ProgramLink{
		{Program: p.Key, StudentKey: "S-1", Status: "enrolled", Account: pending, SeenAt: minute(1)},
	})
	times, err := k.store.SnapshotTimes(k.Context(), []registrar.ProgramKey{p.Key})
	k.must(err)
	same(k, "snapshots", len(times), 0)

	k.record(p, minute(2), linkedAs("s-1", "bo"), enrolled("s-2"), enrolled("s-3"))
	k.write(p, minute(3), wrote("s-1", "suspended"), wrote("s-2", "canceled"))
	same(k, "a linked learner", k.links("s-1", p.Key), []registrar.ProgramLink{{
		Program: p.Key, StudentKey: "S-1", Status: "suspended",
		Account: registrar.Account{State: registrar.Linked, Username: "bo"}, SeenAt: minute(3),
	}})
	same(k, "a learner without an account", k.links("s-2", p.Key)[0].Account, pending)
	same(k, "a learner nobody wrote of", k.links("s-3", p.Key)[0].SeenAt, minute(2))
	times, err = k.store.SnapshotTimes(k.Context(), []registrar.ProgramKey{p.Key})
	k.must(err)
	same(k, "the time of the snapshot", times, map[registrar.ProgramKey]time.Time{p.Key: minute(2)})
	k.write(p, minute(4)) // nothing
}

// writeAccounts is what is known of a learner who is new in a program.
func writeAccounts(k *kit) {
	p := k.school()
	q := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(k.Context(), q))
	k.must(k.store.CreateOrganization(k.Context(), registrar.Organization{Key: "EastU"}))
	east := registrar.Program{Key: "east", Organization: "EastU"}
	k.must(k.store.CreateProgram(k.Context(), east))
	k.record(p, minute(1), linkedAs("s-1", "bo"))

	k.write(q, minute(2), wrote("S-1", "enrolled"), linkedAs("s-9", "ed"), wrote("s-5", "enrolled"))
	k.write(east, minute(2), wrote("s-1", "enrolled"), linkedAs("s-5", "al"))
	k.write(p, minute(2), wrote("s-5", "enrolled"))
	same(k, "linked in another school", k.links("s-5", p.Key)[0].Account, registrar.Account{State: registrar.Pending})
	same(k, "in the same school", k.links("s-1", q.Key)[0].Account, registrar.Account{State: registrar.Linked, Username: "bo"})
	same(k, "in another school", k.links("s-1", east.Key)[0].Account, registrar.Account{State: registrar.Pending})
	same(k, "told with the write", k.links("s-9", q.Key)[0].Account, registrar.Account{State: registrar.Linked, Username: "ed"})

	// What a listing says of an enrollment is not guessed away.
	k.record(q, minute(3), enrolled("s-1"))
	k.write(q, minute(4), wrote("s-1", "ended"))
	same(k, "listed without an account", k.links("s-1", q.Key)[0].Account, registrar.Account{State: registrar.Pending})
}

// writeOrder mixes writes and snapshots: the later moment wins, whichever comes
// first into the store.
func writeOrder(k *kit) {
	p := k.school()
	k.record(p, minute(0), enrolled("s-1"))
	k.write(p, minute(4), wrote("s-1", "canceled"), wrote("s-2", "enrolled"))

	k.record(p, minute(3), enrolled("s-1")) // began before the write was accepted
	same(k, "after an older snapshot", [2]registrar.ProgramStatus{k.status("s-1", p), k.status("s-2", p)},
		[2]registrar.ProgramStatus{"canceled", "enrolled"})
	same(k, "when it was seen", k.links("s-1", p.Key)[0].SeenAt, minute(4))

	k.write(p, minute(3), wrote("s-1", "suspended"))
	same(k, "after an older write", k.status("s-1", p), "canceled")
	k.write(p, minute(4), wrote("s-1", "ended"))
	same(k, "after a write of the same moment", k.status("s-1", p), "ended")

	k.record(p, minute(5), enrolled("s-1")) // the listing that is stored as of minute 3
	same(k, "after a newer snapshot", [2]registrar.ProgramStatus{k.status("s-1", p), k.status("s-2", p)},
		[2]registrar.ProgramStatus{"enrolled", ""})

	k.write(p, minute(4), wrote("s-1", "ended"), wrote("s-2", "enrolled"))
	same(k, "after a write that the snapshot knew of", [2]registrar.ProgramStatus{k.status("s-1", p), k.status("s-2", p)},
		[2]registrar.ProgramStatus{"enrolled", ""})

	k.write(p, minute(6), wrote("s-1", "ended"))
	k.record(p, minute(7), enrolled("s-1")) // the same listing as before the write
	same(k, "after the same listing again", k.status("s-1", p), "enrolled")

	k.write(p, minute(9), wrote("s-1", "ended"), wrote("s-2", "enrolled"))
	k.record(p, minute(8), enrolled("s-1"), enrolled("s-3"))
	k.record(p, minute(10), enrolled("s-1"), enrolled("s-3")) // the same listing, now newer than the write
	same(k, "after an older listing has become newer", [2]registrar.ProgramStatus{k.status("s-1", p), k.status("s-2", p)},
		[2]registrar.ProgramStatus{"enrolled", ""})
}

func writeCurriculum(k *kit) {
	p := k.school()
	row := wrote("s-1", "enrolled")
	row.Curriculum = "c-1"
	k.write(p, minute(1), row)
	k.write(p, minute(2), wrote("s-1", "ended"))
	db, _ := k.store.Handles()
	var curriculum, status string
	k.must(db.QueryRowContext(k.Context(), `SELECT curriculum, status FROM program_links`).Scan(&curriculum, &status))
	same(k, "curriculum and status", [2]string{curriculum, status}, [2]string{"c-1", "ended"})
}

func writeWall(k *kit) {
	otherPrograms(k, k.store.RecordWrites)
}

// writeRace has uploads and snapshots of one program meet on two replicas.
func writeRace(k *kit) {
	p := k.school()
	const n = 2000
	listing := make([]registrar.ProgramEnrollment, n)
	for i := range listing {
		listing[i] = enrolled(registrar.StudentKey(fmt.Sprintf("s-%d", i)))
	}
	other := k.open()
	var wg sync.WaitGroup
	for i, s := range []*linkstore.Store{k.store, other, k.store, other} {
		wg.Go(func() {
			rows := make([]registrar.ProgramEnrollment, n)
			for j := range rows { // the same learners in different orders
				rows[(j*7+i*13)%n] = wrote(listing[j].StudentKey, registrar.ProgramStatus(fmt.Sprintf("by-%d", i)))
			}
			if err := s.RecordWrites(k.Context(), p, rows, minute(10+i)); err != nil {
				k.Errorf("RecordWrites: %v", err)
			}
		})
		wg.Go(func() {
			if err := s.RecordSnapshot(k.Context(), p, listing[:n/2], minute(i)); err != nil {
				k.Errorf("RecordSnapshot: %v", err)
			}
		})
	}
	wg.Wait()
	same(k, "the first and the last", [2]registrar.ProgramStatus{k.status("s-0", p), k.status("s-1999", p)},
		[2]registrar.ProgramStatus{"by-3", "by-3"})
	db, _ := k.store.Handles()
	var rows, newest int
	k.must(db.QueryRowContext(k.Context(), `SELECT count(*), sum(CASE WHEN status = 'by-3' THEN 1 ELSE 0 END) FROM program_links`).Scan(&rows, &newest))
	same(k, "links, and those of the newest write", [2]int{rows, newest}, [2]int{n, n})
}
