package simulator

import (
	"net/http"
	"strconv"
)

type discoveryEnvelope struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []any   `json:"results"`
}

// defaultDiscoveryPage is the size of a page unless asked otherwise; there is no
// largest.
const defaultDiscoveryPage = 20

// discoveryPage picks its paginator by the request: by number when page says
// something, else by limit and offset. page_size without page says nothing.
func discoveryPage[T any](s *Simulator, c *call, rows []T, show func(T) any) (reply, error) {
	out := discoveryEnvelope{Count: len(rows), Results: []any{}}
	var from, to int
	if c.query.Get("page") != "" {
		n, err := numberedPage(c, defaultDiscoveryPage, 0, len(rows))
		if err != nil {
			return reply{}, err
		}
		from, to = n.window(len(rows))
		out.Next, out.Previous = s.links(c, n, len(rows))
	} else {
		from, to, out.Next, out.Previous = s.offsetPage(c, len(rows))
	}
	for _, row := range rows[min(from, len(rows)):to] {
		out.Results = append(out.Results, show(row))
	}
	return jsonReply(http.StatusOK, out), nil
}

// offsetPage answers an offset past the end with an empty page whose previous link
// points past the end as well.
func (s *Simulator) offsetPage(c *call, count int) (from, to int, next, previous *string) {
	limit, _ := c.number("limit")
	if limit <= 0 {
		limit = defaultDiscoveryPage
	}
	from, _ = c.number("offset")
	from = max(0, from)
	limitText := strconv.Itoa(limit)
	if limit < count-from {
		next = new(s.link(c, map[string]string{"limit": limitText, "offset": strconv.Itoa(from + limit)}))
	}
	if from > 0 {
		back := ""
		if from > limit {
			back = strconv.Itoa(from - limit)
		}
		previous = new(s.link(c, map[string]string{"limit": limitText, "offset": back}))
	}
	from = min(from, count)
	return from, from + min(limit, count-from), next, previous
}
