package registrar_test

import (
	"slices"
	"testing"

	"registrar/internal/registrar"
)

func TestCan(t *testing.T) {
	t.Parallel()

	program := registrar.Program{Key: "masters-cs", Organization: "NorthU"}
	masters := registrar.ProgramDetails{TypeSlug: "masters"}
	read := []registrar.Permission{registrar.ReadEnrollments}
	cases := map[string]struct {
		who     registrar.Principal
		details registrar.ProgramDetails
		want    bool
	}{
		"no grant":              {registrar.Principal{}, masters, false},
		"staff is not enough":   {registrar.Principal{Staff: true}, masters, false},
		"superuser":             {registrar.Principal{Superuser: true}, masters, true},
		"superuser, no masters": {registrar.Principal{Superuser: true}, registrar.ProgramDetails{TypeSlug: "micromasters"}, false},
		"type unknown":          {registrar.Principal{Superuser: true}, registrar.ProgramDetails{}, false},
		"global":                {registrar.Principal{Grants: registrar.Grants{Global: read}}, masters, true},
		"organization": {registrar.Principal{Grants: registrar.Grants{
			Organizations: map[registrar.OrganizationKey][]registrar.Permission{"NorthU": read},
		}}, masters, true},
		"other organization": {registrar.Principal{Grants: registrar.Grants{
			Organizations: map[registrar.OrganizationKey][]registrar.Permission{"HarborX": read},
		}}, masters, false},
		"spelling of the organization": {registrar.Principal{Grants: registrar.Grants{
			Organizations: map[registrar.OrganizationKey][]registrar.Permission{"northu": read},
		}}, masters, false},
		"program": {registrar.Principal{Grants: registrar.Grants{
			Programs: map[registrar.ProgramKey][]registrar.Permission{"masters-cs": read},
		}}, masters, true},
		"writing is not reading": {registrar.Principal{Grants: registrar.Grants{
			Global: []registrar.Permission{registrar.WriteEnrollments},
		}}, masters, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := c.who.CanWith(registrar.ReadEnrollments, program, c.details); got != c.want {
				t.Errorf("may read enrollments = %v, want %v", got, c.want)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()

	for _, role := range registrar.Roles() {
		if !slices.Contains(role.Permissions(), registrar.ReadMetadata) {
			t.Errorf("%s does not read metadata", role)
		}
	}
	if p := registrar.Role("superhero").Permissions(); p != nil {
		t.Errorf("an unknown role allows %v", p)
	}
	if p := registrar.ProgramPermissions(); !slices.IsSorted(p) {
		t.Errorf("permissions = %v, want them in alphabetical order", p)
	}
}
