package gateway

import (
	"net/url"
	"strings"
	"unicode"

	"registrar/internal/registrar"
)

// target is what a request means: its placeholders in canonical form. Both the
// decision who may ask and the URL that is asked are made of it, and of nothing
// else that the caller wrote, so the two cannot speak of different things.
type target struct {
	program  registrar.ProgramUUID
	course   registrar.CourseKey
	username registrar.Username
	// passed is the part of the query that passes as it was written.
	passed string
}

// read makes the target of a request to r. Every text is decoded once.
func (r *rule) read(raw rawValues, rawQuery string) (target, error) {
	var t target
	for hole, text := range raw {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return target{}, malformed("malformed_path", "a percent sign of its path is not followed by two hexadecimal digits")
		}
		if err := t.fill(hole, decoded); err != nil {
			return target{}, err
		}
	}
	given, passed, err := r.splitQuery(rawQuery)
	if err != nil {
		return target{}, err
	}
	t.passed = passed
	for _, p := range r.query {
		text, sent := given[p.name]
		switch {
		case p.hole != noHole && !sent:
			return target{}, &registrar.Error{
				Kind: registrar.Invalid, Code: "missing_parameter",
				Detail: "The parameter " + quoted(p.name) + " is required.",
			}
		case p.hole != noHole:
			if err := t.fill(p.hole, text); err != nil {
				return target{}, err
			}
		case sent && text != p.fixed:
			return target{}, notPassed(p.name)
		}
	}
	return t, nil
}

// fill parses the decoded text of a placeholder.
func (t *target) fill(hole placeholder, text string) (err error) {
	switch hole {
	case programUUID:
		t.program, err = registrar.ParseProgramUUID(text)
	case courseKey:
		t.course, err = registrar.CourseID(text).CourseKey()
	case username:
		t.username = registrar.Username(text)
		if !isUsername(text) {
			err = &registrar.Error{
				Kind: registrar.Invalid, Code: "malformed_username",
				Detail: `A username is made of letters, digits and "@", ".", "+", "-", "_"; a plus in a query is written %2B.`,
			}
		}
	case noHole:
	}
	return err
}

// isUsername reports whether the LMS could have such a user. The characters that
// its APIs take for separators, such as the comma, are not among the allowed ones:
// one name must never become two.
func isUsername(text string) bool {
	const longest = 150 // of Django's column
	return strings.Trim(text, ".") != "" && len(text) <= longest*4 && !strings.ContainsFunc(text, func(c rune) bool {
		return c == unicode.ReplacementChar || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("@.+-_", c)
	})
}

// escaped is the value of a placeholder for the path of an upstream URL.
func (t target) escaped(hole placeholder) string {
	if hole == courseKey {
		return t.course.PathSegment()
	}
	return url.PathEscape(t.text(hole))
}

// text is the value of a placeholder in canonical form.
func (t target) text(hole placeholder) string {
	switch hole {
	case programUUID:
		return string(t.program)
	case courseKey:
		return t.course.String()
	case username:
		return string(t.username)
	case noHole:
	}
	return ""
}

// path is the escaped path of t below the upstream's base URL.
func (r *rule) path(t target) string {
	var b strings.Builder
	for _, s := range r.segments {
		b.WriteByte('/')
		if s.hole != noHole {
			b.WriteString(t.escaped(s.hole))
		} else {
			b.WriteString(s.text)
		}
	}
	if r.slash {
		b.WriteByte('/')
	}
	return b.String()
}

func malformed(code, what string) error {
	return &registrar.Error{Kind: registrar.Invalid, Code: code, Detail: "The request is malformed: " + what + "."}
}

// quoted shows a caller's own word to that caller, cut to a readable length.
func quoted(word string) string {
	const shown = 40
	word = strings.ToValidUTF8(word, "�")
	if len(word) > shown {
		word = strings.ToValidUTF8(word[:shown], "") + "…"
	}
	return `"` + word + `"`
}
