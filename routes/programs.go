package routes

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// programItem is a program as lists show it.
type programItem struct {
	Key         registrar.ProgramKey   `json:"program_key"`
	Title       string                 `json:"program_title"`
	URL         *string                `json:"program_url"`
	Type        *string                `json:"program_type"`
	Permissions []registrar.Permission `json:"permissions"`
}

// details holds what is known of several programs. A program that is not in it
// shows its key for a title and has no enrollments.
type details = map[registrar.ProgramKey]registrar.ProgramDetails

// programs lists the programs that the caller may see.
func (a *API) programs(c *fiber.Ctx) error {
	ctx := asked(c)
	note := event(c, v3, "list_programs")
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	query, w, err := a.pagedQuery(c)
	if err != nil {
		return err
	}
	filter, err := a.programFilter(ctx, note, query.Get)
	if err != nil {
		return err
	}
	shown, known, err := a.listed(ctx, who, filter, w)
	if err != nil {
		return err
	}
	item := func(p registrar.Program) programItem { return itemOf(who, p, known.Value[p.Key]) }
	return a.answer(c, partsOf(known.Sources), listFacts(who, shown, known.Value), func(provenance) any {
		return pageOf(c, query, shown, item)
	})
}

// programFilter is what a list of programs is narrowed by. Empty values mean
// that the caller did not ask.
type programFilter struct {
	organization registrar.OrganizationKey
	permission   registrar.Permission
	title        string // in lower case
}

// programFilter reads the filters. An unknown organization or permission is not
// found, as in the original; of two mistakes the organization is told of.
func (a *API) programFilter(ctx context.Context, note *registrar.Activity, value func(name string) string) (programFilter, error) {
	filter := programFilter{
		permission: registrar.Permission(cmp.Or(value("user_has_perm"), string(registrar.ReadMetadata))),
		title:      strings.ToLower(value("program_title")),
	}
	tellPresent(note, "organization_filter", value("org"))
	tellPresent(note, "permission_filter", value("user_has_perm"))
	var err error
	filter.organization, err = a.organization(ctx, value("org"))
	switch {
	case registrar.KindOf(err) == registrar.NotFound:
		note.Failed("org_not_found")
	case err == nil && !slices.Contains(registrar.ProgramPermissions(), filter.permission):
		note.Failed("no_such_perm")
		err = notFound(nil)
	}
	return filter, err
}

// organization reads the filter "org", and makes sure that there is such a one.
// Empty means that the caller did not ask.
func (a *API) organization(ctx context.Context, text string) (registrar.OrganizationKey, error) {
	key := registrar.OrganizationKey(text)
	if key == "" {
		return "", nil
	}
	if !key.Valid() {
		return "", notFound(nil)
	}
	_, err := a.deps.Directory.Organization(ctx, key)
	return key, err
}

// listed finds the rows of one page. Details cost a Discovery call each, so they
// are read for the page alone, unless the filter itself needs them.
func (a *API) listed(ctx context.Context, who registrar.Principal, f programFilter, w window) (cut[registrar.Program], registrar.Report[details], error) {
	rows, known, err := a.matching(ctx, who, f)
	if err != nil {
		return cut[registrar.Program]{}, known, err
	}
	shown, err := cutOut(rows, w)
	if err == nil && !f.byDetails() {
		known = a.detailsOf(ctx, shown.rows)
	}
	return shown, known, err
}

// matching finds all rows that f keeps. Their details are returned if f needs
// them, and are not read otherwise.
func (a *API) matching(ctx context.Context, who registrar.Principal, f programFilter) ([]registrar.Program, registrar.Report[details], error) {
	var known registrar.Report[details]
	// By grants alone; the type of a program can only take away.
	rows, err := a.candidates(ctx, who, f.permission, f.organization)
	if err != nil || !f.byDetails() {
		return rows, known, err
	}
	known = a.detailsOf(ctx, rows)
	rows = slices.DeleteFunc(rows, func(p registrar.Program) bool { return !f.keeps(who, p, known.Value[p.Key]) })
	return rows, known, nil
}

// byDetails reports whether f can be decided with Discovery's help only.
func (f programFilter) byDetails() bool { return f.title != "" || f.permission.MastersOnly() }

// keeps compares the title as it is shown: an untitled program is found by its
// key.
func (f programFilter) keeps(who registrar.Principal, p registrar.Program, d registrar.ProgramDetails) bool {
	return who.CanWith(f.permission, p, d) && strings.Contains(strings.ToLower(titleOf(p, d)), f.title)
}

// candidates returns the programs on which who holds want by grant, by key.
func (a *API) candidates(ctx context.Context, who registrar.Principal, want registrar.Permission, org registrar.OrganizationKey) ([]registrar.Program, error) {
	all, err := a.deps.Directory.Programs(ctx)
	if err != nil {
		return nil, err
	}
	var rows []registrar.Program
	for _, p := range all {
		if (org == "" || p.Organization == org) && who.Can(want, p) {
			rows = append(rows, p)
		}
	}
	slices.SortFunc(rows, func(x, y registrar.Program) int { return cmp.Compare(x.Key, y.Key) })
	return rows, nil
}

// detailsOf spares the call that nothing depends on.
func (a *API) detailsOf(ctx context.Context, programs []registrar.Program) registrar.Report[details] {
	if len(programs) == 0 {
		return registrar.Report[details]{}
	}
	return a.deps.Catalog.DetailsOf(ctx, programs)
}

func itemOf(who registrar.Principal, p registrar.Program, d registrar.ProgramDetails) programItem {
	return programItem{
		Key: p.Key, Title: titleOf(p, d), URL: orNull(d.URL), Type: orNull(d.Type), Permissions: effective(who, p, d),
	}
}

// titleOf is the title, or the key of a program whose title is not known.
func titleOf(p registrar.Program, d registrar.ProgramDetails) string {
	return cmp.Or(d.Title, string(p.Key))
}

// effective lists what who may do to p, in the order the API shows.
func effective(who registrar.Principal, p registrar.Program, d registrar.ProgramDetails) []registrar.Permission {
	return slices.DeleteFunc(registrar.ProgramPermissions(), func(want registrar.Permission) bool {
		return !who.CanWith(want, p, d)
	})
}

// listFacts is what a list shows that no source tells: which programs there are
// and what the caller may do to them.
func listFacts(who registrar.Principal, shown cut[registrar.Program], known details) []string {
	facts := make([]string, 0, 2*len(shown.rows)+1)
	for _, p := range shown.rows {
		facts = append(facts, string(p.Key), permissionFact(who, p, known[p.Key]))
	}
	return append(facts, countFact(shown.count))
}
