package upstream_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

func tooSlow() error {
	return &registrar.Error{Kind: registrar.Timeout, Code: "upstream_timeout", Detail: "slow"}
}

// numbers lists 0 to n-1, with the last row of a page as its cursor. It fails
// as often as fails says, one after another.
func numbers(n int, fails []bool) func(context.Context, upstream.Position) (upstream.Page[int], error) {
	return func(_ context.Context, p upstream.Position) (upstream.Page[int], error) {
		if len(fails) > 0 {
			failed := fails[0]
			fails = fails[1:]
			if failed && p.Size > 1 {
				return upstream.Page[int]{}, tooSlow()
			}
		}
		from := 0
		if p.Cursor != "" {
			last, err := strconv.Atoi(p.Cursor)
			if err != nil {
				return upstream.Page[int]{}, err
			}
			from = last + 1
		}
		page := upstream.Page[int]{}
		for i := from; i < min(n, from+p.Size); i++ {
			page.Rows = append(page.Rows, i)
		}
		if from+p.Size < n {
			page.Next = strconv.Itoa(from + p.Size - 1)
		}
		return page, nil
	}
}

func all(t interface {
	Helper()
	Context() context.Context
}, w upstream.Walker[int],
) ([]int, error) {
	t.Helper()
	return upstream.Collect(w.Pages(t.Context()), func(i int) (int, bool) { return i, true })
}

func TestEveryWalkGivesTheSameRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(rt, "rows")
		want := make([]int, n)
		for i := range want {
			want[i] = i
		}
		got, err := all(rt, upstream.Walker[int]{
			Fetch: numbers(n, rapid.SliceOfN(rapid.Bool(), 0, 20).Draw(rt, "fails")),
			Size:  rapid.IntRange(1, 400).Draw(rt, "size"),
			Floor: 1,
		})
		// A page that fails at every size fails the walk; it never loses rows.
		if err != nil {
			if registrar.CodeOf(err) != "upstream_timeout" {
				rt.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestPagesShrinkAndStaySmall(t *testing.T) {
	t.Parallel()
	var sizes []int
	inner := numbers(30, nil)
	rows, err := all(t, upstream.Walker[int]{Size: 40, Floor: 10, Fetch: func(ctx context.Context, p upstream.Position) (upstream.Page[int], error) {
		sizes = append(sizes, p.Size)
		if p.Size > 10 {
			return upstream.Page[int]{}, tooSlow()
		}
		return inner(ctx, p)
	}})
	if err != nil || len(rows) != 30 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if diff := cmp.Diff([]int{40, 20, 10, 10, 10}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestShrinkingHasAFloorAndAReason(t *testing.T) {
	t.Parallel()
	denied := &registrar.Error{Kind: registrar.Upstream, Code: "upstream_denied", Detail: "no"}
	for name, tc := range map[string]struct {
		err     error
		fetches int
	}{
		"to the floor":  {tooSlow(), 3}, // 40, 20, 10
		"not for a 403": {denied, 1},
	} {
		fetches := 0
		_, err := all(t, upstream.Walker[int]{Size: 40, Floor: 10, Fetch: func(context.Context, upstream.Position) (upstream.Page[int], error) {
			fetches++
			return upstream.Page[int]{}, tc.err
		}})
		if !errors.Is(err, tc.err) || fetches != tc.fetches {
			t.Errorf("%s: %d fetches, %v", name, fetches, err)
		}
	}
}

func TestWalksEnd(t *testing.T) {
	t.Parallel()
	loop := func(_ context.Context, p upstream.Position) (upstream.Page[int], error) {
		return upstream.Page[int]{Rows: []int{1}, Next: map[string]string{"": "a", "a": "b", "b": "a"}[p.Cursor]}, nil
	}
	endless := func(_ context.Context, p upstream.Position) (upstream.Page[int], error) {
		return upstream.Page[int]{Rows: []int{1, 2}, Next: p.Cursor + "x"}, nil
	}
	same := func(context.Context, upstream.Position) (upstream.Page[int], error) {
		return upstream.Page[int]{Next: "a"}, nil
	}
	for name, tc := range map[string]struct {
		walk    upstream.Walker[int]
		fetches int
	}{
		"loop":       {upstream.Walker[int]{Fetch: loop}, 3},
		"own cursor": {upstream.Walker[int]{Fetch: same}, 2},
		"pages":      {upstream.Walker[int]{Fetch: endless, MaxPages: 5}, 5},
		"rows":       {upstream.Walker[int]{Fetch: endless, MaxRows: 9}, 5},
	} {
		fetches := 0
		inner := tc.walk.Fetch
		tc.walk.Fetch = func(ctx context.Context, p upstream.Position) (upstream.Page[int], error) {
			fetches++
			return inner(ctx, p)
		}
		_, err := all(t, tc.walk)
		wantFailure(t, err, registrar.Upstream, "upstream_endless_listing")
		if fetches != tc.fetches {
			t.Errorf("%s: %d fetches, want %d", name, fetches, tc.fetches)
		}
	}
	if rows, err := all(t, upstream.Walker[int]{Fetch: numbers(10, nil), Size: 2, MaxPages: 5, MaxRows: 10}); err != nil || len(rows) != 10 {
		t.Errorf("at the bounds: %d rows, %v", len(rows), err)
	}
}

func TestConsumerMayStop(t *testing.T) {
	t.Parallel()
	fetches := 0
	inner := numbers(10, nil)
	w := upstream.Walker[int]{Size: 2, Fetch: func(ctx context.Context, p upstream.Position) (upstream.Page[int], error) {
		fetches++
		return inner(ctx, p)
	}}
	w.Pages(t.Context())(func([]int, error) bool { return false })
	if fetches != 1 {
		t.Errorf("fetches = %d, want 1", fetches)
	}
}
