package registrar_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"registrar/internal/registrar"
)

func TestParseCourseKey(t *testing.T) {
	t.Parallel()

	cases := map[string]string{
		"course-v1:NorthU+CS501+2026_T1":                 "course-v1:NorthU+CS501+2026_T1",
		"course-v1%3ANorthU%2BCS501%2B2026_T1":           "course-v1:NorthU+CS501+2026_T1",
		"course-v1:NorthU%2bCS501%2b2026_T1":             "course-v1:NorthU+CS501+2026_T1",
		"course-v1:NorthU CS501 2026_T1":                 "course-v1:NorthU+CS501+2026_T1", // a query string ate the pluses
		"course-v1:NorthU%20CS501%202026_T1":             "course-v1:NorthU+CS501+2026_T1",
		"NorthU/CS101/2019_T1":                           "NorthU/CS101/2019_T1",
		"NorthU%2FCS101%2F2019_T1":                       "NorthU/CS101/2019_T1",
		"course-v1:Nörd.U+C~S-1+r.1":                     "course-v1:Nörd.U+C~S-1+r.1",
		"course-v1:northu+cs501+2026_t1":                 "course-v1:northu+cs501+2026_t1", // case is kept
		"course-v1:" + strings.Repeat("a", 200) + "+c+r": "course-v1:" + strings.Repeat("a", 200) + "+c+r",
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()

			got, err := registrar.ParseCourseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != want {
				t.Errorf("key = %q, want %q", got, want)
			}
		})
	}
}

func TestParseCourseKeyExplains(t *testing.T) {
	t.Parallel()

	cases := map[string]string{
		"":                                        "empty",
		"course-v1:NorthU+CS501":                  "got 2",
		"course-v1:NorthU+CS501+2026+T1":          "got 4",
		"course-v1:NorthU++2026":                  "the course is empty",
		"course-v1:NorthU/CS501/2026":             `joined by "+"`,
		"NorthU+CS501+2026_T1":                    `"course-v1:" is missing`,
		"NorthU CS501 2026_T1":                    `"course-v1:" is missing`,
		"NorthU/CS501":                            "got 2 part(s)",
		"NorthU/CS+501/2026":                      "mixes",
		"library-v1:NorthU+L1":                    "only known prefix",
		"course-v1%253ANorthU%252BCS501%252B2026": "encoded twice",
		"course-v1:NorthU+CS501+2026%":            "two hexadecimal digits",
		"course-v1:NorthU+CS501+20\x0026":         "control character",
		"course-v1:NorthU+CS501+2026?x=1":         `it holds "?"`,
		"NorthU/../2026":                          "only dots",
		"course-v1:" + strings.Repeat("a", 300):   "longer than 255",
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()

			_, err := registrar.ParseCourseKey(text)
			e, ok := errors.AsType[*registrar.Error](err)
			if !ok {
				t.Fatalf("error = %v, want a *registrar.Error", err)
			}
			if e.Kind != registrar.Invalid || e.Code != "malformed_course_key" {
				t.Errorf("kind, code = %s, %s; want invalid, malformed_course_key", e.Kind, e.Code)
			}
			if !strings.Contains(e.Detail, want) {
				t.Errorf("detail = %q, want it to say %q", e.Detail, want)
			}
		})
	}
}

// Any key reads the same raw, encoded in a path and decoded from a query.
func TestCourseKeySpellings(t *testing.T) {
	t.Parallel()

	part := rapid.StringMatching(`[A-Za-z0-9._~ÄéЖ-]*[A-Za-z0-9ÄéЖ]`).Filter(func(s string) bool { return len(s) < 60 })
	rapid.Check(t, func(t *rapid.T) {
		parts := []string{part.Draw(t, "org"), part.Draw(t, "course"), part.Draw(t, "run")}
		text := "course-v1:" + strings.Join(parts, "+")
		if rapid.Bool().Draw(t, "legacy") {
			text = strings.Join(parts, "/")
		}
		want, err := registrar.ParseCourseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, spelling := range []string{
			text, url.PathEscape(text), url.QueryEscape(text), want.PathSegment(),
			strings.ReplaceAll(text, "+", " "),
		} {
			got, err := registrar.ParseCourseKey(spelling)
			if err != nil {
				t.Fatalf("%q: %v", spelling, err)
			}
			if got != want {
				t.Fatalf("%q reads as %q, want %q", spelling, got, want)
			}
		}
		if string(want.Organization()) != parts[0] {
			t.Fatalf("organization = %q, want %q", want.Organization(), parts[0])
		}
	})
}

// Whatever is accepted is canonical: reading it again changes nothing, and it
// stays within one path of the LMS.
func FuzzParseCourseKey(f *testing.F) {
	for _, seed := range []string{"course-v1:A+B+C", "A/B/C", "course-v1%3AA%2BB%2BC", "course-v1:A B C", "%", "a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := registrar.ParseCourseKey(text)
		if err != nil {
			if !key.IsZero() {
				t.Fatalf("%q: an error and a key", text)
			}
			return
		}
		again, err := registrar.ParseCourseKey(key.String())
		if err != nil || again != key {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", text, key, again, err)
		}
		if strings.ContainsAny(key.PathSegment(), "?#\\ ") || strings.Contains(key.PathSegment(), "/../") {
			t.Fatalf("%q leaves its path: %q", text, key.PathSegment())
		}
	})
}

func TestCourseKeyText(t *testing.T) {
	t.Parallel()

	var key registrar.CourseKey
	if err := key.UnmarshalText([]byte("course-v1%3AA%2BB%2BC")); err != nil {
		t.Fatal(err)
	}
	if text, _ := key.MarshalText(); string(text) != "course-v1:A+B+C" {
		t.Errorf("text = %q, want course-v1:A+B+C", text)
	}
	if err := key.UnmarshalText(nil); err != nil || !key.IsZero() {
		t.Errorf("empty text gave %q, %v; want no key", key, err)
	}
}

func TestCatalogCourseKeyTakesKeysWithoutPrefix(t *testing.T) {
	t.Parallel()

	for text, ok := range map[string]bool{
		"HUMx+English-550+Spring": true, "course-v1:a+b+c": true, "a/b/c": true,
		"old": false, "a+b": false, "a++c": false, "a+b+..": false, "other:a+b+c": false, "a+b+c%2F": false,
	} {
		key, err := registrar.CatalogCourseKey(text)
		if (err == nil) != ok || ok && key.String() != text {
			t.Errorf("%q: %v, %v; want it taken as it is: %v", text, key, err, ok)
		}
		var back registrar.CourseKey
		if err := back.UnmarshalText([]byte(key.String())); err != nil || back != key {
			t.Errorf("%q comes back as %v, %v", text, back, err)
		}
	}
}
