package linkstore_test

import (
	"strings"

	"registrar/internal/registrar"
)

func organizationLife(k *kit) {
	ctx := k.Context()
	full := registrar.Organization{Key: "NorthU", Name: "North", DiscoveryUUID: "u-1", SSOSlug: "northu"}
	bare := registrar.Organization{Key: "EastU"}
	k.must(k.store.CreateOrganization(ctx, full))
	k.must(k.store.CreateOrganization(ctx, bare))

	all, err := k.store.Organizations(ctx)
	k.must(err)
	same(k, "Organizations", all, []registrar.Organization{bare, full})
	one, err := k.store.Organization(ctx, "NorthU")
	k.must(err)
	same(k, "Organization", one, full)

	for _, unknown := range []registrar.OrganizationKey{"northu", "WestU", "", "a\x00b"} {
		_, err = k.store.Organization(ctx, unknown)
		k.wantKind(err, registrar.NotFound)
	}
	k.wantKind(k.store.CreateOrganization(ctx, full), registrar.Conflict)
	k.wantKind(k.store.CreateOrganization(ctx, registrar.Organization{Key: "WestU", DiscoveryUUID: "u-1"}), registrar.Conflict)
}

func organizationPut(k *kit) {
	ctx := k.Context()
	steps := []struct {
		put     registrar.Organization
		created bool
	}{
		{registrar.Organization{Key: "NorthU", Name: "by hand", SSOSlug: "northu"}, true},
		{registrar.Organization{Key: "NorthU", Name: "North", DiscoveryUUID: "u-1"}, false}, // takes on the uuid
		{registrar.Organization{Key: "NorthernU", DiscoveryUUID: "u-1"}, false},             // renamed there
		{registrar.Organization{Key: "EastU", Name: "East", DiscoveryUUID: "u-2"}, true},
	}
	for _, step := range steps {
		created, err := k.store.PutOrganization(ctx, step.put)
		if err != nil || created != step.created {
			k.Fatalf("PutOrganization(%+v) = %v, %v; want %v", step.put, created, err, step.created)
		}
	}
	all, err := k.store.Organizations(ctx)
	k.must(err)
	same(k, "Organizations", all, []registrar.Organization{
		{Key: "EastU", Name: "East", DiscoveryUUID: "u-2"},
		{Key: "NorthernU", Name: "North", DiscoveryUUID: "u-1", SSOSlug: "northu"},
	})
	// The key of one with the uuid of another, or with a third.
	for _, uuid := range []string{"u-2", "u-3"} {
		_, err = k.store.PutOrganization(ctx, registrar.Organization{Key: "NorthernU", DiscoveryUUID: uuid})
		k.wantKind(err, registrar.Conflict)
	}
}

func organizationInvalid(k *kit) {
	for _, key := range []registrar.OrganizationKey{"", "North U", "Nörd", "a/b", registrar.OrganizationKey(strings.Repeat("x", 256))} {
		o := registrar.Organization{Key: key}
		k.wantKind(k.store.CreateOrganization(k.Context(), o), registrar.Invalid)
		_, err := k.store.PutOrganization(k.Context(), o)
		k.wantKind(err, registrar.Invalid)
	}
	k.wantKind(k.store.CreateOrganization(k.Context(), registrar.Organization{Key: "A", Name: "\xff"}), registrar.Invalid)
}
