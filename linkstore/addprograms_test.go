package linkstore_test

import (
	"errors"
	"strings"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

const (
	uuidA registrar.ProgramUUID = "aaaaaaaa-1111-1111-1111-111111111111"
	uuidB registrar.ProgramUUID = "bbbbbbbb-1111-1111-1111-111111111111"
)

// wantDetail ends the test unless err is of a kind and tells all of the words.
func (k *kit) wantDetail(err error, kind registrar.Kind, words ...string) {
	k.Helper()
	k.wantKind(err, kind)
	e, ok := errors.AsType[*registrar.Error](err)
	for _, word := range words {
		if !ok || !strings.Contains(e.Detail, word) {
			k.Errorf("error = %v, want one that tells %q", err, word)
		}
	}
}

func programsAdded(k *kit) {
	ctx := k.Context()
	authors := []registrar.Organization{{Key: "O1"}, {}, {Key: "O2", DiscoveryUUID: "u-2"}, {Name: "without a key"}}
	added, err := k.store.AddPrograms(ctx, []linkstore.NewProgram{
		{UUID: uuidA, Otherwise: "nonslug-marketing-key-format", Authors: authors},
		{UUID: uuidB, Key: "chosen", Otherwise: "slug", Authors: authors[:1]},
	})
	k.must(err)
	a := registrar.Program{Key: "nonslug-marketing-key-format", UUID: uuidA, Organization: "O2"}
	b := registrar.Program{Key: "chosen", UUID: uuidB, Organization: "O1"}
	same(k, "added", added, []linkstore.AddedProgram{{Program: a, Created: true}, {Program: b, Created: true}})
	organizations, err := k.store.Organizations(ctx)
	k.must(err)
	same(k, "organizations", organizations, []registrar.Organization{{Key: "O1"}, {Key: "O2", DiscoveryUUID: "u-2"}})

	// Of a known program only the key changes, and only if another is asked for.
	strangers := []registrar.Organization{{Key: "O3"}}
	added, err = k.store.AddPrograms(ctx, []linkstore.NewProgram{
		{UUID: uuidA, Key: "newkey", Otherwise: "x", Authors: strangers},
		{UUID: uuidB, Otherwise: "y", Authors: strangers},
		{UUID: uuidB, Key: "chosen", Authors: strangers},
	})
	k.must(err)
	was := a.Key
	a.Key = "newkey"
	same(k, "added again", added, []linkstore.AddedProgram{{Program: a, Was: was}, {Program: b}, {Program: b}})
	all, err := k.store.Programs(ctx)
	k.must(err)
	same(k, "programs", all, []registrar.Program{b, a})
	_, err = k.store.Organization(ctx, "O3")
	k.wantKind(err, registrar.NotFound)
}

func programsRefused(k *kit) {
	ctx := k.Context()
	known := k.school()
	o := []registrar.Organization{{Key: "O1"}}
	for name, c := range map[string]struct {
		last linkstore.NewProgram
		kind registrar.Kind
		says []string
	}{
		"a taken key":              {linkstore.NewProgram{UUID: uuidB, Key: known.Key, Authors: o}, registrar.Conflict, []string{string(known.Key), string(known.UUID), string(uuidB)}},
		"a slug that is taken":     {linkstore.NewProgram{UUID: uuidB, Otherwise: known.Key, Authors: o}, registrar.Conflict, []string{string(known.UUID), string(uuidB)}},
		"a key of the same list":   {linkstore.NewProgram{UUID: uuidB, Key: "first", Authors: o}, registrar.Conflict, []string{"first", string(uuidA), string(uuidB)}},
		"renamed to a taken key":   {linkstore.NewProgram{UUID: known.UUID, Key: "first"}, registrar.Conflict, []string{"first", string(uuidA), string(known.UUID)}},
		"no key":                   {linkstore.NewProgram{UUID: uuidB, Authors: o}, registrar.Invalid, []string{string(uuidB)}},
		"a malformed key":          {linkstore.NewProgram{UUID: uuidB, Key: "a b", Authors: o}, registrar.Invalid, []string{"a b"}},
		"a malformed new key":      {linkstore.NewProgram{UUID: known.UUID, Key: "a b"}, registrar.Invalid, []string{"a b"}},
		"a malformed uuid":         {linkstore.NewProgram{UUID: "x", Key: "k", Authors: o}, registrar.Invalid, []string{"x"}},
		"no organization":          {linkstore.NewProgram{UUID: uuidB, Key: "k"}, registrar.Invalid, []string{string(uuidB), "organization"}},
		"no organization with key": {linkstore.NewProgram{UUID: uuidB, Key: "k", Authors: []registrar.Organization{{Name: "N"}}}, registrar.Invalid, []string{string(uuidB)}},
		"a malformed organization": {linkstore.NewProgram{UUID: uuidB, Key: "k", Authors: []registrar.Organization{{Key: "a b"}}}, registrar.Invalid, nil},
	} {
		added, err := k.store.AddPrograms(ctx, []linkstore.NewProgram{{UUID: uuidA, Key: "first", Authors: o}, c.last})
		if err == nil || len(added) > 0 {
			k.Errorf("%s: added %v, error %v", name, added, err)
			continue
		}
		k.wantDetail(err, c.kind, c.says...)
	}
	all, err := k.store.Programs(ctx)
	k.must(err)
	same(k, "programs", all, []registrar.Program{known})
	_, err = k.store.Organization(ctx, "O1")
	k.wantKind(err, registrar.NotFound)
}

func organizationWithGroups(k *kit) {
	ctx := k.Context()
	groups, err := k.store.CreateOrganizationWithGroups(ctx, registrar.Organization{Key: "Uni"},
		linkstore.Group{Role: "organization_read_metadata"}, linkstore.Group{Name: "rep", Role: "organization_read_reports"})
	k.must(err)
	on := linkstore.OnOrganization("Uni")
	want := []linkstore.Group{
		{Name: "Uni_organization_read_metadata", Target: on, Role: "organization_read_metadata"},
		{Name: "rep", Target: on, Role: "organization_read_reports"},
	}
	same(k, "groups", groups, want)
	stored, err := k.store.Groups(ctx)
	k.must(err)
	same(k, "stored groups", stored, want)
	o, err := k.store.Organization(ctx, "Uni")
	k.must(err)
	same(k, "organization", o, registrar.Organization{Key: "Uni", Name: "Uni"})

	named, err := k.store.CreateOrganizationWithGroups(ctx, registrar.Organization{Key: "East", Name: "East Uni"},
		linkstore.Group{Role: "organization_read_reports"})
	k.must(err)
	same(k, "the name of a group", named[0].Name, "East Uni_organization_read_reports")
}

func organizationWithGroupsRefused(k *kit) {
	ctx := k.Context()
	k.school()
	first := linkstore.Group{Name: "readers", Role: "organization_read_metadata"}
	k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: "taken", Target: linkstore.OnProgram("masters-cs"), Role: "program_read_metadata"}))
	for name, c := range map[string]struct {
		key  registrar.OrganizationKey
		last linkstore.Group
		kind registrar.Kind
		says string
	}{
		"a bad key":         {"U ni", linkstore.Group{Role: "organization_read_reports"}, registrar.Invalid, "letters"},
		"a taken key":       {"NorthU", linkstore.Group{Role: "organization_read_reports"}, registrar.Conflict, "organization"},
		"a bad role":        {"Uni", linkstore.Group{Role: "root"}, registrar.Invalid, "organization_read_write_enrollments"},
		"a program's role":  {"Uni", linkstore.Group{Role: "program_read_metadata"}, registrar.Invalid, "program_read_metadata"},
		"permissions":       {"Uni", linkstore.Group{Name: "g", Permissions: []registrar.Permission{registrar.ReadMetadata}}, registrar.Invalid, "global"},
		"a taken name":      {"Uni", linkstore.Group{Name: "taken", Role: "organization_read_reports"}, registrar.Conflict, `"taken"`},
		"a name said twice": {"Uni", linkstore.Group{Name: "readers", Role: "organization_read_reports"}, registrar.Conflict, `"readers"`},
	} {
		_, err := k.store.CreateOrganizationWithGroups(ctx, registrar.Organization{Key: c.key}, first, c.last)
		if err == nil {
			k.Fatalf("%s: no error", name)
		}
		k.wantDetail(err, c.kind, c.says)
	}
	_, err := k.store.Organization(ctx, "Uni")
	k.wantKind(err, registrar.NotFound)
	groups, err := k.store.Groups(ctx)
	k.must(err)
	same(k, "groups", len(groups), 1)
}
