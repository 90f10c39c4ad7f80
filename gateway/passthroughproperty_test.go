package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// spelled writes text as some caller would: any byte may be escaped, and must be
// where it would end the segment or the value.
func spelled(t *rapid.T, text, must string) string {
	if rapid.Bool().Draw(t, "slashes too") {
		must += "/" // all of them or none: the segments tell which form a key has
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if strings.IndexByte(must, c) >= 0 || c >= 0x80 || c != '/' && rapid.IntRange(0, 3).Draw(t, "escape") == 0 {
			b.WriteString("%" + rapid.SampledFrom([]string{strings.ToUpper(hex(c)), hex(c)}).Draw(t, "case"))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// part is one part of a course key: with everything that a key may hold and a URL
// may trip over.
func part() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9é_~.-][A-Za-z0-9é_~.,;:=@&!$'()*-]{0,7}[A-Za-z0-9_]`)
}

// Whatever spelling of a course key a caller uses, in the path or in the query, the
// upstream gets the canonical one, and the rest of the query as it was written.
func TestPassthroughKeepsCourseKeysAndBytes(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, nil)
	rules := []gateway.Rule{
		{Name: "path", Upstream: gateway.LMS, Path: "/p/{course_key}/end/", AllowQuery: []string{"q", "x"}, Permission: registrar.ReadMetadata},
		{Name: "query", Upstream: gateway.LMS, Path: "/q/", Query: map[string]string{"course_id": "{course_key}"}, AllowQuery: []string{"q", "x"}, Permission: registrar.ReadMetadata},
	}
	p := startPassing(t, u, rules, nil)
	root := as(t, "root")
	rapid.Check(t, func(rt *rapid.T) {
		parts := []string{part().Draw(rt, "org"), part().Draw(rt, "course"), part().Draw(rt, "run")}
		text := "course-v1:" + strings.Join(parts, "+")
		if rapid.Bool().Draw(rt, "legacy") {
			for i := range parts {
				parts[i] = strings.NewReplacer(":", "", ",", "").Replace(parts[i])
			}
			text = strings.Join(parts, "/")
		}
		key, err := registrar.CourseID(text).CourseKey()
		if err != nil {
			return // what becomes of no course key is the fuzz target's business
		}
		rest := rapid.StringMatching(`(q|x)=([A-Za-z0-9+*'()/?:@!$,._~=-]|%2[0-9A-Fa-f]|%C3%A9|%253[bB]){0,12}`).Draw(rt, "rest")

		before := len(u.requests())
		target, want := "/lms/p/"+spelled(rt, text, "?#\\")+"/end?"+rest, "/p/"+key.PathSegment()+"/end/?"+rest
		if rapid.Bool().Draw(rt, "in the query") {
			target = "/lms/q?" + rest + "&course_id=" + spelled(rt, text, "&+;#\"'")
			want = "/q/?course_id=" + url.QueryEscape(text) + "&" + rest
		}
		got := p.ask(t, http.MethodGet, target, root)
		requests := u.requests()
		if got.status == 400 && strings.Contains(got.body, "path climbs") {
			if len(requests) != before {
				rt.Fatalf("%s: the door refuses it, and yet it went upstream", target)
			}
			return
		}
		if got.status != 200 || len(requests) != before+1 {
			rt.Fatalf("%s: %d %s", target, got.status, got.body)
		}
		if sent := requests[len(requests)-1].uri; sent != want {
			rt.Fatalf("%s:\nsent %s\nwant %s", target, sent, want)
		}
	})
}

// Whatever the caller writes, a request that reaches the upstream is below the
// path of the rule and holds no more than the one name that was judged.
func FuzzPassthroughTarget(f *testing.F) {
	for _, seed := range []string{
		"bo", "bo/../al", "bo%2f..%2fal", "bo?username=al", "bo&username=al", "bo,al", "%62o", "bo;al", "b%6f%00", "bo%23", "bo/courses/x",
		"bo%252f", "bo%c0%af", "..", ".", "bo.", "bo%20", "bo+al",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		u := newUpstream(t, nil)
		p := startPassing(t, u, []gateway.Rule{{
			Name: "a", Upstream: gateway.LMS, Path: "/a/{username}/b", Permission: registrar.ReadMetadata, Filter: gateway.NoFilter,
		}}, nil)
		if strings.ContainsAny(name, " \r\n\x00") {
			return // no longer one request line
		}
		got := p.ask(t, http.MethodGet, "/lms/a/"+name+"/b", as(t, "north"))
		for _, r := range u.requests() {
			if r.uri != "/a/bo/b" && r.uri != "/a/a+b@x/b" {
				t.Errorf("%q: %d, and the upstream got %q", name, got.status, r.uri)
			}
		}
	})
}
