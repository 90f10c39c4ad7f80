package linkstore

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	if got, want := places(2, 1, 2), "($1,$2,$3),($1,$4,$5)"; got != want {
		t.Errorf("places = %s, want %s", got, want)
	}
	if got, want := list(2, 1), "($2,$3)"; got != want {
		t.Errorf("list = %s, want %s", got, want)
	}
}

func TestPadded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 1000: 1024} {
		keys := make([]string, n)
		keys[n-1] = "last"
		got := padded([]any{"first"}, keys)
		if len(got) != want+1 || got[0] != "first" || got[len(got)-1] != "last" {
			t.Errorf("padded %d keys to %d, want %d", n, len(got)-1, want)
		}
	}
}

// TestLastOfEach holds lastOfEach to a map that is written in order.
func TestLastOfEach(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type row struct{ Key, Value int }
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) row {
			return row{rapid.IntRange(0, 5).Draw(t, "key"), rapid.Int().Draw(t, "value")}
		})).Draw(t, "rows")
		want := make(map[int]int)
		for _, r := range rows {
			want[r.Key] = r.Value
		}
		got := lastOfEach(slices.Clone(rows), func(r row) int { return r.Key })
		if !slices.IsSortedFunc(got, func(a, b row) int { return a.Key - b.Key }) {
			t.Errorf("not sorted: %v", got)
		}
		found := make(map[int]int)
		for _, r := range got {
			found[r.Key] = r.Value
		}
		if diff := cmp.Diff(want, found); diff != "" || len(found) != len(got) {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}
