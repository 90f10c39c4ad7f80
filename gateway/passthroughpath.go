package gateway

import (
	"fmt"
	"slices"
	"strings"
)

// placeholder is a part of a request that says whose data is meant.
type placeholder string

const (
	noHole      placeholder = ""
	programUUID placeholder = "{program_uuid}"
	courseKey   placeholder = "{course_key}"
	username    placeholder = "{username}"
)

// segment is one segment of a rule's path: a text or a placeholder.
type segment struct {
	text string
	hole placeholder
}

// readPath splits the rule's path. Texts hold no character that two servers could
// read differently, so they are compared byte for byte.
func (r *rule) readPath() error {
	rest, ok := strings.CutPrefix(r.Path, "/")
	if !ok || rest == "" {
		return fmt.Errorf("path %q: want one that begins with a slash", r.Path)
	}
	for text := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), "/") {
		s := segment{text: text}
		if strings.ContainsAny(text, "{}") {
			hole, err := r.hole(text)
			if err != nil {
				return err
			}
			s = segment{hole: hole}
		} else if !isPlain(text) {
			return fmt.Errorf(`path %q: want segments of letters, digits, "-", ".", "_" and "~", or placeholders`, r.Path)
		}
		r.segments = append(r.segments, s)
	}
	return nil
}

// hole reads a placeholder and notes that the rule has it.
func (r *rule) hole(text string) (placeholder, error) {
	p := placeholder(text)
	if p != programUUID && p != courseKey && p != username {
		return noHole, fmt.Errorf("%q: the placeholders are %s, %s and %s", text, programUUID, courseKey, username)
	}
	if r.holes[p] {
		return noHole, fmt.Errorf("%s is there twice", p)
	}
	r.holes[p] = true
	return p, nil
}

// isPlain reports whether a text means itself in every URL. Dots alone climb.
func isPlain(text string) bool {
	return strings.Trim(text, ".") != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return !letterOrDigit(c) && !strings.ContainsRune("-._~", c)
	})
}

// rawValues are placeholders as the caller wrote them in the path.
type rawValues map[placeholder]string

// match compares a path with the rule's. Its segments come undecoded and without
// the empty one that a slash at the end makes.
func (r *rule) match(path []string) (rawValues, bool) {
	raw := rawValues{}
	// A legacy course key fills three segments. Only one placeholder of a rule is
	// a course key, so the count tells which form it is.
	legacy := len(path) == len(r.segments)+2
	if len(path) != len(r.segments) && !legacy {
		return nil, false
	}
	for _, s := range r.segments {
		width := 1
		if legacy && s.hole == courseKey {
			width = 3
		}
		if len(path) < width || slices.Contains(path[:width], "") {
			return nil, false
		}
		text := strings.Join(path[:width], "/")
		path = path[width:]
		if s.hole != noHole {
			raw[s.hole] = text
		} else if text != s.text {
			return nil, false
		}
	}
	return raw, len(path) == 0
}

// shape is equal for two rules that could match the same path.
func (r *rule) shape() string {
	texts := make([]string, len(r.segments))
	for i, s := range r.segments {
		texts[i] = s.text // empty for any placeholder
	}
	return string(r.Upstream) + "/" + strings.Join(texts, "/")
}
