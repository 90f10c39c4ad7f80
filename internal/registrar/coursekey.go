package registrar

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// CourseKey is the canonical key of one course run: "course-v1:Org+Course+Run",
// or the legacy "Org/Course/Run". The zero value is no key. Case matters.
//
// It is made by [ParseCourseKey] alone, so two equal course runs are two equal
// values, whatever spelling the caller used.
type CourseKey struct{ text string }

// CourseID is what a caller calls a course run: its course key or the school's
// external key, decoded once. [ProgramDetails.Run] resolves it.
type CourseID string

const courseV1 = "course-v1:"

// ParseCourseKey reads a course key as callers write it: raw or
// percent-encoded, "course-v1:" or legacy, and with the spaces that a query
// string makes of unencoded pluses. The error of a malformed key is [Invalid]
// and its detail explains what is wrong.
func ParseCourseKey(text string) (CourseKey, error) {
	id, err := DecodeCourseID(text)
	if err != nil {
		return CourseKey{}, err
	}
	return id.CourseKey()
}

// CatalogCourseKey reads a course key as a catalog writes it: what
// [ParseCourseKey] reads, and besides "Org+Course+Run" without its prefix, which
// old catalogs hold and the LMS knows by just that text. A caller who leaves the
// prefix out has more likely made a mistake.
func CatalogCourseKey(text string) (CourseKey, error) {
	key, err := ParseCourseKey(text)
	if err == nil {
		return key, nil
	}
	parts := strings.Split(text, "+")
	if len(parts) != 3 || strings.ContainsAny(text, "/: ") || unreadable(text) != "" {
		return CourseKey{}, err
	}
	return joined(text, text, parts)
}

// DecodeCourseID percent-decodes a raw path segment once. Pluses stay pluses.
func DecodeCourseID(raw string) (CourseID, error) {
	text, err := url.PathUnescape(raw)
	if err != nil {
		return "", malformed(raw, "a percent sign is not followed by two hexadecimal digits", err)
	}
	return CourseID(text), nil
}

// CourseKey reads an already decoded id as a course key. It never decodes: a
// percent sign left here means that the caller encoded twice.
func (id CourseID) CourseKey() (CourseKey, error) {
	text := string(id)
	if reason := unreadable(text); reason != "" {
		return CourseKey{}, malformed(text, reason, nil)
	}
	if rest, ok := strings.CutPrefix(text, courseV1); ok {
		return opaqueKey(text, rest)
	}
	return legacyKey(text)
}

// opaqueKey reads "Org+Course+Run". A space can only be a plus that a query
// string decoded, for none of the three parts may hold one.
func opaqueKey(text, rest string) (CourseKey, error) {
	rest = strings.ReplaceAll(rest, " ", "+")
	parts := strings.Split(rest, "+")
	switch {
	case strings.Contains(rest, "/"):
		return CourseKey{}, malformed(text, `"course-v1:" keys are joined by "+", not by "/"`, nil)
	case len(parts) != 3:
		return CourseKey{}, malformed(text, fmt.Sprintf(`want three parts joined by "+", got %d`, len(parts)), nil)
	}
	return joined(text, courseV1+rest, parts)
}

func legacyKey(text string) (CourseKey, error) {
	parts := strings.Split(text, "/")
	switch {
	case strings.Contains(text, ":"):
		return CourseKey{}, malformed(text, `the only known prefix is "course-v1:"`, nil)
	case strings.ContainsAny(text, "+ ") && len(parts) == 1:
		return CourseKey{}, malformed(text, `the prefix "course-v1:" is missing`, nil)
	case strings.ContainsAny(text, "+ "):
		return CourseKey{}, malformed(text, `a legacy key mixes "/" with "+" or spaces`, nil)
	case len(parts) != 3:
		return CourseKey{}, malformed(text, fmt.Sprintf(`want "course-v1:Org+Course+Run" or "Org/Course/Run", got %d part(s)`, len(parts)), nil)
	}
	return joined(text, text, parts)
}

func joined(text, canonical string, parts []string) (CourseKey, error) {
	for i, name := range []string{"organization", "course", "run"} {
		if parts[i] == "" {
			return CourseKey{}, malformed(text, "the "+name+" is empty", nil)
		}
		// A part of dots alone would climb out of the LMS path it is put into.
		if strings.Trim(parts[i], ".") == "" {
			return CourseKey{}, malformed(text, "the "+name+" is only dots", nil)
		}
	}
	return CourseKey{text: canonical}, nil
}

// unreadable names the characters no course key can hold.
func unreadable(text string) string {
	switch {
	case text == "":
		return "it is empty"
	case len(text) > maxKey:
		return fmt.Sprintf("it is longer than %d bytes", maxKey)
	case strings.Contains(text, "%"):
		return "it still holds a percent sign after decoding once; was it encoded twice?"
	case strings.ContainsAny(text, "?#\\"):
		return `it holds "?", "#" or "\"`
	case strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.IsSpace(r) && r != ' '
	}):
		return "it holds a control character or broken UTF-8"
	}
	return ""
}

func malformed(text, reason string, cause error) error {
	const shown = 80
	if len(text) > shown {
		text = text[:shown] + "…"
	}
	return &Error{
		Kind: Invalid, Code: "malformed_course_key",
		Detail: fmt.Sprintf("%q is not a course key: %s.", text, reason), Err: cause,
	}
}

// String returns the canonical form, ready for a JSON body or a log line.
func (k CourseKey) String() string { return k.text }

// IsZero reports whether k is no key at all.
func (k CourseKey) IsZero() bool { return k.text == "" }

// Organization is the first part of the key, as the course's authors wrote it.
func (k CourseKey) Organization() OrganizationKey {
	rest := strings.TrimPrefix(k.text, courseV1)
	if i := strings.IndexAny(rest, "+/"); i >= 0 {
		return OrganizationKey(rest[:i])
	}
	return ""
}

// PathSegment is the key escaped for the path of an upstream URL. A plus means
// itself there and stays; the slashes of a legacy key stay too, because the
// LMS's routes read them as part of the key.
func (k CourseKey) PathSegment() string {
	parts := strings.Split(k.text, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// MarshalText writes the canonical form.
func (k CourseKey) MarshalText() ([]byte, error) { return []byte(k.text), nil }

// UnmarshalText reads any form that [CatalogCourseKey] reads, for what was kept
// must come back; empty text is no key.
func (k *CourseKey) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = CourseKey{}
		return nil
	}
	parsed, err := CatalogCourseKey(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}
