package jobs

import (
	"strings"

	"registrar/internal/registrar"
)

// maxProgramKey is how long a key made from a slug may get, as in the original.
const maxProgramKey = 100

// programKey makes a program key of the last segment of a marketing slug:
// "masters/northu/masters-cs" gives "masters-cs". Characters that no key can
// hold become dashes. It may be empty.
func programKey(slug string) registrar.ProgramKey {
	last := slug[strings.LastIndex(slug, "/")+1:]
	key := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, last)
	key = strings.Trim(key, "-")
	return registrar.ProgramKey(key[:min(len(key), maxProgramKey)])
}
