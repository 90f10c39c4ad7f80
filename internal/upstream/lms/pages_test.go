package lms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream/lms"
)

// listings are the three streams of one client, by their paths.
func listings(t *testing.T, c *lms.Client) map[string]iter.Seq2[registrar.LMSPage, error] {
	t.Helper()
	return map[string]iter.Seq2[registrar.LMSPage, error]{
		base + "enrollments/":                     c.ProgramEnrollmentPages(t.Context(), program),
		base + "courses/" + run + "/enrollments/": c.CourseEnrollmentPages(t.Context(), program, key(t, run)),
		base + "courses/" + run + "/grades/":      c.GradePages(t.Context(), program, key(t, run)),
	}
}

// everywhere gives one answer on all three paths.
func everywhere(answer func() http.HandlerFunc) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		base + "enrollments/":                     answer(),
		base + "courses/" + run + "/enrollments/": answer(),
		base + "courses/" + run + "/grades/":      answer(),
	}
}

func drained(pages iter.Seq2[registrar.LMSPage, error]) (all []registrar.LMSPage, err error) {
	for page, err := range pages {
		if err != nil {
			return all, err
		}
		all = append(all, page)
	}
	return all, nil
}

func TestPagesComeAsTheyWereSent(t *testing.T) {
	t.Parallel()
	first := `{"next":"http://internal.host/x?cursor=cD0x&page_size=500","results":[
		{"student_key":"S-1","status":"enrolled","account_exists":"true","username":"mira_k","email":"","curriculum_uuid":"b7"},
		{"student_key":7,"status":null}]}`
	second := `{"results":[{"student_key":" S-2 ","letter_grade":null,"percent":0.950,"passed":1,"error":{"a":1},"course_staff":false},null]}`
	c, f := start(t, lms.Config{}, everywhere(func() http.HandlerFunc { return inTurn(say(200, first), say(200, second)) }))
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	want := []registrar.LMSPage{
		{Status: 200, Rows: []registrar.LMSRow{
			{StudentKey: raw(`"S-1"`), Status: raw(`"enrolled"`), AccountExists: raw(`"true"`), Username: raw(`"mira_k"`), Email: raw(`""`)},
			{StudentKey: raw(`7`), Status: raw(`null`)},
		}},
		{Status: 200, Rows: []registrar.LMSRow{
			{StudentKey: raw(`" S-2 "`), LetterGrade: raw(`null`), Percent: raw(`0.950`), Passed: raw(`1`), Error: raw(`{"a":1}`), CourseStaff: raw(`false`)},
			{},
		}},
	}
	for path, pages := range listings(t, c) {
		f.queries = nil
		got, err := drained(pages)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		size := "500"
		if strings.HasSuffix(path, "grades/") {
			size = "100"
		}
		if diff := cmp.Diff([]string{"page_size=" + size, "cursor=cD0x&page_size=" + size}, f.queries); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// The next page is asked for when the reader wants it, not before.
func TestReaderMayStop(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		say(200, fmt.Sprintf(`{"next":"http://x/?cursor=%sx","results":[{}]}`, r.URL.Query().Get("cursor")))(w, r)
	}
	c, f := start(t, lms.Config{}, everywhere(func() http.HandlerFunc { return endless }))
	for path, pages := range listings(t, c) {
		for page, err := range pages {
			if err != nil || len(page.Rows) != 1 {
				t.Errorf("%v, %v", page, err)
			}
			if f.hit(path) == 2 {
				break
			}
		}
		if f.hit(path) != 2 {
			t.Errorf("%s: %d requests for 2 pages", path, f.hit(path))
		}
	}
}

func TestGradePagesKeepTheirStatus(t *testing.T) {
	t.Parallel()
	const next, row = `"next":"http://x/?cursor=c%d",`, `"results":[{"student_key":"S-1"}]`
	linked := func(i int) string { return "{" + fmt.Sprintf(next, i) + row + "}" }
	none := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	tests := map[string]struct {
		answers []http.HandlerFunc
		want    []int
		rows    int
	}{
		"mixed":        {[]http.HandlerFunc{say(200, linked(1)), say(207, linked(2)), say(422, linked(3)), say(203, "{"+row+"}")}, []int{200, 207, 422, 203}, 4},
		"no content":   {[]http.HandlerFunc{none}, []int{204}, 0},
		"then nothing": {[]http.HandlerFunc{say(207, linked(1)), none}, []int{207, 204}, 1},
		"empty page":   {[]http.HandlerFunc{say(200, `{"results":[]}`)}, []int{200}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, lms.Config{}, map[string]http.HandlerFunc{base + "courses/" + run + "/grades/": inTurn(tc.answers...)})
			got, err := drained(c.GradePages(t.Context(), program, key(t, run)))
			if err != nil {
				t.Fatal(err)
			}
			statuses, rows := []int{}, 0
			for _, page := range got {
				statuses, rows = append(statuses, page.Status), rows+len(page.Rows)
			}
			if diff := cmp.Diff(tc.want, statuses); diff != "" || rows != tc.rows {
				t.Errorf("%d rows, %s", rows, diff)
			}
		})
	}
}

func TestWhatIsNoPage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		code   string
		status int // 0 when the answer could not be read, whatever its status
	}{
		"list":         {say(200, `[]`), "upstream_garbage", 0},
		"null":         {say(200, `null`), "upstream_garbage", 0},
		"no results":   {say(200, `{"next":null}`), "upstream_garbage", 0},
		"null results": {say(200, `{"results":null}`), "upstream_garbage", 0},
		"odd row":      {say(200, `{"results":["S-20417"]}`), "upstream_garbage", 0},
		"page":         {page(200), "upstream_garbage", 0},
		"404":          {say(404, `{"error_code":"program_does_not_exist"}`), "program_not_in_lms", 404},
		"400":          {say(400, `{}`), "upstream_rejected", 400},
		"500":          {page(500), "upstream_error", 500},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, lms.Config{}, everywhere(func() http.HandlerFunc { return tc.answer }))
			for path, pages := range listings(t, c) {
				got, err := drained(pages)
				wantFailure(t, err, registrar.Upstream, tc.code)
				var told interface{ HTTPStatus() int }
				if errors.As(err, &told) != (tc.status != 0) || told != nil && told.HTTPStatus() != tc.status {
					t.Errorf("%s: the status is not told by %v", path, err)
				}
				if len(got) != 0 || strings.Contains(err.Error(), "S-20417") {
					t.Errorf("%s: %v, %v", path, got, err)
				}
			}
		})
	}
}

// Status by status, enrollments and grades differ.
func TestOddStatusesOfPages(t *testing.T) {
	t.Parallel()
	empty := `{"results":[]}`
	for name, tc := range map[string]struct {
		answer             http.HandlerFunc
		enrollment, grades string
	}{
		"204":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "upstream_rejected", ""},
		"207":              {say(207, empty), "upstream_rejected", ""},
		"422":              {say(422, empty), "upstream_rejected", ""},
		"422 no results":   {say(422, `{"detail":"x"}`), "upstream_rejected", "upstream_garbage"},
		"422 page":         {page(422), "upstream_rejected", "upstream_garbage"},
		"206 without rows": {say(206, `{}`), "upstream_rejected", "upstream_garbage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := start(t, lms.Config{}, everywhere(func() http.HandlerFunc { return tc.answer }))
			for path, pages := range listings(t, c) {
				want := tc.enrollment
				if strings.HasSuffix(path, "grades/") {
					want = tc.grades
				}
				_, err := drained(pages)
				if want == "" && err != nil {
					t.Errorf("%s: %v", path, err)
				}
				if want != "" {
					wantFailure(t, err, registrar.Upstream, want)
				}
			}
		})
	}
}

func TestPagesOfWordsThatMakeNoPath(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{}, nil)
	_, err := drained(c.ProgramEnrollmentPages(t.Context(), "../accounts"))
	wantFailure(t, err, registrar.Invalid, "malformed_program_uuid")
	_, err = drained(c.CourseEnrollmentPages(t.Context(), program, registrar.CourseKey{}))
	wantFailure(t, err, registrar.Invalid, "malformed_course_key")
	_, err = drained(c.GradePages(t.Context(), "", key(t, run)))
	wantFailure(t, err, registrar.Invalid, "malformed_program_uuid")
	if len(f.hits) != 0 {
		t.Errorf("asked for %v", f.hits)
	}
}
