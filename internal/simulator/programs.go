package simulator

import (
	"fmt"
	"strconv"
)

// Program names a program of the world.
type Program struct {
	Key, UUID, Title string
	TypeSlug         string // "masters" or "micromasters"
	Organization     string // NorthU or HarborX
	CurriculumUUID   string // of the active curriculum
	CourseRuns       []CourseRun
}

// CourseRun names a course run of a program's active curriculum.
type CourseRun struct {
	Key         string // "course-v1:Org+Course+Run", once "Org/Course/Run"
	ExternalKey string // the school's name for it; "" when Discovery has "" or null
}

// Programs are the active programs of the world, the four fixed ones first.
func (s *Simulator) Programs() []Program {
	var out []Program
	for _, p := range s.world.programs {
		if p.status != "active" {
			continue
		}
		v := Program{
			Key: p.key, UUID: p.uuid, Title: p.title, TypeSlug: p.kind.slug,
			Organization: p.org.key, CurriculumUUID: p.curricula[0].uuid,
		}
		for _, r := range p.runs() {
			c := CourseRun{Key: r.key}
			if r.externalKey != nil {
				c.ExternalKey = *r.externalKey
			}
			v.CourseRuns = append(v.CourseRuns, c)
		}
		out = append(out, v)
	}
	return out
}

// builder lays out the programs of a new world.
type builder struct {
	w        *world
	northu   *organization
	harborx  *organization
	courses  int
	learners int
	runs     int
}

func (b *builder) organizations() []*organization {
	b.northu = &organization{
		index: 0, key: NorthU, name: "North University", slug: "northu", letter: "S",
		uuid: "1f4d2a8b-2222-4d4f-8e66-9b6e8c1d2f12", domain: "northu.example.edu",
	}
	b.harborx = &organization{
		index: 1, key: HarborX, name: "Harbor University", slug: "harborx", letter: "H",
		uuid: "0e3c1f7a-1111-4c3e-9d55-8a5d7b0c1e01", domain: "harborx.example.edu",
	}
	return []*organization{b.northu, b.harborx}
}

// fixed adds the four programs that every world has.
func (b *builder) fixed() {
	cs := b.add(program{key: "masters-cs", uuid: MastersCSUUID, title: "Master of Science in Computer Science", kind: masters(), org: b.northu},
		"CS", roster{start: 1})
	b.nameCS(cs)

	ds := b.add(program{key: "masters-ds", uuid: MastersDSUUID, title: "Master of Science in Data Science", kind: masters(), org: b.northu},
		"DS", roster{first: []int{1}, start: b.learners/2 + 1})
	// One course run stands in both programs, so that asking for it twice can conflict.
	last := len(ds.curricula[0].runs) - 1
	ds.curricula[0].runs[last] = cs.curricula[0].runs[0]
	// The second curriculum's courses are what Discovery never shows.
	ds.curricula = append(ds.curricula, curriculum{
		uuid: b.w.dice.uuid("curriculum", ds.index, 1), name: "2020 intake",
		runs: []*run{b.oldRun(ds, "DS401"), b.oldRun(ds, "DS402")},
	})

	b.add(program{key: "micromasters-stats", uuid: MicroMastersStatsUUID, title: "Statistics", kind: microMasters(), org: b.northu},
		"ST", roster{})
	b.add(program{key: "masters-nursing", uuid: MastersNursingUUID, title: "Master of Science in Nursing", kind: masters(), org: b.harborx},
		"NU", roster{first: []int{1, strangerS}, start: 0})
}

// extra adds n more programs, to both organizations in turn.
func (b *builder) extra(n int) {
	for i := range n {
		org, kind, seats := b.harborx, masters(), roster{}
		if i%2 == 1 {
			org = b.northu
		}
		if i%4 == 3 {
			kind = microMasters()
		} else {
			// Each program shares half of its learners with the one before.
			seats.start = (i/2+2)*(b.learners/2) + 1
		}
		number := fmt.Sprintf("%03d", i+1)
		b.add(program{key: kind.slug + "-" + number, uuid: b.w.dice.uuid("program", i), title: "Program " + number, kind: kind, org: org},
			"P"+number, seats)
	}
}

// deleted adds a program that only Discovery still remembers.
func (b *builder) deleted() {
	p := b.add(program{key: "masters-history", uuid: b.w.dice.uuid("deleted"), title: "Master of Arts in History", kind: masters(), org: b.northu},
		"HI", roster{})
	p.status = "deleted"
	p.roster.size = 0
}

// add makes a program with its active curriculum. Only degrees get learners.
func (b *builder) add(p program, code string, seats roster) *program {
	p.index, p.status = len(b.w.programs), "active"
	p.roster = seats
	p.roster.org = p.org
	if p.kind == masters() {
		p.roster.size = b.learners
		p.org.people = max(p.org.people, seats.start+b.learners)
	}
	added := &p
	plan := curriculum{uuid: b.w.dice.uuid("curriculum", p.index), name: "2026 intake", active: true}
	for place := range b.courses {
		plan.runs = append(plan.runs, b.run(added, place, code))
	}
	added.curricula = []curriculum{plan}
	b.w.programs = append(b.w.programs, added)
	return added
}

// run makes the course run at a place. From the fourth on, two runs share a
// course. External keys come as text, "" and null in turn.
func (b *builder) run(home *program, place int, code string) *run {
	number, term, season := 501+2*place, "3T2026", "FA26"
	if place >= 3 {
		number = 510 + 10*((place-3)/2)
		if place%2 == 0 {
			term, season = "1T2027", "SP27"
		}
	}
	course := code + strconv.Itoa(number)
	r := b.newRun(home, place, home.org.key+"+"+course, term)
	r.title = home.title + ", part " + strconv.Itoa(number)
	switch place % 3 {
	case 0:
		r.externalKey = new(code + "-" + strconv.Itoa(number) + "-" + season)
	case 1:
		r.externalKey = new(string)
	}
	return r
}

// newRun numbers runs over the whole world, since their rows share id counters.
func (b *builder) newRun(home *program, place int, course, term string) *run {
	r := &run{
		index: b.runs, place: place, home: home, courseKey: course, key: "course-v1:" + course + "+" + term,
		uuid: b.w.dice.uuid("run", b.runs), start: "2026-09-07T00:00:00Z", end: "2026-12-18T23:59:00Z",
	}
	if term == "1T2027" {
		r.start, r.end = "2027-01-11T00:00:00Z", "2027-05-14T23:59:00Z"
	}
	b.runs++
	return r
}

// oldRun is a run that the LMS has and no cached program.
func (b *builder) oldRun(home *program, number string) *run {
	r := b.newRun(home, 1, home.org.key+"+"+number, "1T2020")
	r.title, r.start, r.end = "Data of yesterday "+number, "2020-01-13T00:00:00Z", "2020-05-15T23:59:00Z"
	b.w.old = append(b.w.old, r)
	return r
}

// nameCS gives the first runs of masters-cs the keys that trip clients: an
// external key that no slug route takes, and a course key from before "course-v1:".
func (b *builder) nameCS(cs *program) {
	runs := cs.curricula[0].runs
	runs[1].key, runs[1].courseKey, runs[1].externalKey = "course-v1:NorthU+MATH205+3T2026", "NorthU+MATH205", new("MATH 205.F26")
	runs[2].key, runs[2].courseKey = "NorthU/CS101/2019_T1", "NorthU+CS101"
}
