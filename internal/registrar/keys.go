package registrar

import (
	"regexp"
	"strings"
)

// OrganizationKey names a school, such as "NorthU". It is compared by case, as
// the LMS and Discovery do.
type OrganizationKey string

// ProgramKey names a program in our URLs, such as "masters-cs".
type ProgramKey string

// ProgramUUID is the lower-case uuid by which Discovery and the LMS know a
// program. Upper case misses their routes and earns an HTML 404.
type ProgramUUID string

// CurriculumUUID names one curriculum of a program in Discovery.
type CurriculumUUID string

// StudentKey is a school's own name for a learner. The LMS calls it student_key
// or external_user_key. It keeps its spelling and compares without case.
type StudentKey string

// Username is a learner's or a caller's account name in the LMS.
type Username string

// Fold returns the form in which two spellings of one student key are equal.
func (k StudentKey) Fold() StudentKey {
	return StudentKey(strings.ToLower(strings.TrimSpace(string(k))))
}

// Linkable reports whether the LMS could ever link k to an account: it stores
// "slug:key" and gives up on a key that has a colon of its own.
func (k StudentKey) Linkable() bool {
	return k != "" && !strings.Contains(string(k), ":")
}

// Valid reports whether k can name an organization: letters, digits, "-", "_".
func (k OrganizationKey) Valid() bool { return isSlug(string(k)) }

// Valid reports whether k can name a program: letters, digits, "-", "_".
func (k ProgramKey) Valid() bool { return isSlug(string(k)) }

// maxKey is the length of the key columns of the original Registrar.
const maxKey = 255

func isSlug(s string) bool {
	if s == "" || len(s) > maxKey {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// ParseProgramUUID returns text as a program uuid in lower case. Discovery
// answers 500 to a malformed one, so it is refused here.
func ParseProgramUUID(text string) (ProgramUUID, error) {
	u := strings.ToLower(strings.TrimSpace(text))
	// Compiling is cheap next to the call that follows, and keeps the package free of globals.
	ok, err := regexp.MatchString(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, u)
	if err != nil || !ok {
		return "", Fail(Invalid, "A program uuid is 32 hexadecimal digits in groups of 8-4-4-4-12.", err)
	}
	return ProgramUUID(u), nil
}
