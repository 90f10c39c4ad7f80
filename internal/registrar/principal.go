package registrar

import "context"

// Claims is what a verified token says of its bearer.
type Claims struct {
	Username Username
	Email    string // empty when the token does not tell
	// Administrator is the LMS's global staff flag; nil when the token lacks
	// the profile scope, which says nothing about the person.
	Administrator *bool
}

// Principal is the caller of a request, with everything that decides what the
// caller may do.
type Principal struct {
	Username  Username
	Staff     bool // the LMS's global staff; opens the internal endpoints only
	Superuser bool // of the gateway: holds every permission
	Grants    Grants
	// Groups are those the caller is a member of, by name; for flags and tracking
	// alone, Grants already hold what they allow.
	Groups []Group
}

// Group is a membership of a caller.
type Group struct {
	Name string
	// Organization is the name of the organization that an organization group is
	// of; empty for groups of other scopes.
	Organization string
}

// Can reports whether p may do want to the program, by grants alone. Permissions
// that mean something on Masters programs only need the program's type too: see
// [Principal.CanWith].
func (p Principal) Can(want Permission, program Program) bool {
	return p.Superuser || p.Grants.Allow(want, program)
}

// CanWith reports whether p may do want to a program whose details are known. A
// program that is not a Masters, or of unknown type, has no enrollments to read
// or write, whoever asks.
func (p Principal) CanWith(want Permission, program Program, details ProgramDetails) bool {
	return p.Can(want, program) && (details.IsMasters() || !want.MastersOnly())
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the caller that the gateway put into ctx, and whether
// it did.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

type requestIDKey struct{}

// WithRequestID returns a context that carries the id of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request that ctx serves, or "". It is sent
// upstream as X-Request-ID and stands in every log line.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
