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
