package registrar

import (
	"hash/fnv"
	"slices"
)

// Flag switches a feature on for some callers. The zero value is off.
type Flag struct {
	// Everyone decides alone when it is set; what follows is then not looked at.
	Everyone          *bool
	Authenticated     bool
	Staff, Superusers bool
	Users             []Username
	Groups            []string // names of groups of any scope
	// Percent of all users, 0 to 100. A user's lot stays the same.
	Percent float64
}

// On reports whether the flag called name is on for p.
func (f Flag) On(name string, p Principal) bool {
	if f.Everyone != nil {
		return *f.Everyone
	}
	return f.Authenticated || f.Staff && p.Staff || f.Superusers && p.Superuser ||
		slices.Contains(f.Users, p.Username) ||
		slices.ContainsFunc(p.Groups, func(g Group) bool { return slices.Contains(f.Groups, g.Name) }) ||
		lot(name, p.Username) < f.Percent
}

// lot is a user's place between 0 and 100 for one flag, the same on every
// replica; another flag draws another one.
func lot(flag string, user Username) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(flag + "\x00" + string(user))) // a hash never fails
	return float64(h.Sum32()%10_000) / 100
}
