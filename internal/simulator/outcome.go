package simulator

import (
	"math"
	"strconv"
	"strings"
)

// decimal is a number as Python prints a float: 1.0 keeps its fraction.
type decimal float64

// MarshalJSON writes the shortest digits that read back as the same number.
func (d decimal) MarshalJSON() ([]byte, error) {
	return []byte(d.String()), nil
}

// String is the text that MarshalJSON writes.
func (d decimal) String() string {
	s := strconv.FormatFloat(float64(d), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// grade is a learner's course grade.
type grade struct {
	percent decimal
	letter  *string // nil below every cutoff
	passed  bool
	broken  bool // computing it raises
}

// grade computes a user's grade in a run; the fixed learners have fixed fates.
func (w *world) grade(r *run, username string) grade {
	roll := w.dice.roll("grade"+username, r.index)
	hundredths := 58 + roll%43
	if roll>>32%8 == 0 {
		hundredths = 20 + roll%40
	}
	p, _ := w.personNamed(username)
	switch {
	case p.org == nil:
	case p.number == 1 && p.org.key == NorthU:
		hundredths = 91 - uint64(r.place%3)
	case p.number == 6:
		hundredths = 41
	case p.number == 8 && r.place == 0:
		return grade{broken: true}
	}
	g := grade{percent: decimal(math.Round(float64(hundredths)) / 100), passed: hundredths >= 60}
	for _, cut := range []struct {
		letter string
		from   uint64
	}{{"A", 90}, {"B", 80}, {"C", 70}, {"D", 60}} {
		if hundredths >= cut.from {
			g.letter = &cut.letter
			break
		}
	}
	return g
}

// unitsPerRun is what there is to complete in every course run.
const unitsPerRun = 24

// completion is what a learner did of a run's units.
type completion struct {
	earned, locked int
	known          bool // false before the aggregator first ran for the learner
}

// completion is what both the aggregator and the progress page tell, so they agree.
func (w *world) completion(r *run, username string) completion {
	if p, ok := w.personNamed(username); ok && p.number == 1 && p.org.key == NorthU {
		return completion{earned: 18, known: true}
	}
	roll := w.dice.roll("completion"+username, r.index)
	c := completion{earned: int(roll % (unitsPerRun + 1)), known: roll>>32%32 != 0}
	if !c.known {
		c.earned = 0
	}
	c.locked = min(int(roll>>40%3), unitsPerRun-c.earned)
	return c
}

// certificate is what the certificate API knows of a learner in a run.
type certificate struct {
	status, uuid string
	url          *string
	grade        decimal
	created      string
}

// passing is the LMS's notion: a certificate on its way counts.
func (c certificate) passing() bool { return c.status == "downloadable" || c.status == "generating" }

// certificate exists once the run hands them out and the learner has a seat.
func (w *world) certificate(r *run, username string) (certificate, bool) {
	g := w.grade(r, username)
	if _, seated := r.enrollments.find(username); !seated || !r.certified() || g.broken {
		return certificate{}, false
	}
	roll := w.dice.roll("certificate"+username, r.index)
	c := certificate{status: "downloadable", grade: g.percent, created: "2026-12-20T09:30:00Z", uuid: strconv.FormatUint(roll>>4|1<<60, 16)}
	star, _ := w.personNamed(username)
	switch {
	case !g.passed:
		c.status = "notpassing"
	case star.number == 1 && star.org.key == NorthU:
		c.url = new("/certificates/" + c.uuid)
	case roll%16 == 0:
		c.status = "generating"
	case roll%16 == 1:
		c.status = "unverified"
	case roll%16 != 2:
		c.url = new("/certificates/" + c.uuid)
	}
	return c, true
}
