package tracking

import (
	"time"

	"registrar/internal/registrar"
)

// category is what the original files its events under.
const category = "Registrar API"

// Event is a request that is tracked, as it was. The tracker takes out what must
// not go on.
type Event struct {
	Name string // such as "registrar.v1.list_programs"; nothing is tracked without
	User registrar.Username
	// Organizations are the names of those whose groups the user is in.
	Organizations []string
	// Properties are what the route told; see [registrar.Activity].
	Properties map[string]any
	Status     int    // HTTP
	Route      string // the template that matched, such as "/api/v1/programs/:program_key"
	URL        string // the whole address that was asked, query included
	Referrer   string
	UserAgent  string
	RequestID  string
	At         time.Time
}

// OrganizationsOf lists the organizations of p's groups by name, each once, in the
// order of the groups.
func OrganizationsOf(p registrar.Principal) []string {
	names := []string{}
	seen := make(map[string]bool)
	for _, g := range p.Groups {
		if g.Organization != "" && !seen[g.Organization] {
			seen[g.Organization] = true
			names = append(names, g.Organization)
		}
	}
	return names
}

// message is an event as the service takes it.
type message struct {
	Type       string         `json:"type"`
	ID         string         `json:"messageId"`
	UserID     string         `json:"userId"`
	Event      string         `json:"event"`
	Timestamp  string         `json:"timestamp"`
	Properties map[string]any `json:"properties"`
	Context    about          `json:"context"`
}

// about is where an event came from.
type about struct {
	Page      page    `json:"page"`
	UserAgent string  `json:"userAgent"`
	Library   library `json:"library"`
}

type page struct {
	Path     string `json:"path"`
	Referrer string `json:"referrer"`
	URL      string `json:"url"`
}

type library struct {
	Name string `json:"name"`
}
