package routes

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// The patterns of the original's routes, as its documentation gives them.
const (
	tokenPattern  = `^[A-Za-z0-9_-]+$`
	coursePattern = `^([^/+]+[/+][^/+]+[/+][^/?]+|[A-Za-z0-9_:-]+)$`
)

func TestPathTokensFollowTheirPatterns(t *testing.T) {
	t.Parallel()
	token, course := regexp.MustCompile(tokenPattern), regexp.MustCompile(coursePattern)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("aZ09-_:+/?. é%"))).Draw(t, "text")
		if got, want := isToken(text, ""), token.MatchString(text); got != want {
			t.Errorf("%q is a key: %v, want %v", text, got, want)
		}
		if got, want := isCourseID(text), course.MatchString(text); got != want {
			t.Errorf("%q is a course id: %v, want %v", text, got, want)
		}
	})
}

func TestIsUUID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"0d9b3c52-6f0e-4c1b-8a55-3f2d6c7b8e90": true, "": false, "abc-123": false,
		"0d9b3c526f0e4c1b8a553f2d6c7b8e90":     false,
		"0d9b3c52-6f0e-4c1b-8a55-3f2d6c7b8e9":  false,
		"0d9b3c5-26f0e-4c1b-8a55-3f2d6c7b8e90": false,
		"------------------------------------": false,
	} {
		if got := isUUID(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
