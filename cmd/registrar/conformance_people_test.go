package main

import (
	"testing"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

// The uuids of the contract's programs, by key.
func programUUIDs() map[registrar.ProgramKey]registrar.ProgramUUID {
	return map[registrar.ProgramKey]registrar.ProgramUUID{
		"masters-in-cs":         "11111111-4444-2222-1111-000000000000",
		"masters-in-me":         "22222222-4444-2222-1111-000000000000",
		"masters-in-philosophy": "33333333-4444-2222-1111-000000000000",
		"masters-in-english":    "44444444-4444-2222-1111-000000000000",
	}
}

// settlePeople makes the organizations, programs, groups and users of the
// contract's world.
func settlePeople(t *testing.T, store *linkstore.Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const stem, hum = registrar.OrganizationKey("stem-institute"), registrar.OrganizationKey("humanities-college")
	must(store.CreateOrganization(ctx, registrar.Organization{Key: stem, Name: "STEM Institute"}))
	must(store.CreateOrganization(ctx, registrar.Organization{Key: hum, Name: "Humanities College"}))
	for key, uuid := range programUUIDs() {
		managing := stem
		if key == "masters-in-philosophy" || key == "masters-in-english" {
			managing = hum
		}
		must(store.CreateProgram(ctx, registrar.Program{Key: key, UUID: uuid, Organization: managing}))
	}
	for _, g := range []linkstore.Group{
		{Name: "stem-admins", Role: "organization_read_write_enrollments", Target: linkstore.OnOrganization(stem)},
		{Name: "hum-admins", Role: "organization_read_write_enrollments", Target: linkstore.OnOrganization(hum)},
		{Name: "stem-ops", Role: "organization_read_enrollments", Target: linkstore.OnOrganization(stem)},
		{Name: "hum-ops", Role: "organization_read_enrollments", Target: linkstore.OnOrganization(hum)},
		{Name: "stem-users", Role: "organization_read_metadata", Target: linkstore.OnOrganization(stem)},
		{Name: "hum-users", Role: "organization_read_metadata", Target: linkstore.OnOrganization(hum)},
		{Name: "hum-data-ops", Role: "organization_read_reports", Target: linkstore.OnOrganization(hum)},
		{Name: "english-program-users", Role: "program_read_metadata", Target: linkstore.OnProgram("masters-in-english")},
		{Name: "cs-program-admins", Role: "program_read_write_enrollments", Target: linkstore.OnProgram("masters-in-cs")},
		{
			Name: "GlobalReadAndWrite", Target: linkstore.Global(),
			Permissions: []registrar.Permission{registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments},
		},
	} {
		must(store.CreateGroup(ctx, g))
	}
	for name, groups := range map[registrar.Username][]string{
		"edx_admin":        nil,
		"stem_admin":       {"stem-admins"},
		"stem_user":        {"stem-users"},
		"hum_admin":        {"hum-admins", "hum-data-ops"},
		"program_user":     {"english-program-users"},
		"cs_program_admin": {"cs-program-admins"},
		"staff":            nil,
		"nobody":           nil,
	} {
		must(store.CreateUser(ctx, linkstore.User{Username: name, Email: string(name) + "@example.com", Staff: name == "staff"}, groups...))
	}
	must(store.Grant(ctx, "edx_admin", registrar.ReadMetadata, linkstore.Global()))
}
