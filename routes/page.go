package routes

import (
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// page is the envelope of every list, in the order of members that the original
// has. Results is never nil: an empty list is [], not null.
type page[T any] struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// window says which rows of a list the caller wants.
type window struct {
	number int // from 1; 0 means the last page
	size   int
}

// pagedQuery reads the query of a list that comes as JSON only.
func (a *API) pagedQuery(c *fiber.Ctx) (url.Values, window, error) {
	query, err := queryOf(c)
	if err != nil {
		return nil, window{}, err
	}
	w, err := a.windowOf(query)
	if err != nil {
		return nil, window{}, err
	}
	return query, w, jsonOnly(c, query)
}

// windowOf reads "page" and "page_size". A senseless page is an error, a
// senseless size is the default: so did the original.
func (a *API) windowOf(query url.Values) (window, error) {
	w := window{number: 1, size: a.config.PageSize}
	// The original had no upper bound: one caller could ask for everything at once.
	if size, err := strconv.Atoi(query.Get("page_size")); err == nil && size > 0 {
		w.size = min(size, a.config.MaxPageSize)
	}
	switch text := query.Get("page"); text {
	case "":
	case "last":
		w.number = 0
	default:
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 {
			return w, invalidPage(err)
		}
		w.number = number
	}
	return w, nil
}

func invalidPage(cause error) error {
	return &registrar.Error{Kind: registrar.NotFound, Code: "invalid_page", Detail: "Invalid page.", Err: cause}
}

// cut is the part of a list that a window shows.
type cut[T any] struct {
	rows   []T
	count  int // rows of the whole list
	number int // of this page, from 1
	pages  int
}

// cutOut returns the rows within w. An empty list has one empty page.
func cutOut[T any](rows []T, w window) (cut[T], error) {
	pages := pagesOf(len(rows), w.size)
	number := w.number
	if number == 0 {
		number = pages
	}
	if number > pages {
		return cut[T]{}, invalidPage(nil)
	}
	from := (number - 1) * w.size
	return cut[T]{
		rows: rows[from:min(from+w.size, len(rows))], count: len(rows), number: number, pages: pages,
	}, nil
}

// pagesOf counts the pages of a list, one at least.
func pagesOf(rows, size int) int { return max(1, (rows+size-1)/size) }

// pageOf renders what is cut out, item by item, with links to its neighbours.
func pageOf[T, I any](c *fiber.Ctx, query url.Values, part cut[T], item func(T) I) page[I] {
	out := page[I]{Count: part.count, Results: make([]I, len(part.rows))}
	for i, row := range part.rows {
		out.Results[i] = item(row)
	}
	if part.number < part.pages {
		out.Next = pageLink(c, query, part.number+1)
	}
	if part.number > 1 {
		out.Previous = pageLink(c, query, part.number-1)
	}
	return out
}

// pageLink is the request's own address with another page number. Parameters
// are sorted by name, and the first page is named by leaving the number out.
func pageLink(c *fiber.Ctx, query url.Values, number int) *string {
	// The map is copied, for both links are made from the same query; its slices
	// are shared and stay as they are.
	values := make(url.Values, len(query)+1)
	for name, all := range query {
		values[name] = all
	}
	values.Del("page")
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	link := utils.CopyString(c.BaseURL()) + utils.CopyString(c.Path())
	if len(values) > 0 {
		link += "?" + values.Encode()
	}
	return &link
}
