package discovery

import (
	"context"
	"fmt"
	"net/url"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Program reads one program with its curricula and their course runs: courses
// in Discovery's order, the runs of each by start and then key, because
// Discovery lists them at random. An unknown program is NotFound with code
// "program_not_in_discovery", a deleted one with "program_deleted".
func (c *Client) Program(ctx context.Context, uuid registrar.ProgramUUID) (registrar.ProgramDetails, error) {
	doc, err := c.program(ctx, uuid)
	if err != nil {
		return registrar.ProgramDetails{}, err
	}
	return doc.details(), nil
}

// ProgramAuthors reads one program as [Client.Program] does, and with it the
// organizations that author it, in Discovery's order, as far as they have a key.
// There may be none. A name may be empty.
func (c *Client) ProgramAuthors(ctx context.Context, uuid registrar.ProgramUUID) (registrar.ProgramDetails, []registrar.Organization, error) {
	doc, err := c.program(ctx, uuid)
	if err != nil {
		return registrar.ProgramDetails{}, nil, err
	}
	authors := make([]registrar.Organization, 0, len(doc.Authors))
	for _, author := range doc.Authors {
		if author.Key != "" {
			authors = append(authors, author.organization())
		}
	}
	return doc.details(), authors, nil
}

// wholeDoc is a program's own document.
type wholeDoc struct {
	programDoc
	Curricula []curriculumDoc `json:"curricula"`
}

func (d wholeDoc) details() registrar.ProgramDetails {
	p := d.programDoc.details()
	p.Curricula = curricula(d.Curricula)
	return p
}

func (c *Client) program(ctx context.Context, uuid registrar.ProgramUUID) (wholeDoc, error) {
	// Discovery answers 500 to a malformed uuid.
	if parsed, err := registrar.ParseProgramUUID(string(uuid)); err != nil || parsed != uuid {
		return wholeDoc{}, &registrar.Error{
			Kind: registrar.Invalid, Code: "malformed_program_uuid", Detail: "The program has no valid uuid.", Err: err,
		}
	}
	resp, err := c.up.Get(ctx, upstream.Request{
		Operation: "program", Class: "program",
		Path: "/api/v1/programs/" + url.PathEscape(string(uuid)) + "/",
		// Without it, links carry the name of whoever asked first.
		Query: url.Values{"exclude_utm": {"1"}},
	})
	switch {
	case registrar.KindOf(err) == registrar.NotFound:
		return wholeDoc{}, missing("program_not_in_discovery", "Discovery does not know this program.", err)
	case err != nil:
		return wholeDoc{}, fmt.Errorf("discovery: program: %w", err)
	}
	var doc wholeDoc
	if err := resp.Decode(&doc); err != nil {
		return wholeDoc{}, fmt.Errorf("discovery: program: %w", err)
	}
	switch {
	case doc.UUID == "" && doc.Title == "" && doc.Type == nil:
		return wholeDoc{}, resp.Garbage("it is no program")
	case doc.UUID != "" && registrar.ProgramUUID(doc.UUID) != uuid:
		return wholeDoc{}, resp.Garbage("the uuid is another program's")
	case doc.Status == "deleted":
		return wholeDoc{}, missing("program_deleted", "The program was deleted in Discovery.", nil)
	}
	doc.UUID = string(uuid) // not every catalog repeats it
	return doc, nil
}

// programDoc is what can be trusted of a program in a list and in its own
// document alike.
type programDoc struct {
	UUID      string  `json:"uuid"`
	Title     string  `json:"title"`
	Type      *string `json:"type"` // translated: for people only
	TypeAttrs *struct {
		Slug string `json:"slug"`
	} `json:"type_attrs"`
	Status   string            `json:"status"`
	Slug     string            `json:"marketing_slug"`
	URL      *string           `json:"marketing_url"`
	Modified *string           `json:"data_modified_timestamp"`
	Authors  []organizationDoc `json:"authoring_organizations"`
}

func (d programDoc) details() registrar.ProgramDetails {
	p := registrar.ProgramDetails{
		UUID: registrar.ProgramUUID(d.UUID), Title: d.Title, Status: d.Status, Slug: d.Slug,
		URL: text(d.URL), Type: text(d.Type), ModifiedText: text(d.Modified),
	}
	if d.TypeAttrs != nil {
		p.TypeSlug = d.TypeAttrs.Slug
	}
	for _, author := range d.Authors {
		p.Authors = append(p.Authors, registrar.OrganizationKey(author.Key))
	}
	return p
}

// text reads null as empty.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
