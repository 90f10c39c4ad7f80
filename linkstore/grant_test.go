package linkstore_test

import (
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func grantLife(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}))
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "al"}))
	targets := []linkstore.Target{linkstore.Global(), linkstore.OnOrganization("NorthU"), linkstore.OnProgram(p.Key)}
	for _, on := range targets {
		k.must(k.store.Grant(ctx, "bo", registrar.ReadMetadata, on))
		k.must(k.store.Grant(ctx, "bo", registrar.ReadMetadata, on)) // twice is once
	}
	k.must(k.store.Grant(ctx, "bo", registrar.ReadAllJobs, linkstore.Global()))
	read := []registrar.Permission{registrar.ReadMetadata}
	grants := func(name registrar.Username) registrar.Grants {
		got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: name})
		k.must(err)
		return got.Grants
	}
	same(k, "grants", grants("bo"), registrar.Grants{
		Global:        []registrar.Permission{registrar.ReadAllJobs, registrar.ReadMetadata},
		Organizations: map[registrar.OrganizationKey][]registrar.Permission{"NorthU": read},
		Programs:      map[registrar.ProgramKey][]registrar.Permission{p.Key: read},
	})
	nothing := registrar.Grants{
		Organizations: map[registrar.OrganizationKey][]registrar.Permission{},
		Programs:      map[registrar.ProgramKey][]registrar.Permission{},
	}
	same(k, "another user's grants", grants("al"), nothing)

	for _, on := range targets {
		k.must(k.store.Revoke(ctx, "bo", registrar.ReadMetadata, on))
		k.wantKind(k.store.Revoke(ctx, "bo", registrar.ReadMetadata, on), registrar.NotFound)
	}
	k.must(k.store.Revoke(ctx, "bo", registrar.ReadAllJobs, linkstore.Global()))
	same(k, "grants after revoking", grants("bo"), nothing)
}

func grantInvalid(k *kit) {
	ctx := k.Context()
	k.school()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}))
	north := linkstore.OnOrganization("NorthU")
	k.wantKind(k.store.Grant(ctx, "bo", "fly", north), registrar.Invalid)
	k.wantKind(k.store.Grant(ctx, "bo", registrar.ReadAllJobs, north), registrar.Invalid)
	k.wantKind(k.store.Grant(ctx, "bo", registrar.ReadMetadata, linkstore.Target{}), registrar.Invalid)
	k.wantKind(k.store.Grant(ctx, "nobody", registrar.ReadMetadata, north), registrar.NotFound)
	k.wantKind(k.store.Grant(ctx, "bo", registrar.ReadMetadata, linkstore.OnProgram("nope")), registrar.NotFound)
	k.wantKind(k.store.Grant(ctx, "bo", registrar.ReadMetadata, linkstore.OnProgram("a\x00")), registrar.NotFound)
	k.wantKind(k.store.Revoke(ctx, "nobody", registrar.ReadMetadata, north), registrar.NotFound)
}
