package linkstore_test

import (
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func groupLife(k *kit) {
	ctx := k.Context()
	p := k.school()
	groups := []linkstore.Group{
		{Name: "auditors", Target: linkstore.Global(), Permissions: []registrar.Permission{registrar.ReadAllJobs, registrar.ReadMetadata}},
		{Name: "cs readers", Target: linkstore.OnProgram(p.Key), Role: "program_read_enrollments"},
		{Name: "north writers", Target: linkstore.OnOrganization("NorthU"), Role: "organization_read_write_enrollments"},
	}
	for _, g := range groups {
		k.must(k.store.CreateGroup(ctx, g))
	}
	all, err := k.store.Groups(ctx)
	k.must(err)
	same(k, "Groups", all, groups)
	same(k, "targets", []string{
		all[0].Target.String(), all[1].Target.String(), all[2].Target.String(),
	}, []string{"global", "program masters-cs", "organization NorthU"})
	// Names are unique across all kinds.
	taken := linkstore.Group{Name: "auditors", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}
	k.wantKind(k.store.CreateGroup(ctx, taken), registrar.Conflict)
}

func groupInvalid(k *kit) {
	ctx := k.Context()
	k.school()
	north := linkstore.OnOrganization("NorthU")
	read := []registrar.Permission{registrar.ReadMetadata}
	invalid := map[string]linkstore.Group{
		"no name":                    {Target: north, Role: "organization_read_metadata"},
		"unstorable name":            {Name: "a\x00", Target: north, Role: "organization_read_metadata"},
		"no target":                  {Name: "g", Role: "organization_read_metadata"},
		"no role":                    {Name: "g", Target: north},
		"unknown role":               {Name: "g", Target: north, Role: "organization_everything"},
		"role of another scope":      {Name: "g", Target: north, Role: "program_read_metadata"},
		"permissions beside a role":  {Name: "g", Target: north, Role: "organization_read_metadata", Permissions: read},
		"global without permissions": {Name: "g", Target: linkstore.Global()},
		"global with a role":         {Name: "g", Target: linkstore.Global(), Role: "organization_read_metadata", Permissions: read},
		"global, unknown permission": {Name: "g", Target: linkstore.Global(), Permissions: []registrar.Permission{"fly"}},
	}
	for name, g := range invalid {
		if err := k.store.CreateGroup(ctx, g); registrar.KindOf(err) != registrar.Invalid {
			k.Errorf("%s: error = %v, want invalid", name, err)
		}
	}
	k.wantKind(k.store.CreateGroup(ctx, linkstore.Group{
		Name: "g", Target: linkstore.OnOrganization("WestU"), Role: "organization_read_metadata",
	}), registrar.NotFound)
	all, err := k.store.Groups(ctx)
	k.must(err)
	same(k, "groups after the refusals", all, nil)
}

func memberGrants(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}))
	for _, g := range []linkstore.Group{
		{Name: "north", Target: linkstore.OnOrganization("NorthU"), Role: "organization_read_reports"},
		{Name: "cs read", Target: linkstore.OnProgram(p.Key), Role: "program_read_enrollments"},
		{Name: "cs write", Target: linkstore.OnProgram(p.Key), Role: "program_read_write_enrollments"},
		{Name: "jobs", Target: linkstore.Global(), Permissions: []registrar.Permission{registrar.ReadAllJobs}},
	} {
		k.must(k.store.CreateGroup(ctx, g))
		k.must(k.store.AddMember(ctx, g.Name, "bo"))
		k.must(k.store.AddMember(ctx, g.Name, "bo")) // twice is once
	}
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	same(k, "grants", got.Grants, registrar.Grants{
		Global: []registrar.Permission{registrar.ReadAllJobs},
		Organizations: map[registrar.OrganizationKey][]registrar.Permission{
			"NorthU": {registrar.ReadMetadata, registrar.ReadReports},
		},
		Programs: map[registrar.ProgramKey][]registrar.Permission{
			p.Key: {registrar.ReadEnrollments, registrar.ReadMetadata, registrar.WriteEnrollments},
		},
	})
	k.wantKind(k.store.AddMember(ctx, "nope", "bo"), registrar.NotFound)
	k.wantKind(k.store.AddMember(ctx, "north", "nobody"), registrar.NotFound)
}

func memberRemoval(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}))
	k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: "g", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	k.must(k.store.AddMember(ctx, "g", "bo"))
	k.must(k.store.RemoveMember(ctx, "g", "bo"))
	k.wantKind(k.store.RemoveMember(ctx, "g", "bo"), registrar.NotFound)
	k.wantKind(k.store.RemoveMember(ctx, "nope", "bo"), registrar.NotFound)
	k.wantKind(k.store.RemoveMember(ctx, "g", "nobody"), registrar.NotFound)
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	if got.Can(registrar.ReadMetadata, p) {
		k.Errorf("a removed member still holds %+v", got.Grants)
	}
}
