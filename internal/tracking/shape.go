package tracking

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxText bounds each thing that a caller can put into an event.
const maxText = 1024

// shape makes the message of e. The id lets the service forget what it gets twice.
func shape(e Event) message {
	path, address := whereOf(e)
	return message{
		Type: "track", ID: uuid.NewString(), UserID: string(e.User), Event: e.Name,
		Timestamp: e.At.UTC().Format(time.RFC3339Nano), Properties: properties(e),
		Context: about{
			Page:      page{Path: path, Referrer: bare(e.Referrer), URL: address},
			UserAgent: short(e.UserAgent), Library: library{Name: "registrar"},
		},
	}
}

// properties are what the route told and what is told of every event.
func properties(e Event) map[string]any {
	all := make(map[string]any, len(e.Properties)+3)
	for name, value := range maps.All(e.Properties) {
		if text, ok := value.(string); ok {
			value = short(text)
		}
		all[name] = value
	}
	all["category"] = category
	all["user_organizations"] = append([]string{}, e.Organizations...)
	all["status_code"] = e.Status
	return all
}

// whereOf is the path and the address of a request without what could name a
// learner: a route with a learner or a token in it is told by its template, and of
// the query only known parameters are.
func whereOf(e Event) (path, address string) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return e.Route, e.Route
	}
	path = short(u.EscapedPath())
	for _, secret := range []string{":student_key", ":token", "{username}", "*"} {
		if strings.Contains(e.Route, secret) {
			path = e.Route
		}
	}
	if e.Route == "" {
		path = ""
	}
	address = path
	if u.Host != "" {
		address = u.Scheme + "://" + u.Host + path
	}
	if query := known(u.Query()); query != "" {
		address += "?" + query
	}
	return path, address
}

// known keeps the parameters that narrow lists and choose formats.
func known(query url.Values) string {
	kept := make(url.Values)
	for _, name := range []string{
		"org", "user_has_perm", "program_title", "fmt", "format", "page", "page_size", "min_created_date",
		"course_id", "status", "account", "program", "state", "kind", "since", "until",
	} {
		for _, value := range slices.Backward(query[name]) {
			kept.Set(name, short(value)) // the last one, as the original reads it
			break
		}
	}
	return kept.Encode()
}

// bare is an address without user, query and fragment; empty when it is none.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return short((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// short cuts text between characters.
func short(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}
