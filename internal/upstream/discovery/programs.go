package discovery

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Programs lists the active programs of the five types that a registrar manages,
// each once. Their Curricula are nil, because the courses in a list are wrong
// after the first program; ask [Client.Program] for them.
func (c *Client) Programs(ctx context.Context) ([]registrar.ProgramDetails, error) {
	types := []string{"micromasters", "masters", "professional-certificate", "microbachelors", "xseries"}
	pages := upstream.Rows(ctx, c.up, c.listing(upstream.Request{
		Operation: "programs", Class: "lists", Path: "/api/v1/programs/",
		// A status is one parameter, the types are one list: Discovery takes no
		// other form of either.
		Query: url.Values{"status": {"active"}, "types": {strings.Join(types, ",")}, "exclude_utm": {"1"}},
	}), upstream.OpenPage[programDoc])
	once := newOnce()
	programs, err := upstream.Collect(pages, func(d programDoc) (registrar.ProgramDetails, bool) {
		return d.details(), once.first(d.UUID)
	})
	if err != nil {
		return nil, fmt.Errorf("discovery: programs: %w", err)
	}
	return programs, nil
}

// Organizations lists every organization, each once. Its Key is the name by
// which the LMS knows it too. An empty list is an error with code
// "discovery_sees_no_organizations": Discovery shows none to accounts that are
// not staff, and says so with a 200.
func (c *Client) Organizations(ctx context.Context) ([]registrar.Organization, error) {
	pages := upstream.Rows(ctx, c.up, c.listing(upstream.Request{
		Operation: "organizations", Class: "lists", Path: "/api/v1/organizations/",
	}), upstream.OpenPage[organizationDoc])
	once := newOnce()
	organizations, err := upstream.Collect(pages, func(d organizationDoc) (registrar.Organization, bool) {
		return d.organization(), once.first(d.UUID)
	})
	if err != nil {
		return nil, fmt.Errorf("discovery: organizations: %w", err)
	}
	if len(organizations) == 0 {
		return nil, &registrar.Error{
			Kind: registrar.Upstream, Code: "discovery_sees_no_organizations",
			Detail: "Discovery shows no organizations to the gateway's service account, which may not be staff.",
		}
	}
	return organizations, nil
}

type organizationDoc struct {
	UUID string  `json:"uuid"`
	Key  string  `json:"key"`
	Name *string `json:"name"`
}

func (d organizationDoc) organization() registrar.Organization {
	return registrar.Organization{Key: registrar.OrganizationKey(d.Key), Name: text(d.Name), DiscoveryUUID: d.UUID}
}

// once drops what a walk by offset meets again when rows are inserted before
// its place, and rows without a uuid.
type once map[string]bool

func newOnce() once { return once{"": true} }

func (o once) first(uuid string) bool {
	seen := o[uuid]
	o[uuid] = true
	return !seen
}
