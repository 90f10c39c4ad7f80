package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// programFilter is what the program list was asked for. Discovery ignores names
// that it does not know, so a typing error widens the list.
type programFilter struct {
	uuids, types, statuses []string
	typeName, slug         string
	marketable, hidden     *bool
	since                  time.Time
	uuidsOnly              bool
}

// modified is when everything in Discovery changed last.
const modified = "2026-03-02T09:14:55.120000Z"

func readProgramFilter(c *call) (f programFilter, err error) {
	if f.uuids, err = uuidList(c); err != nil {
		return f, err
	}
	if f.uuidsOnly, err = integerFlag(c, "uuids_only"); err != nil {
		return f, err
	}
	f.types, f.typeName, f.slug = c.list("types"), c.query.Get("type"), c.query.Get("marketing_slug")
	f.marketable, f.hidden = looseBool(c.query.Get("marketable")), looseBool(c.query.Get("hidden"))
	for _, status := range c.query["status"] {
		if !slices.Contains([]string{"unpublished", "active", "retired", "deleted"}, status) {
			return f, badParameter("status", "Select a valid choice. "+status+" is not one of the available choices.")
		}
		f.statuses = append(f.statuses, status)
	}
	if text := c.query.Get("timestamp"); text != "" {
		if f.since, err = time.Parse(time.RFC3339, text); err != nil {
			return f, badParameter("timestamp", "Enter a valid date/time.")
		}
	}
	return f, nil
}

// holds lets deleted programs through unless a status was asked for.
func (f programFilter) holds(p *program) bool {
	changed, _ := time.Parse(time.RFC3339, modified)
	marketable := p.status == "active"
	return (len(f.uuids) == 0 || slices.Contains(f.uuids, p.uuid)) &&
		(len(f.types) == 0 || slices.Contains(f.types, p.kind.slug)) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, p.status)) &&
		(f.typeName == "" || strings.EqualFold(f.typeName, p.kind.name)) &&
		(f.slug == "" || f.slug == p.marketingSlug()) &&
		(f.marketable == nil || *f.marketable == marketable) &&
		(f.hidden == nil || !*f.hidden) &&
		!changed.Before(f.since)
}

// badParameter is Discovery's 400: a list of complaints under the parameter.
func badParameter(name, text string) *viewError {
	return fail(http.StatusBadRequest, map[string][]string{name: {text}})
}

// crash is what an exception that nobody caught looks like.
func crash() *viewError { return instead(htmlReply(http.StatusInternalServerError)) }

// uuidList reads uuids. Empty text is no filter; an item that is no uuid, such
// as the one after a trailing comma, raises.
func uuidList(c *call) ([]string, error) {
	text := c.query.Get("uuids")
	if text == "" {
		return nil, nil
	}
	items := strings.Split(text, ",")
	for i, item := range items {
		if !isUUID(item) {
			return nil, crash()
		}
		items[i] = strings.ToLower(item)
	}
	return items, nil
}

// integerFlag reads a switch that goes through int(): "true" raises.
func integerFlag(c *call, name string) (bool, error) {
	if c.query.Get(name) == "" {
		return false, nil
	}
	n, ok := c.number(name)
	if !ok {
		return false, crash()
	}
	return n != 0, nil
}

// looseBool overlooks words that it does not know.
func looseBool(text string) *bool {
	switch strings.ToLower(text) {
	case "true", "1":
		return new(true)
	case "false", "0":
		return new(false)
	}
	return nil
}
