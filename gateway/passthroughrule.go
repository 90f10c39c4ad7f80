package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// Upstream names a system that the passthrough can reach. It is also the first
// segment of the paths that lead there: "/lms/…", "/discovery/…".
type Upstream string

// The systems that can be reached.
const (
	LMS       Upstream = "lms"
	Discovery Upstream = "discovery"
)

// NoFilter says in [Rule.Filter] that answers about a learner need no filter.
const NoFilter = "none"

// Rule lets one endpoint of an upstream through. What no rule names does not pass:
// no path, no method, no query parameter.
//
// A rule's Path and Query hold each placeholder at most once: "{program_uuid}",
// "{course_key}", "{username}". A placeholder is a whole path segment, or a whole
// value of the query. Whoever asks must hold Permission on one program that
// satisfies all placeholders of the rule at once: it has the uuid, it lists the
// course run, the account is linked to a learner in it. A rule without any
// placeholder is for superusers alone.
type Rule struct {
	Name     string // for metrics: letters, digits, "-" and "_"; each once
	Upstream Upstream
	// Methods are any of GET, POST, PUT, PATCH and DELETE; HEAD comes with GET.
	// Default: GET.
	Methods []string
	// Path is the upstream's, from its base URL on: "/api/v1/course_runs/{course_key}/".
	// Callers may leave a slash at the end off or add one; the upstream always
	// gets the rule's own form.
	Path string
	// Query is what the upstream's query always holds: placeholders, which the
	// caller must send, and fixed values, which the caller need not send.
	Query map[string]string
	// AllowQuery names further parameters that pass as the caller wrote them. The
	// upstream trusts our account with all data, so a parameter that widens what is
	// asked for must not stand here.
	AllowQuery []string
	// Permission is what the caller must hold; required with a placeholder.
	Permission registrar.Permission
	// Filter names the member of a listing's items that holds a course key, such
	// as "course_id" or "course_details.course_id". Items of course runs that the
	// caller's programs do not list are taken out. It is required where "{username}"
	// is the only placeholder, for such answers speak of all schools of the
	// learner; [NoFilter] says that this one does not.
	Filter string
	// Cache is how long a JSON answer is kept in this process. Default: not at all.
	Cache   time.Duration
	MaxBody int64 // of a request, in bytes; default 1 MiB
	// Timeout bounds the exchange, the sending of the answer included; the server's
	// own time for a request bounds it as well. Default: 30 s.
	Timeout time.Duration
}

// rule is a [Rule] that was found good.
type rule struct {
	Rule
	segments []segment
	query    []parameter // by name, ascending
	slash    bool        // the path ends in one
	holes    map[placeholder]bool
	template string // of the public path, for logs and [Gateway.Routes]
}

// parameter is one entry of [Rule.Query].
type parameter struct {
	name  string
	hole  placeholder
	fixed string // where there is no hole
}

// compile checks r. Its error names the rule and what is wrong with it.
func compile(r Rule) (*rule, error) {
	r.Methods = slices.Clone(r.Methods)
	if len(r.Methods) == 0 {
		r.Methods = []string{fiber.MethodGet}
	}
	r.MaxBody = cmp.Or(r.MaxBody, 1<<20)
	r.Timeout = cmp.Or(r.Timeout, 30*time.Second)
	c := &rule{Rule: r, slash: strings.HasSuffix(r.Path, "/"), holes: map[placeholder]bool{}, template: "/" + string(r.Upstream) + r.Path}
	for _, check := range []func() error{c.checkBasics, c.readPath, c.readQuery, c.checkGuard, c.checkCache} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("gateway: passthrough rule %q: %w", r.Name, err)
		}
	}
	return c, nil
}

func (r *rule) checkBasics() error {
	if !isName(r.Name) {
		return errors.New(`want a name of letters, digits, "-" and "_"`)
	}
	if r.Upstream != LMS && r.Upstream != Discovery {
		return fmt.Errorf("upstream %q: want %q or %q", r.Upstream, LMS, Discovery)
	}
	for i, method := range r.Methods {
		if method == fiber.MethodHead || method == fiber.MethodOptions || !slices.Contains(methods(), method) {
			return fmt.Errorf("method %q: want GET, POST, PUT, PATCH or DELETE", method)
		}
		if slices.Contains(r.Methods[:i], method) {
			return fmt.Errorf("method %q is there twice", method)
		}
	}
	if r.Cache < 0 || r.Timeout < 0 || r.MaxBody < 0 {
		return errors.New("cache, timeout and body limit cannot be negative")
	}
	return nil
}

// checkGuard refuses a rule that would let somebody read another school's data.
func (r *rule) checkGuard() error {
	known := slices.Contains(registrar.ProgramPermissions(), r.Permission)
	switch {
	case !known && (r.Permission != "" || len(r.holes) > 0):
		return fmt.Errorf("permission %q: want one of %v", r.Permission, registrar.ProgramPermissions())
	case r.Filter == "" && r.holes[username] && len(r.holes) == 1:
		return fmt.Errorf("an answer about a username alone speaks of every school: want a filter, or %q, or a further placeholder", NoFilter)
	case r.filters() && (len(r.holes) == 0 || !slices.Equal(r.Methods, []string{fiber.MethodGet})):
		return errors.New("a filter wants a placeholder, and GET as the only method")
	case r.filters() && slices.ContainsFunc(strings.Split(r.Filter, "."), func(s string) bool { return !isName(s) }):
		return fmt.Errorf("filter %q: want a member's name, or several joined by dots", r.Filter)
	}
	return nil
}

// checkCache refuses to keep what the same path can change.
func (r *rule) checkCache() error {
	if r.Cache > 0 && !slices.Equal(r.Methods, []string{fiber.MethodGet}) {
		return errors.New("only a rule whose one method is GET can be cached")
	}
	return nil
}

// filters reports whether answers are filtered.
func (r *rule) filters() bool { return r.Filter != "" && r.Filter != NoFilter }

// takes reports whether the rule is for a method.
func (r *rule) takes(method string) bool {
	if method == fiber.MethodHead {
		method = fiber.MethodGet
	}
	return slices.Contains(r.Methods, method)
}

// isName reports whether s is made of letters, digits, "-" and "_".
func isName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return !letterOrDigit(c) && c != '-' && c != '_'
	})
}

func letterOrDigit(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
