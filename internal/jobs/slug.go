package jobs

import (
	"strings"

	"registrar/internal/registrar"
)

// maxProgramKey is how long a key made from a slug may get, as in the original.
const maxProgramKey = 100

// programKey makes a program key of the last segment of a marketing slug:
// "masters/northu/masters-cs" gives "masters-cs". It may be empty.
func programKey(slug string) registrar.ProgramKey {
	return keyOf(slug[strings.LastIndex(slug, "/")+1:], maxProgramKey)
}

// WholeSlugKey makes a program key of a whole marketing slug, for a program that
// is added by hand: "masters/northu/masters-cs" gives "masters-northu-masters-cs".
// It may be empty.
func WholeSlugKey(slug string) registrar.ProgramKey {
	const longest = 255 // of any key
	return keyOf(slug, longest)
}

// keyOf puts a dash in the place of each character that no key can hold, but
// for the first and the last ones.
func keyOf(text string, longest int) registrar.ProgramKey {
	key := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, text)
	key = strings.Trim(key, "-")
	return registrar.ProgramKey(key[:min(len(key), longest)])
}
