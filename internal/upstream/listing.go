package upstream

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"registrar/internal/registrar"
)

// Listing is an endpoint that answers in pages with a "next" link, as Django
// REST framework does.
type Listing struct {
	Request Request // of the first page, without a size
	// SizeParam is the query parameter for the page size, such as "page_size".
	SizeParam string
	Size      int // rows to ask for
	Floor     int // as in [Walker]
}

// Envelope says what one page of a listing holds: its rows, and its next link or
// nil at the end.
type Envelope[W any] func(Response) (rows []W, next *string, err error)

// Rows returns the pages of l, read one after the other.
func Rows[W any](ctx context.Context, c *Client, l Listing, open Envelope[W]) iter.Seq2[[]W, error] {
	w := Walker[W]{
		Name: string(c.voice), Operation: l.Request.Operation, Size: l.Size, Floor: l.Floor,
		Fetch: func(ctx context.Context, p Position) (Page[W], error) { return fetchPage(ctx, c, l, p, open) },
	}
	return w.Pages(ctx)
}

func fetchPage[W any](ctx context.Context, c *Client, l Listing, p Position, open Envelope[W]) (Page[W], error) {
	r := l.Request
	query, err := l.queryAt(p)
	if err != nil {
		return Page[W]{}, c.voice.garbage(r.Operation, err)
	}
	r.Query = query
	resp, err := c.Get(ctx, r)
	switch {
	case err != nil && p.Cursor != "" && registrar.KindOf(err) == registrar.NotFound:
		// The listing was there a page ago. This must not read as "no such program".
		return Page[W]{}, c.voice.fail(registrar.Upstream, "upstream_cursor_lost", "lost its place in a listing.", err)
	case err != nil:
		return Page[W]{}, err
	case resp.Status == http.StatusNoContent:
		return Page[W]{}, nil
	}
	rows, next, err := open(resp)
	if err != nil {
		return Page[W]{}, err
	}
	cursor, err := l.nextQuery(next)
	if err != nil {
		return Page[W]{}, c.voice.garbage(r.Operation, err)
	}
	return Page[W]{Rows: rows, Next: cursor}, nil
}

// queryAt is the query of the page at p: the next link's own, which repeats the
// first one's, with the size that is wanted now.
func (l Listing) queryAt(p Position) (url.Values, error) {
	query := url.Values{}
	for name, values := range l.Request.Query {
		query[name] = values
	}
	if p.Cursor != "" {
		next, err := url.ParseQuery(p.Cursor)
		if err != nil {
			return nil, errors.New("the next link's query cannot be read")
		}
		for name, values := range next {
			query[name] = values
		}
	}
	query.Set(l.SizeParam, strconv.Itoa(p.Size))
	return query, nil
}

// nextQuery keeps of a next link the query alone, less the size. Scheme, host and
// path are what the upstream believes of itself behind its proxies; the
// configured ones stand.
func (l Listing) nextQuery(next *string) (string, error) {
	if next == nil || *next == "" {
		return "", nil
	}
	u, err := url.Parse(*next)
	if err != nil {
		return "", errors.New("the next link cannot be read")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("the next link's query cannot be read")
	}
	query.Del(l.SizeParam)
	if len(query) == 0 {
		return "", errors.New("the next link leads to no next page")
	}
	return query.Encode(), nil
}

// OpenPage reads the envelope of cursor and limit/offset pages: "next" and
// "results". It is an [Envelope].
func OpenPage[W any](r Response) ([]W, *string, error) {
	var page struct {
		Next    *string `json:"next"`
		Results []W     `json:"results"`
	}
	if err := r.Decode(&page); err != nil {
		return nil, nil, err
	}
	if page.Results == nil {
		return nil, nil, r.Garbage("a page has no results")
	}
	return page.Results, page.Next, nil
}
