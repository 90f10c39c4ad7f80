package simulator_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/internal/simulator"
)

func TestCursorText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cursor simulator.Cursor
		text   string
	}{
		"position": {simulator.Cursor{Position: "100"}, "p=100"},
		"reverse":  {simulator.Cursor{Position: "100", Reverse: true}, "r=1&p=100"},
		"offset":   {simulator.Cursor{Position: "7", Offset: 3, Reverse: true}, "o=3&r=1&p=7"},
		"time":     {simulator.Cursor{Position: "2025-01-09 14:02:11.480211+00:00"}, "p=2025-01-09+14%3A02%3A11.480211%2B00%3A00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded := tc.cursor.Encode()
			raw, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || string(raw) != tc.text {
				t.Errorf("cursor = %q (%v), want %q", raw, err, tc.text)
			}
			if got, ok := simulator.DecodeCursor(encoded); !ok || got != tc.cursor {
				t.Errorf("decoded = %+v, %v", got, ok)
			}
		})
	}
}

func TestBrokenCursors(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, cursor := range map[string]string{
		"padding": "abc", "offset": b64("o=x&p=1"), "negative": b64("o=-1&p=1"), "reverse": b64("r=yes&p=1"), "position": b64("p=abc"), "blank": b64("p="),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := s.get(csPath + "/enrollments/?cursor=" + url.QueryEscape(cursor)).status(http.StatusNotFound).object()
			if diff := cmp.Diff(map[string]any{"developer_message": "Invalid cursor"}, body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzDecodeCursor(f *testing.F) {
	for _, seed := range []string{"", "cD0xMDA=", "cj0xJnA9Nw==", "bz0yJnI9MSZwPTc=", "%%%", "cD0="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := simulator.DecodeCursor(text)
		if !ok {
			if c != (simulator.Cursor{}) {
				t.Errorf("a broken cursor left %+v behind", c)
			}
			return
		}
		again, ok := simulator.DecodeCursor(c.Encode())
		if !ok || again != c {
			t.Errorf("%+v reads back as %+v, %v", c, again, ok)
		}
	})
}

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := simulator.Cursor{
			Position: rapid.String().Draw(t, "position"), Offset: rapid.IntRange(0, 1000).Draw(t, "offset"), Reverse: rapid.Bool().Draw(t, "reverse"),
		}
		if got, ok := simulator.DecodeCursor(c.Encode()); !ok || got != c {
			t.Fatalf("%+v reads back as %+v, %v", c, got, ok)
		}
	})
}

// walk follows one kind of link to the end and collects the rows.
func (s site) walk(path string, link func(envelope) *string) (rows []map[string]any, last string) {
	s.t.Helper()
	for range 500 {
		page := s.get(path).page()
		rows = append(rows, page.Results...)
		last = path
		next := link(page)
		if next == nil {
			return rows, last
		}
		path = strings.TrimPrefix(*next, s.url)
	}
	s.t.Fatal("the walk does not end")
	return nil, ""
}

func forward(p envelope) *string { return p.Next }

// Every listing gives the same rows in the same order for every page size, and
// the same rows again from the end to the start.
func TestWalks(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 90, EnrollmentPerMinute: -1})
	for i := range 7 { // rows added later follow the generated ones
		key := "NEW-" + strconv.Itoa(i)
		s.write(http.MethodPost, csPath+"/enrollments/", `[{"student_key":"`+key+`","status":"enrolled","curriculum_uuid":"`+simulator.MastersCSUUID+`"}]`).status(200)
		s.write(http.MethodPost, csPath+"/courses/"+csRun+"/enrollments/", `[{"student_key":"`+key+`","status":"active"}]`).status(200)
	}
	for name, tc := range map[string]struct{ path, key string }{
		"programs":    {csPath + "/enrollments/", "student_key"},
		"courses":     {csPath + "/courses/" + csRun + "/enrollments/", "student_key"},
		"grades":      {csPath + "/courses/" + csRun + "/grades/", "student_key"},
		"usergrades":  {"/api/grades/v1/courses/" + csRun + "/", "username"},
		"enrollments": {"/api/enrollment/v1/enrollments/?course_ids=NorthU%2BCS", "created"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			joint := "?"
			if strings.Contains(tc.path, "?") {
				joint = "&"
			}
			whole, _ := s.walk(tc.path+joint+"page_size=100", forward)
			if len(whole) < 40 {
				t.Fatalf("only %d rows", len(whole))
			}
			for _, size := range []string{"1", "7", "33"} {
				rows, last := s.walk(tc.path+joint+"page_size="+size, forward)
				if diff := cmp.Diff(whole, rows); diff != "" {
					t.Fatalf("page size %s (-whole +walked):\n%s", size, diff)
				}
				var back []map[string]any
				_, first := s.walk(last, func(p envelope) *string {
					back = append(slices.Clone(p.Results), back...)
					return p.Previous
				})
				if diff := cmp.Diff(whole, back); diff != "" {
					t.Fatalf("page size %s backwards from %s to %s:\n%s", size, last, first, diff)
				}
			}
		})
	}
}

func TestNextKeepsTheQueryAndTheHost(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	next := *s.get(csPath + "/enrollments/?page_size=2&note=a+b").page().Next
	want := s.url + csPath + "/enrollments/?cursor="
	if !strings.HasPrefix(next, want) || !strings.HasSuffix(next, "&note=a+b&page_size=2") {
		t.Errorf("next = %s, want %s…", next, want)
	}
	odd := start(t, simulator.Options{Build: simulator.Build{WrongNextScheme: true}})
	if next := *odd.get(csPath + "/enrollments/?page_size=2").page().Next; !strings.HasPrefix(next, "http://internal.example"+csPath+"/enrollments/?cursor=") {
		t.Errorf("next = %s, want http://internal.example", next)
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 150, EnrollmentPerMinute: -1})
	for name, tc := range map[string]struct {
		path string
		want int
	}{
		"default":        {csPath + "/enrollments/", 100},
		"no cap":         {csPath + "/enrollments/?page_size=5000", 150},
		"unreadable":     {csPath + "/enrollments/?page_size=many", 100},
		"zero":           {csPath + "/enrollments/?page_size=0", 100},
		"grades default": {"/api/grades/v1/courses/" + csRun + "/", 50},
		"list cap":       {"/api/enrollment/v1/enrollments/?page_size=5000", 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := len(s.get(tc.path).status(200).page().Results); got != tc.want {
				t.Errorf("%d rows, want %d", got, tc.want)
			}
		})
	}
	s.get("/api/grades/v1/courses/" + csRun + "/?page_size=many").status(500).html()
}
