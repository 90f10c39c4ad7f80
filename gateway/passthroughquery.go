package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"registrar/internal/registrar"
)

// readQuery checks what the rule says of the query.
func (r *rule) readQuery() error {
	for name, value := range r.Query {
		p := parameter{name: name, fixed: value}
		if strings.ContainsAny(value, "{}") {
			hole, err := r.hole(value)
			if err != nil {
				return err
			}
			p = parameter{name: name, hole: hole}
		}
		r.query = append(r.query, p)
	}
	slices.SortFunc(r.query, func(a, b parameter) int { return cmp.Compare(a.name, b.name) })
	names := slices.Clone(r.AllowQuery)
	for _, p := range r.query {
		names = append(names, p.name)
	}
	for i, name := range names {
		if !isPlain(name) {
			return fmt.Errorf("parameter %q: want a name of letters, digits and a few signs", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("parameter %q is there twice", name)
		}
	}
	return nil
}

// splitQuery reads a query as sent: the decoded values of the rule's own
// parameters, and the allowed others, whose values stay as they were written.
//
// A parameter that is not declared is refused, not dropped: without the filter
// that the caller meant, the answer would be wider than the question.
func (r *rule) splitQuery(raw string) (given map[string]string, passed string, err error) {
	given = map[string]string{}
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		rawName, value, valued := strings.Cut(pair, "=")
		// Compared in decoded form, or an encoded letter would hide a name.
		name, nameErr := url.QueryUnescape(rawName)
		text, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil || !urlBytes(pair) {
			return nil, "", malformed("malformed_query", "its query holds a broken escape or a character that has to be escaped")
		}
		own := slices.ContainsFunc(r.query, func(p parameter) bool { return p.name == name })
		_, twice := given[name]
		switch {
		case own && twice: // two readers could believe two different ones
			return nil, "", malformed("malformed_query", "a parameter that may be there once is there twice")
		case own:
			given[name] = text
		case slices.Contains(r.AllowQuery, name) && valued:
			kept = append(kept, name+"="+value)
		case slices.Contains(r.AllowQuery, name):
			kept = append(kept, name)
		default:
			return nil, "", notPassed(name)
		}
	}
	return given, strings.Join(kept, "&"), nil
}

func notPassed(name string) error {
	return &registrar.Error{
		Kind: registrar.Invalid, Code: "parameter_not_allowed",
		Detail: "The parameter " + quoted(name) + ", or its value, is not passed on.",
	}
}

// urlBytes reports whether s holds only what a query may hold unescaped. The
// semicolon is left out: some servers take it for "&".
func urlBytes(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"#;<>\\^`{|}", c)
	})
}

// upstreamQuery is the query of t: the rule's own parameters by name, then what
// passes. A plus that means itself becomes %2B.
func (r *rule) upstreamQuery(t target) string {
	var pairs []string
	for _, p := range r.query {
		value := p.fixed
		if p.hole != noHole {
			value = t.text(p.hole)
		}
		pairs = append(pairs, p.name+"="+url.QueryEscape(value))
	}
	if t.passed != "" {
		pairs = append(pairs, t.passed)
	}
	return strings.Join(pairs, "&")
}
