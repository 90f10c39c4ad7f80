package linkstore

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// chunkRows is how many rows one statement writes. SQLite looks every parameter
// up by name, one after the other, so long statements cost their square.
const chunkRows = 50

// chunkKeys is how many keys one list of a statement names.
const chunkKeys = 1000

// places writes n rows of placeholders. The first of each row are shared by all
// rows, the others are the row's own: "($1,$2,$3),($1,$4,$5)" has one and two.
func places(n, shared, own int) string {
	var b strings.Builder
	for row := range n {
		if row > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range shared + own {
			place := c + 1
			if c > 0 {
				b.WriteByte(',')
			}
			if c >= shared {
				place += row * own
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(place))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// list writes one list of n placeholders for IN, after so many others:
// "($3,$4,$5)".
func list(n, after int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(",$" + strconv.Itoa(after+i+1))
	}
	return "(" + strings.TrimPrefix(b.String(), ",") + ")"
}

// padded appends keys to args and repeats the last until their number is a power
// of two. Each length of a list is another statement to prepare and to remember.
func padded[K any](args []any, keys []K) []any {
	size := 1
	for size < len(keys) {
		size *= 2
	}
	for i := range size {
		args = append(args, keys[min(i, len(keys)-1)])
	}
	return args
}

// lastOfEach sorts rows by key and keeps the last of those with one key.
func lastOfEach[R any, K cmp.Ordered](rows []R, key func(R) K) []R {
	slices.SortStableFunc(rows, func(a, b R) int { return cmp.Compare(key(a), key(b)) })
	kept := rows[:0]
	for i, r := range rows {
		if i+1 == len(rows) || key(rows[i+1]) != key(r) {
			kept = append(kept, r)
		}
	}
	return kept
}
