package simulator

import (
	"net/http"
	"strconv"
)

// numbered is a request for one page of a listing by its number.
type numbered struct{ page, size int }

// number reads a whole number; false is anything else, and then it is 0.
func (c *call) number(name string) (int, bool) {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil {
		return 0, false
	}
	return n, true
}

// numberedPage reads page and page_size; "last" is the last page.
func numberedPage(c *call, size, most, count int) (numbered, error) {
	n := numbered{page: 1, size: size}
	if asked, ok := c.number("page_size"); ok && asked > 0 {
		n.size = asked
		if most > 0 {
			n.size = min(asked, most)
		}
	}
	switch c.query.Get("page") {
	case "":
	case "last":
		n.page = n.pages(count)
	default:
		n.page, _ = c.number("page")
	}
	if n.page < 1 || n.page > n.pages(count) {
		return n, fail(http.StatusNotFound, "Invalid page.")
	}
	return n, nil
}

// pages is never 0: an empty listing has one empty page.
func (n numbered) pages(count int) int { return max(1, (count+n.size-1)/n.size) }

// window is the part of count rows that the page shows.
func (n numbered) window(count int) (from, to int) {
	from = (n.page - 1) * n.size
	return from, min(from+n.size, count)
}

// links are the neighbouring pages; page 1 is named by leaving the number out.
func (s *Simulator) links(c *call, n numbered, count int) (next, previous *string) {
	if n.page < n.pages(count) {
		next = new(s.link(c, map[string]string{"page": strconv.Itoa(n.page + 1)}))
	}
	if n.page == 2 {
		previous = new(s.link(c, map[string]string{"page": ""}))
	} else if n.page > 2 {
		previous = new(s.link(c, map[string]string{"page": strconv.Itoa(n.page - 1)}))
	}
	return next, previous
}
