package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"registrar/internal/registrar"
)

// errNoListing is for an answer that is not shaped as a filter needs it.
var errNoListing = errors.New("the answer is no listing, so it cannot be filtered")

// linkBase turns the upstream's links to further pages into our own.
type linkBase struct {
	url  string // of this listing, without a query
	rule *rule
}

// filtered takes out of a listing what the caller may not see: the items whose
// member names no course run, or one outside in. A listing is a bare array, or an
// object with "results"; of such an object only the items and the links to the
// pages before and after are left, for a count would count what was taken out.
func filtered(body []byte, member string, in reach, links linkBase) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		var items []json.RawMessage
		if json.Unmarshal(body, &items) != nil {
			return nil, errNoListing
		}
		return encode(within(items, member, in)), nil
	}
	var page struct {
		Next     *string           `json:"next"`
		Previous *string           `json:"previous"`
		Results  []json.RawMessage `json:"results"`
	}
	if json.Unmarshal(body, &page) != nil || page.Results == nil {
		return nil, errNoListing
	}
	page.Next, page.Previous = links.own(page.Next), links.own(page.Previous)
	page.Results = within(page.Results, member, in)
	return encode(page), nil
}

// within keeps the items that the caller may see, in their order and byte for byte
// as to what they hold.
func within(items []json.RawMessage, member string, in reach) []json.RawMessage {
	if in.everything {
		return items
	}
	return slices.DeleteFunc(items, func(item json.RawMessage) bool {
		for name := range strings.SplitSeq(member, ".") {
			var object map[string]json.RawMessage
			if json.Unmarshal(item, &object) != nil {
				return true
			}
			item = object[name]
		}
		var text string
		if json.Unmarshal(item, &text) != nil {
			return true
		}
		key, err := registrar.CourseID(text).CourseKey()
		return err != nil || !in.courses[key]
	})
}

// own is the same page asked of us. It keeps the parameters that the rule lets
// through; a link that cannot be read is none.
func (b linkBase) own(link *string) *string {
	if link == nil {
		return nil
	}
	u, err := url.Parse(*link)
	if err != nil {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil
	}
	for name := range query {
		_, own := b.rule.Query[name]
		if !own && !slices.Contains(b.rule.AllowQuery, name) {
			query.Del(name)
		}
	}
	text := b.url + "?" + query.Encode()
	return &text
}
