package aggregate

import (
	"cmp"
	"slices"

	"registrar/internal/registrar"
)

// listing is a snapshot's rows in the LMS's order, with an index by folded
// student key, so that one learner among ten thousand costs no scan.
type listing[R any] struct {
	rows []R
	keys []registrar.StudentKey // folded, ascending; rows without a key are left out
	at   []int32                // at[i] is the row of keys[i]; equal keys keep the row order
}

func newListing[R any](rows []R, key func(R) registrar.StudentKey) listing[R] {
	type place struct {
		key registrar.StudentKey
		at  int32
	}
	places := make([]place, 0, len(rows))
	for i, r := range rows {
		if k := key(r).Fold(); k != "" {
			places = append(places, place{key: k, at: int32(i)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.key, b.key) })
	l := listing[R]{
		rows: whole(rows),
		keys: make([]registrar.StudentKey, len(places)),
		at:   make([]int32, len(places)),
	}
	for i, p := range places {
		l.keys[i], l.at[i] = p.key, p.at
	}
	return l
}

// of returns the rows of one learner, in the order of the listing.
func (l listing[R]) of(key registrar.StudentKey) []R {
	key = key.Fold()
	i, ok := slices.BinarySearch(l.keys, key)
	if !ok {
		return nil
	}
	var found []R
	for ; i < len(l.keys) && l.keys[i] == key; i++ {
		found = append(found, l.rows[l.at[i]])
	}
	return found
}

// listingCodec encodes the rows alone; the index is made anew.
func listingCodec[R any](key func(R) registrar.StudentKey) codec[listing[R]] {
	return via(
		func(l listing[R]) []R { return l.rows },
		func(rows []R) listing[R] { return newListing(rows, key) },
	)
}

func programKey(r registrar.ProgramEnrollment) registrar.StudentKey { return r.StudentKey }

func courseKey(r registrar.CourseEnrollment) registrar.StudentKey { return r.StudentKey }

// pick chooses among one learner's rows in a program: a row of the active
// curriculum before others, one that is not canceled before one that is, else the
// first.
func pick(rows []registrar.ProgramEnrollment, active registrar.CurriculumUUID) (registrar.ProgramEnrollment, bool) {
	rank := func(r registrar.ProgramEnrollment) int {
		n := 0
		if active != "" && r.Curriculum == active {
			n += 2
		}
		if r.Status != "canceled" {
			n++
		}
		return n
	}
	if len(rows) == 0 {
		return registrar.ProgramEnrollment{}, false
	}
	best := rows[0]
	for _, r := range rows[1:] {
		if rank(r) > rank(best) {
			best = r
		}
	}
	return best, true
}

// status is a learner's status in a course run; nil when not in it. Of two rows,
// under two curricula, an active one counts.
func status(rows []registrar.CourseEnrollment) *registrar.CourseStatus {
	if len(rows) == 0 {
		return nil
	}
	s := rows[0].Status
	for _, r := range rows {
		if r.Status == registrar.CourseActive {
			s = r.Status
		}
	}
	return &s
}
