package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// bound is where a walk over ids begins, the id itself excluded.
type bound struct {
	id   int64
	set  bool // false begins at the end that the direction comes from
	down bool // walk towards smaller ids
}

// keyed is a row on its way into a page.
type keyed struct {
	id   int64
	item any
}

// cursorRules are what listings with cursors differ in.
type cursorRules struct {
	size, most  int  // default and largest page; most 0 means no cap
	newestFirst bool // ordered by creation time, whose text is then the position
	strictSize  bool // page_size goes through int() unguarded: text is a 500
}

// cursorPage is the envelope: there is no count.
type cursorPage struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []any   `json:"results"`
}

// page cuts one page out of the rows that walk gives: up to n of them past a bound.
func (s *Simulator) page(c *call, rules cursorRules, walk func(from bound, n int) []keyed) (cursorPage, error) {
	size, err := rules.pageSize(c)
	if err != nil {
		return cursorPage{}, err
	}
	from, cur, err := rules.start(c)
	if err != nil {
		return cursorPage{}, err
	}
	rows := walk(from, cur.Offset+size+1)
	rows = rows[min(cur.Offset, len(rows)):]
	further := len(rows) > size
	rows = rows[:min(size, len(rows))]
	moved := from.set || cur.Offset > 0
	hasNext, hasPrevious := further, moved
	if cur.Reverse {
		slices.Reverse(rows)
		hasNext, hasPrevious = moved, further
	}
	out := cursorPage{Results: make([]any, len(rows))}
	for i, row := range rows {
		out.Results[i] = row.item
	}
	first, last := cur.Position, cur.Position
	if len(rows) > 0 {
		first, last = rules.position(rows[0].id), rules.position(rows[len(rows)-1].id)
	}
	if hasNext {
		out.Next = new(s.link(c, map[string]string{"cursor": Cursor{Position: last}.Encode()}))
	}
	if hasPrevious {
		out.Previous = new(s.link(c, map[string]string{"cursor": Cursor{Position: first, Reverse: true}.Encode()}))
	}
	return out, nil
}

// pageSize overlooks what it cannot read, except where the LMS does not.
func (r cursorRules) pageSize(c *call) (int, error) {
	if !c.query.Has("page_size") {
		return r.size, nil
	}
	n, ok := c.number("page_size")
	switch {
	case r.strictSize && (!ok || n < 1):
		return 0, instead(htmlReply(http.StatusInternalServerError))
	case !ok || n < 1:
		return r.size, nil
	case r.most > 0:
		return min(n, r.most), nil
	}
	return n, nil
}

// start reads the cursor parameter.
func (r cursorRules) start(c *call) (bound, Cursor, error) {
	if !c.query.Has("cursor") {
		return bound{down: r.newestFirst}, Cursor{}, nil
	}
	cur, ok := DecodeCursor(c.query.Get("cursor"))
	from := bound{down: r.newestFirst != cur.Reverse, set: cur.Position != ""}
	if ok && from.set {
		from.id, ok = r.parse(cur.Position)
	}
	if !ok {
		return bound{}, Cursor{}, fail(http.StatusNotFound, "Invalid cursor")
	}
	return from, cur, nil
}

// pythonTime is how Python prints the time of a row.
const pythonTime = "2006-01-02 15:04:05.000000-07:00"

// position is the text of an id in a cursor: the id itself, or the creation time.
func (r cursorRules) position(id int64) string {
	if r.newestFirst {
		return createdAt(id).Format(pythonTime)
	}
	return strconv.FormatInt(id, 10)
}

// parse is the inverse of position.
func (r cursorRules) parse(position string) (int64, bool) {
	if r.newestFirst {
		t, err := time.Parse(pythonTime, position)
		return idAt(t), err == nil
	}
	id, err := strconv.ParseInt(position, 10, 64)
	return id, err == nil
}

// gather takes n rows off a table, past a bound; show says what is shown of each
// and skips rows by saying false.
func gather[R any](t *table[R], from bound, n int, show func(entry[R]) (any, bool)) []keyed {
	var out []keyed
	for e := range t.walk(from) {
		item, ok := show(e)
		if !ok {
			continue
		}
		if out = append(out, keyed{e.id, item}); len(out) == n {
			break
		}
	}
	return out
}
