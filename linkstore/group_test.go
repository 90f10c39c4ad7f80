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
	k.wantDetail(k.store.CreateGroup(ctx, taken), registrar.Conflict, `"auditors"`, "unique")
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

func groupEnsured(k *kit) {
	ctx := k.Context()
	p := k.school()
	reports := linkstore.Group{Name: "NorthU_ReadOrganizationReports", Target: linkstore.OnOrganization("NorthU"), Role: "organization_read_reports"}
	program := linkstore.Group{Name: "NorthU_masters-cs_ReadProgramReports", Target: linkstore.OnProgram(p.Key), Role: "program_read_reports"}
	ensure := func(g linkstore.Group, want linkstore.GroupChange) {
		k.Helper()
		got, err := k.store.EnsureGroup(ctx, g)
		k.must(err)
		same(k, g.Name, got, want)
	}
	byHand := reports
	byHand.Name = "data office"
	k.must(k.store.CreateGroup(ctx, byHand))
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}, "data office"))

	ensure(reports, linkstore.GroupRenamed)
	ensure(reports, linkstore.GroupKept)
	ensure(program, linkstore.GroupCreated)
	ensure(program, linkstore.GroupKept)
	k.must(k.store.CreateGroup(ctx, byHand)) // a second one of the role
	ensure(reports, linkstore.GroupKept)
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	same(k, "a member's groups after renaming", got.Groups, []registrar.Group{{Name: reports.Name, Organization: "North"}})
	all, err := k.store.Groups(ctx)
	k.must(err)
	same(k, "groups", all, []linkstore.Group{reports, program, byHand})

	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "EastU"}))
	for _, want := range []linkstore.GroupChange{linkstore.GroupCreated, linkstore.GroupRenamed} {
		taken := linkstore.Group{Name: program.Name, Target: linkstore.OnOrganization("EastU"), Role: "organization_read_reports"}
		_, err = k.store.EnsureGroup(ctx, taken)
		k.wantDetail(err, registrar.Conflict, program.Name, "unique")
		if want == linkstore.GroupCreated { // refused once more when it has another name to lose
			taken.Name = "east office"
			ensure(taken, want)
		}
	}
	// The one that is called so stands, whatever older ones there are.
	called := linkstore.Group{Name: "EastU_ReadOrganizationReports", Target: linkstore.OnOrganization("EastU"), Role: "organization_read_reports"}
	k.must(k.store.CreateGroup(ctx, called))
	ensure(called, linkstore.GroupKept)
	_, err = k.store.EnsureGroup(ctx, linkstore.Group{Name: "g", Target: linkstore.OnOrganization("WestU"), Role: "organization_read_reports"})
	k.wantKind(err, registrar.NotFound)
	for _, odd := range []linkstore.Group{
		{Name: "g", Target: linkstore.Global(), Permissions: []registrar.Permission{registrar.ReadMetadata}},
		{Name: "g", Target: linkstore.OnOrganization("EastU"), Role: "program_read_reports"},
	} {
		_, err = k.store.EnsureGroup(ctx, odd)
		k.wantKind(err, registrar.Invalid)
	}
}
