package linkstore_test

import (
	"errors"
	"sync"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func told(administrator bool) *bool { return &administrator }

func principalNew(k *kit) {
	ctx := k.Context()
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: "bo@example.org", Administrator: told(true)})
	k.must(err)
	same(k, "principal", got, registrar.Principal{Username: "bo", Staff: true, Grants: registrar.Grants{
		Organizations: map[registrar.OrganizationKey][]registrar.Permission{},
		Programs:      map[registrar.ProgramKey][]registrar.Permission{},
	}})
	users, err := k.store.Users(ctx)
	k.must(err)
	same(k, "users", users, []linkstore.User{{Username: "bo", Email: "bo@example.org", Staff: true}})
}

func principalStaff(k *kit) {
	ctx := k.Context()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo", Staff: true, Superuser: true}))
	for _, step := range []struct {
		administrator *bool
		staff, stored bool
	}{
		{nil, false, true},
		{told(true), true, true},
		{nil, false, true}, // the token before opened nothing for this one
		{told(false), false, false},
		{nil, false, false},
	} {
		got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Administrator: step.administrator})
		k.must(err)
		users, err := k.store.Users(ctx)
		k.must(err)
		if got.Staff != step.staff || users[0].Staff != step.stored || !got.Superuser {
			k.Errorf("staff = %v, stored %v, superuser %v; want %+v", got.Staff, users[0].Staff, got.Superuser, step)
		}
	}
}

func principalOverwrites(k *kit) {
	ctx := k.Context()
	for _, step := range []struct{ told, stored string }{
		{"old@example.org", "old@example.org"}, {"", "old@example.org"}, {"new@example.org", "new@example.org"},
	} {
		_, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: step.told})
		k.must(err)
		users, err := k.store.Users(ctx)
		k.must(err)
		same(k, "users", users, []linkstore.User{{Username: "bo", Email: step.stored}})
	}
}

func principalInactive(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo", Inactive: true, Superuser: true}))
	k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: "g", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	k.must(k.store.AddPendingMember(ctx, "g", "bo@example.org"))
	_, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: "bo@example.org", Administrator: told(true)})
	k.wantKind(err, registrar.Unauthenticated)
	if e, ok := errors.AsType[*registrar.Error](err); !ok || e.Detail != "Invalid token." {
		k.Errorf("error = %v", err)
	}
	users, err := k.store.Users(ctx)
	k.must(err)
	same(k, "users", users, []linkstore.User{{Username: "bo", Inactive: true, Superuser: true}})
	k.must(k.store.RemovePendingMember(ctx, "g", "bo@example.org")) // the promise still waits
}

func principalPromoted(k *kit) {
	ctx := k.Context()
	p := k.school()
	for _, name := range []string{"first", "second", "third"} {
		k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: name, Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	}
	k.must(k.store.AddPendingMember(ctx, "first", "bo@example.org"))
	k.must(k.store.AddPendingMember(ctx, "first", "bo@example.org")) // twice is once
	k.must(k.store.AddPendingMember(ctx, "second", "bo@example.org"))

	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: "bo@example.org"})
	k.must(err)
	if !got.Can(registrar.ReadMetadata, p) {
		k.Fatalf("the promise does not count in the first request: %+v", got)
	}
	k.wantKind(k.store.RemovePendingMember(ctx, "first", "bo@example.org"), registrar.NotFound) // fulfilled
	k.must(k.store.RemoveMember(ctx, "second", "bo"))

	// A promise to a known user counts with the next token, even one that tells no address.
	k.must(k.store.AddPendingMember(ctx, "third", "bo@example.org"))
	_, err = k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	k.must(k.store.RemoveMember(ctx, "third", "bo"))

	k.must(k.store.AddPendingMember(ctx, "second", "al@example.org"))
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "al", Email: "al@example.org"}))
	k.must(k.store.RemoveMember(ctx, "second", "al"))
	k.wantKind(k.store.AddPendingMember(ctx, "nope", "bo@example.org"), registrar.NotFound)
}

func principalNotPromoted(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: "g", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	k.wantKind(k.store.AddPendingMember(ctx, "g", ""), registrar.Invalid)
	k.must(k.store.AddPendingMember(ctx, "g", "Bo@example.org"))
	for _, email := range []string{"", "bo@example.org", "Bo@example.org ", "x"} {
		got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: email})
		k.must(err)
		if got.Can(registrar.ReadMetadata, p) {
			k.Errorf("%q took the promise made to another address", email)
		}
	}
	k.must(k.store.RemovePendingMember(ctx, "g", "Bo@example.org"))
}

func principalRace(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: "g", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	k.must(k.store.AddPendingMember(ctx, "g", "bo@example.org"))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo", Email: "bo@example.org"}); err != nil {
				k.Errorf("SeePrincipal: %v", err)
			}
		})
	}
	wg.Wait()
	users, err := k.store.Users(ctx)
	k.must(err)
	same(k, "users", users, []linkstore.User{{Username: "bo", Email: "bo@example.org"}})
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	if !got.Can(registrar.ReadMetadata, p) {
		k.Errorf("the promise is lost: %+v", got)
	}
}

func principalUnstorable(k *kit) {
	for _, c := range []registrar.Claims{{}, {Username: "a\x00b"}, {Username: "\xff"}, {Username: "bo", Email: "\x00"}} {
		_, err := k.store.SeePrincipal(k.Context(), c)
		k.wantKind(err, registrar.Unauthenticated)
	}
	users, err := k.store.Users(k.Context())
	k.must(err)
	same(k, "users", users, nil)
}

func principalGroups(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "Nameless"}))
	for _, g := range []linkstore.Group{
		{Name: "z writers", Target: linkstore.OnOrganization("NorthU"), Role: "organization_read_write_enrollments"},
		{Name: "cs readers", Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"},
		{Name: "auditors", Target: linkstore.Global(), Permissions: []registrar.Permission{registrar.ReadAllJobs, registrar.ReadMetadata}},
		{Name: "nameless", Target: linkstore.OnOrganization("Nameless"), Role: "organization_read_metadata"},
		{Name: "others", Target: linkstore.OnOrganization("NorthU"), Role: "organization_read_metadata"},
	} {
		k.must(k.store.CreateGroup(ctx, g))
	}
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}, "z writers", "nameless", "auditors", "cs readers"))
	k.must(k.store.Grant(ctx, "bo", registrar.ReadReports, linkstore.OnOrganization("NorthU"))) // no group
	want := []registrar.Group{
		{Name: "auditors"}, {Name: "cs readers"}, {Name: "nameless", Organization: "Nameless"}, {Name: "z writers", Organization: "North"},
	}
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	same(k, "groups", got.Groups, want)
	if !got.Can(registrar.ReadReports, p) || !got.Can(registrar.WriteEnrollments, p) {
		k.Errorf("grants = %+v", got.Grants)
	}
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{Now: k.clock.Now})
	for range 2 {
		got, err = d.Principal(ctx, registrar.Claims{Username: "bo"})
		k.must(err)
		same(k, "groups by the directory", got.Groups, want)
	}
}
