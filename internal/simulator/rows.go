package simulator

import "time"

// programRow is a program enrollment.
type programRow struct {
	studentKey, status, curriculum string
	username                       string // "" while it is not linked
}

// courseRow is a program course enrollment. Learner, curriculum and account are
// those of the program enrollment at position owner.
type courseRow struct {
	owner  int
	status string // active or inactive
	staff  bool
}

func (r courseRow) active() bool { return r.status == "active" }

// enrollment is a seat in a course run, which a linked course row brings with it.
type enrollment struct {
	who    person // of a generated seat; its username is made when it is shown
	user   string // of an added one
	mode   string
	active bool
}

// seatedUser is the username of a seat.
func (w *world) seatedUser(e enrollment) string {
	if e.user != "" {
		return e.user
	}
	return w.username(e.who)
}

// ids are the counters of the three tables. Rows of all programs share them, so
// the ids of one listing have gaps, as they have on a site.
type ids struct{ program, course, enrollment int64 }

// next takes an id from a counter. Callers hold the world's lock for writing.
func next(counter *int64) int64 {
	*counter++
	return *counter
}

const (
	firstProgramRow    = 1000
	firstCourseRow     = 5000
	firstEnrollmentRow = 7000
)

// layTables gives every program and run its tables.
func (w *world) layTables(programs, runs int) {
	for _, p := range w.programs {
		w.layProgram(p, programs, runs)
	}
	for _, r := range w.old {
		w.layEnrollments(r, roster{}, runs)
	}
	rows := int64(w.opts.Learners + 1)
	w.ids = ids{firstProgramRow + rows*int64(programs), firstCourseRow + rows*int64(runs), firstEnrollmentRow + rows*int64(runs)}
}

// layProgram gives a run's generated rows to its home program alone; another
// program that lists the run begins without rows there.
func (w *world) layProgram(p *program, programs, runs int) {
	p.rows = &table[programRow]{
		generated: p.roster.size, firstID: firstProgramRow + int64(p.index), step: int64(programs),
		row:   func(i int) (programRow, bool) { return w.makeProgramRow(p, i), true },
		place: p.placeOfKey,
	}
	p.courseRows = map[*run]*table[courseRow]{}
	for _, r := range p.runs() {
		t := &table[courseRow]{
			firstID: firstCourseRow + int64(r.index), step: int64(runs), place: p.placeOfKey,
			row: func(i int) (courseRow, bool) { return w.makeCourseRow(p, r, i) },
		}
		if r.home == p {
			t.generated = p.roster.size
			w.layEnrollments(r, p.roster, runs)
		}
		p.courseRows[r] = t
	}
}

func (w *world) layEnrollments(r *run, seats roster, runs int) {
	r.enrollments = &table[enrollment]{
		generated: seats.size, firstID: firstEnrollmentRow + int64(r.index), step: int64(runs),
		row: func(i int) (enrollment, bool) { return w.makeEnrollment(r, i) },
		place: func(username string) (int, bool) {
			p, ok := w.personNamed(username)
			if !ok {
				return 0, false
			}
			return seats.place(p)
		},
	}
}

func (p *program) placeOfKey(key string) (int, bool) {
	who, ok := p.org.parsePerson(key)
	if !ok {
		return 0, false
	}
	return p.roster.place(who)
}

func (w *world) makeProgramRow(p *program, i int) programRow {
	who := p.roster.person(i)
	row := programRow{studentKey: who.studentKey(), curriculum: p.curricula[0].uuid, status: w.status(p, who)}
	if w.hasAccount(who) {
		row.username = w.username(who)
	}
	return row
}

// status is fixed for the first few, so that a program has all five.
func (w *world) status(p *program, who person) string {
	switch who.number {
	case 2:
		return "pending"
	case 3:
		return "suspended"
	case 4:
		return "canceled"
	case 5:
		return "ended"
	case 0, 1, 6, 7, 8, 9:
		return "enrolled"
	}
	roll := w.dice.roll("status", p.index, who.number) % 100
	switch {
	case !w.hasAccount(who) && roll < 75:
		return "pending"
	case !w.hasAccount(who) || roll < 88:
		return "enrolled"
	case roll < 92:
		return "suspended"
	case roll < 96:
		return "canceled"
	}
	return "ended"
}

// makeCourseRow leaves out some learners: not everybody takes every course.
// Numbers up to nine have fixed fates, so that tests can count on them.
func (w *world) makeCourseRow(p *program, r *run, i int) (courseRow, bool) {
	who := p.roster.person(i)
	row := courseRow{owner: i, status: "active"}
	switch {
	case who.number <= 1:
		return row, true
	case who.number == 2:
		return row, r.place < 2
	case who.number == 7:
		row.status = "inactive"
		return row, true
	case who.number <= 9:
		row.staff = who.number == 6 && r.place == 0
		return row, true
	}
	roll := w.dice.roll("course row"+p.org.key, r.index, who.number)
	if roll>>8%10 == 0 {
		row.status = "inactive"
	}
	return row, roll%100 < 85
}

// makeEnrollment derives a seat from the course row: only those with an account
// have one.
func (w *world) makeEnrollment(r *run, i int) (enrollment, bool) {
	row, ok := w.makeCourseRow(r.home, r, i)
	who := r.home.roster.person(i)
	if !ok || !w.hasAccount(who) {
		return enrollment{}, false
	}
	// Number 5 came first as a paying learner; masters never replaces that mode.
	mode := "masters"
	if who.number == 5 {
		mode = "verified"
	}
	return enrollment{who: who, mode: mode, active: row.active()}, true
}

// createdAt is when a seat was taken. It rises with the id and can be read back.
func createdAt(id int64) time.Time {
	return time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC).Add(time.Duration(id) * secondAndABit)
}

// idAt is the id whose createdAt is t, or the last one before it.
func idAt(t time.Time) int64 {
	return int64(t.Sub(time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)) / secondAndABit)
}

const secondAndABit = time.Second + 3*time.Microsecond
