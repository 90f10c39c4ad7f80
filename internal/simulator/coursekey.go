package simulator

import "strings"

// courseKey is a parsed course key. The simulator has its own parser so that it
// cannot agree with the gateway's mistakes.
type courseKey struct{ org, course, run string }

// parseCourseKey reads "course-v1:Org+Course+Run" and "Org/Course/Run". A space,
// which is what a plus in a query turns into, makes the key invalid.
func parseCourseKey(text string) (courseKey, bool) {
	separator := "/"
	rest, modern := strings.CutPrefix(text, "course-v1:")
	if modern {
		separator = "+"
	}
	parts := strings.Split(rest, separator)
	if len(parts) != 3 || strings.ContainsFunc(strings.Join(parts, ""), notInKey) {
		return courseKey{}, false
	}
	for _, p := range parts {
		if p == "" {
			return courseKey{}, false
		}
	}
	return courseKey{parts[0], parts[1], parts[2]}, true
}

func notInKey(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 127
	return !letter && !strings.ContainsRune("_-~.:", r)
}
