package upstream

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"registrar/internal/registrar"
)

// Walker reads a listing page by page. It yields the same rows in the same order
// whatever the page size and however often pages shrink on the way, as long as
// the listing itself stands still.
//
// Fetch is all it knows of the listing, so a walk over a part of it, such as one
// window of ids, is a Walker with another Fetch.
type Walker[R any] struct {
	// Name is the upstream's, as in [Config].
	Name string
	// Operation names the walk in errors.
	Operation string
	// Fetch reads the page at p.
	Fetch func(ctx context.Context, p Position) (Page[R], error)
	// Size is the rows to ask for at first; default 100.
	Size int
	// Floor is the smallest size a shrinking page comes to; default a sixteenth
	// of Size. A Floor of Size keeps pages from shrinking, which listings with
	// page numbers need.
	Floor int
	// MaxPages and MaxRows end a walk that would not end: 10,000 and 2,000,000
	// by default.
	MaxPages int
	MaxRows  int
}

// Position is a place in a listing.
type Position struct {
	Cursor string // of the page before; empty for the first page
	Size   int    // rows to ask for
}

// Page is one page's rows and the cursor of the next one, empty at the end.
type Page[R any] struct {
	Rows []R
	Next string
}

// Pages yields the rows of page after page until the listing or the consumer
// ends, or an error comes, which is yielded last and classified. The time is
// bounded by ctx.
func (w Walker[R]) Pages(ctx context.Context) iter.Seq2[[]R, error] {
	w = w.withDefaults()
	return func(yield func([]R, error) bool) {
		at := Position{Size: w.Size}
		seen := map[string]bool{"": true}
		for pages, rows := 1, 0; ; pages++ {
			page, size, err := w.page(ctx, at)
			rows += len(page.Rows)
			switch {
			case err != nil:
			case rows > w.MaxRows:
				err = w.endless(fmt.Errorf("more than %d rows", w.MaxRows))
			case page.Next != "" && seen[page.Next]:
				err = w.endless(errors.New("a cursor came twice"))
			case page.Next != "" && pages >= w.MaxPages:
				err = w.endless(fmt.Errorf("more than %d pages", w.MaxPages))
			}
			if err != nil {
				yield(nil, fmt.Errorf("page %d: %w", pages, err))
				return
			}
			if !yield(page.Rows, nil) || page.Next == "" {
				return
			}
			seen[page.Next] = true
			at = Position{Cursor: page.Next, Size: size}
		}
	}
}

// page reads the page at p, smaller and smaller as long as its size may be what
// the upstream cannot bear, and returns the size that worked.
func (w Walker[R]) page(ctx context.Context, p Position) (Page[R], int, error) {
	for {
		page, err := w.Fetch(ctx, p)
		if err == nil {
			return page, p.Size, nil
		}
		smaller := max(p.Size/2, w.Floor)
		if smaller >= p.Size || !tooMuch(err) || ctx.Err() != nil {
			return Page[R]{}, p.Size, err
		}
		p.Size = smaller
	}
}

// tooMuch reports whether a smaller page may succeed where this one failed.
func tooMuch(err error) bool {
	if errors.Is(err, errBodyTooLarge) {
		return true
	}
	switch registrar.CodeOf(err) {
	case "upstream_error", "upstream_timeout":
		return true
	}
	return false
}

func (w Walker[R]) withDefaults() Walker[R] {
	w.Name = or(w.Name, "The LMS")
	w.Size = max(or(w.Size, 100), 1)
	w.Floor = max(or(w.Floor, w.Size/16), 1)
	w.MaxPages = or(w.MaxPages, 10_000)
	w.MaxRows = or(w.MaxRows, 2_000_000)
	return w
}

func (w Walker[R]) endless(cause error) error {
	return voice(w.Name).fail(registrar.Upstream, "upstream_endless_listing",
		"sent a listing that does not end.", fmt.Errorf("upstream: %s: %w", w.Operation, cause))
}

// Collect reads pages to the end and turns each row into what keep returns;
// rows for which keep says false are left out. The result is never nil without
// an error.
func Collect[W, R any](pages iter.Seq2[[]W, error], keep func(W) (R, bool)) ([]R, error) {
	kept := []R{}
	for page, err := range pages {
		if err != nil {
			return nil, err
		}
		for _, row := range page {
			if r, ok := keep(row); ok {
				kept = append(kept, r)
			}
		}
	}
	return kept, nil
}
