package linkstore_test

import (
	"fmt"

	"registrar/internal/registrar"
)

// linksOfMany asks for more programs than one statement carries.
func linksOfMany(k *kit) {
	p := k.school()
	k.record(p, noon(), enrolled("s-1"))
	keys := make([]registrar.ProgramKey, 2500)
	for i := range keys {
		keys[i] = registrar.ProgramKey(fmt.Sprintf("other-%d", i))
	}
	keys[2300] = p.Key
	same(k, "links", len(k.links("s-1", keys...)), 1)
	times, err := k.store.SnapshotTimes(k.Context(), keys)
	k.must(err)
	same(k, "times", len(times), 1)
}

func usernamesFound(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.must(k.store.CreateOrganization(ctx, registrar.Organization{Key: "EastU"}))
	k.record(p, noon(), linkedAs("S-1", "bo"), linkedAs("S-2", ""), enrolled("S-3"))
	for organization, want := range map[registrar.OrganizationKey]map[registrar.StudentKey]registrar.Username{
		"NorthU": {"s-1": "bo"}, "EastU": {}, "nope": {}, "a b": {},
	} {
		got, err := k.store.Usernames(ctx, organization, []registrar.StudentKey{"s-1", "S-2", "s-3", "s-4", "", "\x00"})
		k.must(err)
		same(k, "usernames of "+string(organization), got, want)
	}
	got, err := k.store.Usernames(ctx, "NorthU", nil)
	k.must(err)
	same(k, "usernames of nobody", len(got), 0)
}

func linksRecorded(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.record(p, noon(), linkedAs("S-1", ""), linkedAs("S-2", "al"))
	links := []registrar.Link{
		{StudentKey: "s-1", Username: "bo"},
		{StudentKey: "s-2", Username: ""}, // tells nothing
		{StudentKey: "s-9", Username: "first"},
		{StudentKey: "S-9", Username: "cy"}, // the last of one key counts
		{StudentKey: " ", Username: "nobody"},
	}
	k.must(k.store.RecordLinks(ctx, "NorthU", links))
	k.must(k.store.RecordLinks(ctx, "NorthU", nil))
	got, err := k.store.Usernames(ctx, "NorthU", []registrar.StudentKey{"S-1", "s-2", "s-9"})
	k.must(err)
	same(k, "usernames", got, map[registrar.StudentKey]registrar.Username{"s-1": "bo", "s-2": "al", "s-9": "cy"})
	same(k, "the account in the program", k.links("s-1", p.Key)[0].Account, registrar.Account{State: registrar.Linked, Username: "bo"})

	// A listing of an LMS that tells no usernames does not wipe them out.
	k.record(p, noon().Add(1), linkedAs("S-1", ""), linkedAs("S-2", "al"), enrolled("S-9"))
	same(k, "the account after it", k.links("s-1", p.Key)[0].Account.Username, "bo")
	same(k, "an account without an enrollment linked to it", k.links("s-9", p.Key)[0].Account, registrar.Account{State: registrar.Pending})
	k.wantKind(k.store.RecordLinks(ctx, "nope", links), registrar.NotFound)
}
