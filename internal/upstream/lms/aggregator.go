package lms

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// aggregatedCourse reads the plugin's listing of a whole course run. Its values
// may be a little stale; asking for one learner makes it compute them anew.
func (c *Client) aggregatedCourse(ctx context.Context, course registrar.CourseKey, names []registrar.Username) ([]registrar.CompletionRow, error) {
	pages := upstream.Rows(ctx, c.up, upstream.Listing{
		Request: aggregatorRequest(course, nil), SizeParam: "page_size", Size: c.cfg.PageSize,
		// These pages are numbered, so another size would point elsewhere.
		Floor: c.cfg.PageSize,
	}, openAggregatorPage)
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[strings.ToLower(string(n))] = true
	}
	rows, err := upstream.Collect(pages, func(r aggregatorRow) (registrar.CompletionRow, bool) {
		if r.Username == "" || len(wanted) > 0 && !wanted[strings.ToLower(r.Username)] {
			return registrar.CompletionRow{}, false
		}
		return registrar.CompletionRow{Username: registrar.Username(r.Username), Completion: r.completion()}, true
	})
	if err != nil {
		return nil, fmt.Errorf("lms: course completion: %w", explain(err))
	}
	return rows, nil
}

func (c *Client) aggregatedLearner(ctx context.Context, name registrar.Username, course registrar.CourseKey) (registrar.Completion, error) {
	resp, err := c.up.Get(ctx, aggregatorRequest(course, url.Values{"username": {string(name)}}))
	if answer, ok := notFound(err); ok && answer.JSON {
		return registrar.Completion{}, notInCourse(err)
	}
	if err != nil {
		return registrar.Completion{}, fmt.Errorf("lms: learner completion: %w", err)
	}
	rows, _, err := openAggregatorPage(resp)
	if err != nil {
		return registrar.Completion{}, fmt.Errorf("lms: learner completion: %w", err)
	}
	for _, r := range rows {
		// One learner's answer need not repeat the name.
		if r.Username == "" || strings.EqualFold(r.Username, string(name)) {
			return r.completion(), nil
		}
	}
	return registrar.Completion{}, notInCourse(nil)
}

// aggregatorRequest asks at the plugin's real mount point; its own documentation
// names another.
func aggregatorRequest(course registrar.CourseKey, query url.Values) upstream.Request {
	return upstream.Request{
		Operation: "aggregated completion", Class: "completion",
		Path: "/completion-aggregator/v1/course/" + course.PathSegment() + "/", Query: query,
	}
}

// pluginMissing reports whether err is the LMS's own 404 for a route that it does
// not have. The plugin says in JSON whom it does not know.
func pluginMissing(err error) bool {
	answer, ok := notFound(err)
	return ok && !answer.JSON || noRoute(err)
}

type aggregatorRow struct {
	Username   string `json:"username"`
	Completion struct {
		Percent *json.Number `json:"percent"`
	} `json:"completion"`
}

func (r aggregatorRow) completion() registrar.Completion {
	return registrar.Completion{Percent: r.Completion.Percent}
}

// openAggregatorPage reads the plugin's envelope, which keeps its links apart from
// the rows.
func openAggregatorPage(resp upstream.Response) ([]aggregatorRow, *string, error) {
	var page struct {
		Pagination struct {
			Next *string `json:"next"`
		} `json:"pagination"`
		Results []aggregatorRow `json:"results"`
	}
	if err := resp.Decode(&page); err != nil {
		return nil, nil, err
	}
	if page.Results == nil {
		return nil, nil, resp.Garbage("a page has no results")
	}
	return page.Results, page.Pagination.Next, nil
}
