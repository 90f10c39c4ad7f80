package routes

import (
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestV1Query(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want v1Query
	}{
		"nothing":                          {"", v1Query{}},
		"pluses and escapes":               {"program_title=a+b%2Bc%20d", v1Query{"program_title": "a b+c d"}},
		"the last of several":              {"fmt=json&fmt=csv", v1Query{"fmt": "csv"}},
		"an empty value":                   {"fmt=", v1Query{"fmt": ""}},
		"a name alone":                     {"fmt", v1Query{"fmt": ""}},
		"what the search box sends":        {"program_title=100% sure;%zz%4", v1Query{"program_title": "100% sure;%zz%4"}},
		"an escaped percent, decoded once": {"a=%2541", v1Query{"a": "%41"}},
		"letters of several bytes":         {"a=%C3%A9é", v1Query{"a": "éé"}},
		"no UTF-8":                         {"a=%ff", v1Query{"a": "\uFFFD"}},
		"stray separators":                 {"&&a=1&", v1Query{"a": "1"}},
		"an escaped name":                  {"f%6Dt=csv", v1Query{"fmt": "csv"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, parseV1Query(tc.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A query that the rules of URLs allow is read by them.
func FuzzV1Query(f *testing.F) {
	for _, seed := range []string{"a=b", "a=%41&a=+", "%", "=&=", "a=%e9", "%zz=%C3%A9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := parseV1Query(text)
		strict, err := url.ParseQuery(text)
		for name, value := range got {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("%q: %q=%q is no UTF-8", text, name, value)
			}
		}
		if err != nil {
			return
		}
		for name, all := range strict {
			last := all[len(all)-1]
			if utf8.ValidString(name) && utf8.ValidString(last) && got[name] != last {
				t.Errorf("%q: %q is %q, want %q", text, name, got[name], last)
			}
		}
	})
}
