package aggregate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"registrar/internal/registrar"
)

// Scope says whose readers may share a kept part. It has no useful zero value:
// only [PublicScope] and [ProgramScope] make one.
type Scope struct {
	public       bool
	organization registrar.OrganizationKey
	program      registrar.ProgramKey
	uuid         registrar.ProgramUUID
}

// PublicScope is for what any caller may read, such as a program's details.
func PublicScope() Scope { return Scope{public: true} }

// ProgramScope is for what only the readers of p may read. The LMS checks no
// tenant, so everything it tells about people belongs here.
func ProgramScope(p registrar.Program) Scope {
	return Scope{organization: p.Organization, program: p.Key, uuid: p.UUID}
}

// Key names one kept part. Its fields are compared one by one and never joined
// into a text, so no clever name can look like another key.
type Key struct {
	view   View
	scope  Scope
	course registrar.CourseKey
	name   string
}

// NewKey returns the key of a part: course is zero for what is not about one
// course run, name is a uuid, a username or a student key, empty for a whole
// listing. A zero scope panics: a key without a scope would be a hole in the
// tenant wall, and no input can lead there.
func NewKey(view View, scope Scope, course registrar.CourseKey, name string) Key {
	if scope == (Scope{}) {
		panic("aggregate: a cache key without a scope")
	}
	return Key{view: view, scope: scope, course: course, name: name}
}

// View is the kind of part that k names.
func (k Key) View() View { return k.view }

// Text is k for a shared cache: the view, the version of the encoding and a
// digest, because names of people do not belong into another server's key space.
func (k Key) Text() string {
	return string(k.view) + ":" + encoding + ":" + fingerprint(fmt.Appendf(nil, "%t %q %q %q %q %q",
		k.scope.public, k.scope.organization, k.scope.program, k.scope.uuid, k.course.String(), k.name))
}

// fingerprint is half a SHA-256 in hexadecimal: short, and still nobody's guess.
func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
