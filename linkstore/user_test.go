package linkstore_test

import (
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func userLife(k *kit) {
	ctx := k.Context()
	bo := linkstore.User{Username: "bo", Email: "bo@example.org", Staff: true}
	al := linkstore.User{Username: "al", Inactive: true, Superuser: true}
	k.must(k.store.CreateUser(ctx, bo))
	k.must(k.store.CreateUser(ctx, al))
	k.wantKind(k.store.CreateUser(ctx, linkstore.User{Username: "bo"}), registrar.Conflict)
	k.must(k.store.CreateUser(ctx, linkstore.User{Username: "Bo", Email: "bo@example.org"})) // another user, same address
	for _, name := range []registrar.Username{"", "a\x00b", "\xff"} {
		k.wantKind(k.store.CreateUser(ctx, linkstore.User{Username: name}), registrar.Invalid)
		k.wantKind(k.store.SetUserActive(ctx, name, true), registrar.NotFound)
	}

	k.must(k.store.SetUserActive(ctx, "al", true))
	k.must(k.store.SetUserStaff(ctx, "al", true))
	k.must(k.store.SetUserSuperuser(ctx, "al", false))
	k.must(k.store.SetUserActive(ctx, "bo", false))
	all, err := k.store.Users(ctx)
	k.must(err)
	same(k, "Users", all, []linkstore.User{
		{Username: "Bo", Email: "bo@example.org"},
		{Username: "al", Staff: true},
		{Username: "bo", Email: "bo@example.org", Inactive: true, Staff: true},
	})
}

func userGroups(k *kit) {
	ctx := k.Context()
	p := k.school()
	for _, name := range []string{"stem-admins", "readers"} {
		k.must(k.store.CreateGroup(ctx, linkstore.Group{Name: name, Target: linkstore.OnProgram(p.Key), Role: "program_read_metadata"}))
	}
	bob := linkstore.User{Username: "bob", Email: "b@example.org", Staff: true}
	k.must(k.store.CreateUser(ctx, bob, "stem-admins", "readers"))
	got, err := k.store.SeePrincipal(ctx, registrar.Claims{Username: "bob"})
	k.must(err)
	same(k, "groups", got.Groups, []registrar.Group{{Name: "readers"}, {Name: "stem-admins"}})

	al := linkstore.User{Username: "al"}
	k.wantDetail(k.store.CreateUser(ctx, bob, "readers"), registrar.Conflict, "already exists")
	k.wantDetail(k.store.CreateUser(ctx, al, "readers", "nope"), registrar.NotFound, `"nope"`)
	k.wantDetail(k.store.CreateUser(ctx, al, "readers", "stem-admins", "readers"), registrar.Invalid, `"readers"`, "twice")
	all, err := k.store.Users(ctx)
	k.must(err)
	same(k, "users", all, []linkstore.User{bob})
}
