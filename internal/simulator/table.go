package simulator

import (
	"iter"
	"strings"
)

// table is a database table in small: generated rows, which are computed when
// asked for, some of them overwritten since, and rows added later. Ids rise with
// the position. Callers hold the world's lock.
type table[R any] struct {
	generated     int
	firstID, step int64
	row           func(i int) (R, bool)             // a generated row; false leaves a gap in the ids
	place         func(key string) (i int, ok bool) // which generated row has the key

	changed map[int]R
	added   []entry[R]
	byKey   map[string]int // position of added rows by lower-case key
}

// entry is a row where it stands.
type entry[R any] struct {
	pos int
	id  int64
	row R
}

// at is the row at a position; false is a gap or the end.
func (t *table[R]) at(pos int) (entry[R], bool) {
	if i := pos - t.generated; i >= 0 {
		if i >= len(t.added) {
			return entry[R]{}, false
		}
		return t.added[i], true
	}
	e := entry[R]{pos: pos, id: t.firstID + int64(pos)*t.step}
	var ok bool
	if e.row, ok = t.changed[pos]; !ok {
		e.row, ok = t.row(pos)
	}
	return e, ok
}

// find looks a row up by key, whatever its case.
func (t *table[R]) find(key string) (entry[R], bool) {
	if i, ok := t.place(key); ok {
		if e, ok := t.at(i); ok {
			return e, true
		}
	}
	if pos, ok := t.byKey[strings.ToLower(key)]; ok {
		return t.at(pos)
	}
	return entry[R]{}, false
}

// set overwrites the row at a position that at has found.
func (t *table[R]) set(pos int, row R) {
	if i := pos - t.generated; i >= 0 {
		t.added[i].row = row
		return
	}
	if t.changed == nil {
		t.changed = map[int]R{}
	}
	t.changed[pos] = row
}

// add appends a row; id must be above every other.
func (t *table[R]) add(key string, id int64, row R) entry[R] {
	if t.byKey == nil {
		t.byKey = map[string]int{}
	}
	e := entry[R]{pos: t.generated + len(t.added), id: id, row: row}
	t.added = append(t.added, e)
	t.byKey[strings.ToLower(key)] = e.pos
	return e
}

// walk yields the rows past a bound, in id order or against it.
func (t *table[R]) walk(b bound) iter.Seq[entry[R]] {
	return func(yield func(entry[R]) bool) {
		pos, by := t.after(b), 1
		if b.down {
			pos, by = t.before(b), -1
		}
		for ; pos >= 0 && pos < t.generated+len(t.added); pos += by {
			if e, ok := t.at(pos); ok && !yield(e) {
				return
			}
		}
	}
}

// after is the first position whose id is above the bound.
func (t *table[R]) after(b bound) int {
	if !b.set || t.generated > 0 && b.id < t.firstID {
		return 0
	}
	if i := t.steps(b.id) + 1; i < t.generated {
		return i
	}
	pos := t.generated
	for pos < t.generated+len(t.added) && t.added[pos-t.generated].id <= b.id {
		pos++
	}
	return pos
}

// before is the last position whose id is below the bound, or -1.
func (t *table[R]) before(b bound) int {
	pos := t.generated + len(t.added) - 1
	if !b.set {
		return pos
	}
	for pos >= t.generated && t.added[pos-t.generated].id >= b.id {
		pos--
	}
	if pos >= t.generated {
		return pos
	}
	if b.id <= t.firstID {
		return -1
	}
	return min(t.steps(b.id-1), t.generated-1)
}

// steps is the position of the last generated row with an id of at most id, were
// there enough of them.
func (t *table[R]) steps(id int64) int { return int(min((id-t.firstID)/t.step, int64(t.generated))) }
