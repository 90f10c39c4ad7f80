package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// aggregate is the completion aggregator's course view. Staff without a username
// see everybody who is enrolled; others have to name themselves.
func (s *Simulator) aggregate(c *call) (reply, error) {
	username, one := c.query.Get("username"), c.query.Has("username")
	if !c.caller.staff && (!one || !c.caller.is(username)) {
		return reply{}, forbidden()
	}
	fields := c.list("requested_fields")
	for _, f := range fields {
		if !slices.Contains([]string{"chapter", "sequential", "vertical", "mean", "username", "course"}, f) {
			return reply{}, fail(http.StatusBadRequest, "Invalid value for requested_fields.")
		}
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	r, ok := s.world.run(c.args[0])
	if !ok {
		return reply{}, fail(http.StatusNotFound, "Not found.")
	}
	if !one {
		return s.aggregatorPage(c, r, r.active(), append(fields, "username"))
	}
	if _, known := s.world.account(username); !known {
		return reply{}, fail(http.StatusNotFound, "The user does not exist.")
	}
	e, ok := r.enrollments.find(username)
	if !ok || !e.row.active {
		return reply{}, fail(http.StatusNotFound, "The user is not enrolled in the course.")
	}
	return s.aggregatorPage(c, r, []enrollment{e.row}, fields)
}

type aggregatorBody struct {
	Pagination struct {
		Count    int     `json:"count"`
		NumPages int     `json:"num_pages"`
		Next     *string `json:"next"`
		Previous *string `json:"previous"`
	} `json:"pagination"`
	Results []map[string]any `json:"results"`
}

// aggregatorPage has the plugin's own envelope: the numbers of the page stand
// under pagination, ten rows a page and no largest size.
func (s *Simulator) aggregatorPage(c *call, r *run, learners []enrollment, fields []string) (reply, error) {
	n, err := numberedPage(c, 10, 0, len(learners))
	if err != nil {
		return reply{}, err
	}
	var page aggregatorBody
	page.Pagination.Count, page.Pagination.NumPages = len(learners), n.pages(len(learners))
	page.Pagination.Next, page.Pagination.Previous = s.links(c, n, len(learners))
	page.Results = []map[string]any{}
	from, to := n.window(len(learners))
	for _, e := range learners[from:to] {
		page.Results = append(page.Results, s.world.aggregated(r, s.world.seatedUser(e), fields))
	}
	return jsonReply(http.StatusOK, page), nil
}

// active are the active seats of a run, in the order of their rows.
func (r *run) active() []enrollment {
	var out []enrollment
	for e := range r.enrollments.walk(bound{}) {
		if e.row.active {
			out = append(out, e.row)
		}
	}
	return out
}

// aggregated is one learner's entry, with the extra fields that were asked for.
func (w *world) aggregated(r *run, username string, fields []string) map[string]any {
	done := w.completion(r, username)
	item := map[string]any{"course_key": r.key, "completion": ratio(done.earned, unitsPerRun, done.known)}
	for _, f := range fields {
		switch f {
		case "username":
			item[f] = username
		case "mean":
			item[f] = decimal(0.5)
		case "course":
		default:
			item[f] = blocksOf(r, f, done)
		}
	}
	return item
}

// ratio is the aggregator's completion; possible is null before it first ran.
func ratio(earned, possible int, known bool) map[string]any {
	if !known {
		return map[string]any{"earned": decimal(0), "possible": nil, "percent": decimal(0)}
	}
	return map[string]any{
		"earned": decimal(earned), "possible": decimal(possible), "percent": decimal(float64(earned) / float64(possible)),
	}
}

// blocksOf spreads the units over four blocks of a type.
func blocksOf(r *run, kind string, done completion) []any {
	const blocks, each = 4, unitsPerRun / 4
	var out []any
	for i := range blocks {
		earned := min(each, max(0, done.earned-i*each))
		out = append(out, map[string]any{
			"course_key": r.key, "block_key": blockKey(r, kind, strconv.Itoa(i+1)), "completion": ratio(earned, each, done.known),
		})
	}
	return out
}

// blockKey names a block as its course does: courses from before course-v1 have
// i4x keys.
func blockKey(r *run, kind, name string) string {
	rest, ok := strings.CutPrefix(r.key, "course-v1:")
	if !ok {
		return "i4x://" + r.org() + "/" + kind + "/" + name
	}
	return "block-v1:" + rest + "+type@" + kind + "+block@" + kind + name
}
