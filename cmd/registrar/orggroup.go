package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

// groupsOf reads the values of --group of a new organization.
func groupsOf(values []string) ([]linkstore.Group, error) {
	groups := make([]linkstore.Group, 0, len(values))
	for _, value := range values {
		g, err := groupOf(value)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--group %q: %w", value, err)}
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// groupOf reads one value. Without a name the store makes one.
func groupOf(value string) (linkstore.Group, error) {
	role, name, err := roleAndName(value)
	if err != nil {
		return linkstore.Group{}, err
	}
	if !slices.Contains(organizationRoles(), role) {
		return linkstore.Group{}, fmt.Errorf("the first word must be a role on an organization, one of %s", strings.Join(organizationRoles(), ", "))
	}
	return linkstore.Group{Role: registrar.Role(role), Name: name}, nil
}

// roleAndName takes ROLE, "ROLE NAME" or "ROLE=NAME" apart.
func roleAndName(value string) (role, name string, err error) {
	words := strings.Fields(value)
	before, after, equals := strings.Cut(strings.TrimSpace(value), "=")
	switch {
	case len(words) == 0:
		return "", "", errors.New("a role is missing")
	case equals && !strings.ContainsAny(before, " \t"): // further on it belongs to a name
		if after = strings.TrimSpace(after); after == "" {
			return "", "", errors.New("a name is missing behind the equals sign")
		}
		return before, after, nil
	case len(words) > 2:
		return "", "", errors.New("only one or two words are accepted, a role and a name; write a name of several words as ROLE=NAME")
	case len(words) == 2:
		return words[0], words[1], nil
	}
	return words[0], "", nil
}

// organizationRoles are the roles that a group can hold on an organization.
func organizationRoles() []string {
	return slices.DeleteFunc(roleNames(), func(name string) bool { return !strings.HasPrefix(name, "organization_") })
}
