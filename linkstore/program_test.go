package linkstore_test

import (
	"registrar/internal/registrar"
)

func programLife(k *kit) {
	ctx := k.Context()
	p := k.school()
	bare := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(ctx, bare))
	other := registrar.Program{Key: "zoology", Organization: "NorthU"} // a second one without a uuid
	k.must(k.store.CreateProgram(ctx, other))

	all, err := k.store.Programs(ctx)
	k.must(err)
	same(k, "Programs", all, []registrar.Program{bare, p, other}) // bytes, not a locale, sort
	one, err := k.store.Program(ctx, p.Key)
	k.must(err)
	same(k, "Program", one, p)

	for _, unknown := range []registrar.ProgramKey{"mba", "nope", "", "a\x00b", "\xff"} {
		_, err = k.store.Program(ctx, unknown)
		k.wantKind(err, registrar.NotFound)
	}
	k.wantKind(k.store.CreateProgram(ctx, p), registrar.Conflict)
	k.wantKind(k.store.CreateProgram(ctx, registrar.Program{Key: "again", UUID: p.UUID, Organization: "NorthU"}), registrar.Conflict)
	k.wantKind(k.store.CreateProgram(ctx, registrar.Program{Key: "lost", Organization: "WestU"}), registrar.NotFound)
}

func programPut(k *kit) {
	ctx := k.Context()
	p := k.school()
	const second = "22222222-2222-2222-2222-222222222222"
	steps := []struct {
		put     registrar.Program
		created bool
	}{
		{registrar.Program{Key: "masters-ds", Organization: "NorthU"}, true},
		{registrar.Program{Key: "masters-ds", UUID: second, Organization: "NorthU"}, false}, // takes on the uuid
		{registrar.Program{Key: "data-science", UUID: second, Organization: "NorthU"}, false},
		{registrar.Program{Key: "data-science", Organization: "NorthU"}, false}, // keeps the uuid
	}
	for _, step := range steps {
		created, err := k.store.PutProgram(ctx, step.put)
		if err != nil || created != step.created {
			k.Fatalf("PutProgram(%+v) = %v, %v; want %v", step.put, created, err, step.created)
		}
	}
	all, err := k.store.Programs(ctx)
	k.must(err)
	same(k, "Programs", all, []registrar.Program{{Key: "data-science", UUID: second, Organization: "NorthU"}, p})

	_, err = k.store.PutProgram(ctx, registrar.Program{Key: p.Key, UUID: second, Organization: "NorthU"})
	k.wantKind(err, registrar.Conflict)
	_, err = k.store.PutProgram(ctx, registrar.Program{Key: "lost", Organization: "WestU"})
	k.wantKind(err, registrar.NotFound)
}

func programRename(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateProgram(ctx, registrar.Program{Key: "taken", Organization: "NorthU"}))
	k.wantKind(k.store.RenameProgram(ctx, p.Key, "taken"), registrar.Conflict)
	k.wantKind(k.store.RenameProgram(ctx, p.Key, "not a key"), registrar.Invalid)
	k.wantKind(k.store.RenameProgram(ctx, "nope", "free"), registrar.NotFound)
	k.must(k.store.RenameProgram(ctx, p.Key, "free"))
	renamed, err := k.store.Program(ctx, "free")
	k.must(err)
	same(k, "Program", renamed, registrar.Program{Key: "free", UUID: p.UUID, Organization: "NorthU"})
}

func programInvalid(k *kit) {
	k.school()
	for _, p := range []registrar.Program{
		{Key: ""},
		{Key: "a b"},
		{Key: "a.b"},
		{Key: "ok", UUID: "1234"},
		{Key: "ok", UUID: "ABCDEFAB-1111-1111-1111-111111111111"},
	} {
		p.Organization = "NorthU"
		k.wantKind(k.store.CreateProgram(k.Context(), p), registrar.Invalid)
		_, err := k.store.PutProgram(k.Context(), p)
		k.wantKind(err, registrar.Invalid)
	}
}

func programMove(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "EastU"}))
	rows := []registrar.ProgramEnrollment{{StudentKey: "s-1", Status: "enrolled"}}
	k.must(k.store.RecordSnapshot(ctx, p, rows, noon()))

	moved := p
	moved.Organization = "EastU"
	if created, err := k.store.PutProgram(ctx, moved); created || err != nil {
		k.Fatalf("PutProgram = %v, %v", created, err)
	}
	links, err := k.store.LinksOf(ctx, "s-1", []registrar.ProgramKey{p.Key})
	k.must(err)
	same(k, "links after the move", links, nil)
	times, err := k.store.SnapshotTimes(ctx, []registrar.ProgramKey{p.Key})
	k.must(err)
	if len(times) != 0 {
		k.Errorf("snapshot times after the move = %v", times)
	}
	// A walk that began before the move must not land behind the new wall.
	k.wantKind(k.store.RecordSnapshot(ctx, p, rows, noon()), registrar.NotFound)
	k.must(k.store.RecordSnapshot(ctx, moved, rows, noon()))
}
