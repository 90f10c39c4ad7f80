package routes

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"registrar/internal/registrar"
)

// read collects what an upload yields until its error.
func read(file string, kind registrar.JobKind, staff bool) ([]registrar.UploadRow, error) {
	var rows []registrar.UploadRow
	for row, err := range uploadRows([]byte(file), uploadColumnsOf(kind, staff)) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func ptr(text string) *string { return &text }

func TestUploadCSV(t *testing.T) {
	t.Parallel()
	row := func(key, status string) registrar.UploadRow {
		return registrar.UploadRow{StudentKey: key, Status: status}
	}
	two := []registrar.UploadRow{row("a", "x"), row("b", "y")}
	for name, tc := range map[string]struct {
		file string
		want []registrar.UploadRow
	}{
		"plain":                            {"student_key,status\na,x\nb,y\n", two},
		"CRLF":                             {"student_key,status\r\na,x\r\nb,y\r\n", two},
		"CR":                               {"student_key,status\ra,x\rb,y", two},
		"other line breaks":                {"student_key,status\u2028a,x\u0085b,y\v\f\x1c\x1d\x1e\u2029", two},
		"byte order mark":                  {"\ufeffstudent_key,status\na,x\nb,y", two},
		"blank lines":                      {"student_key,status\n\n\r\na,x\n\n\nb,y\n\n", two},
		"header only":                      {"student_key,status", nil},
		"header spelled otherwise":         {" Student_Key ,\tSTATUS\na,x\nb,y", two},
		"columns in another order":         {"blood,status,student_key\nO,x,a\nA,y,b", two},
		"a repeated column":                {"student_key,status,student_key\nz,x,a\nz,y,b", two},
		"cells are trimmed":                {"student_key,status\n a , x\t\n\u00a0b,y ", two},
		"quotes":                           {`"student_key","status"` + "\n" + `"a","x"` + "\n" + `b,"y"`, two},
		"a quote and a comma within":       {"student_key,status\n\"a\"\"b,c\",x", []registrar.UploadRow{row(`a"b,c`, "x")}},
		"a line break within quotes":       {"student_key,status\n\"a\nb\r\n\n\u2028c\",x", []registrar.UploadRow{row("abc", "x")}},
		"a quote in the middle":            {"student_key,status\na\"b\",x", []registrar.UploadRow{row(`a"b"`, "x")}},
		"text after a closing quote":       {"student_key,status\n\"a\" \"b,x", []registrar.UploadRow{row(`a "b`, "x")}},
		"a quote that is not closed":       {"student_key,status\na,\"x\nb,y", []registrar.UploadRow{row("a", "xb,y")}},
		"a blank cell is not an empty one": {"student_key,status\n ,x", []registrar.UploadRow{row("", "x")}},
		"no role in a program":             {"student_key,status,course_staff,course_id\na,x,True,c\nb,y,,", two},
		"a short row of unneeded columns":  {"student_key,status,blood\na,x\nb,y,O", two},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := read(tc.file, registrar.WriteProgramEnrollments, true)
			if diff := cmp.Diff(tc.want, rows); diff != "" || err != nil {
				t.Errorf("%v, rows (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestUploadCSVOfCourses(t *testing.T) {
	t.Parallel()
	const file = "course_id,student_key,status,course_staff\nc,a,x, True \nd,b,y,\ne,c,z\n"
	rows := func(staff ...*string) []registrar.UploadRow {
		return []registrar.UploadRow{
			{StudentKey: "a", Status: "x", Course: "c", Staff: staff[0]},
			{StudentKey: "b", Status: "y", Course: "d", Staff: staff[1]},
			{StudentKey: "c", Status: "z", Course: "e", Staff: staff[2]},
		}
	}
	for name, tc := range map[string]struct {
		file  string
		staff bool
		want  []registrar.UploadRow
	}{
		"with roles":          {file, true, rows(ptr("True"), ptr(""), nil)},
		"roles not let in":    {file, false, rows(nil, nil, nil)},
		"no column for roles": {"course_id,student_key,status\nc,a,x\nd,b,y\ne,c,z", true, rows(nil, nil, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(tc.file, registrar.WriteCourseEnrollments, tc.staff)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v, rows (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestUploadCSVThatIsNone(t *testing.T) {
	t.Parallel()
	const program, course = registrar.WriteProgramEnrollments, registrar.WriteCourseEnrollments
	for name, tc := range map[string]struct {
		kind  registrar.JobKind
		staff bool
		file  string
		rows  int
		want  string
	}{
		"empty":               {program, false, "", 0, "CSV is missing headers [status, student_key]"},
		"mark alone":          {program, false, "\ufeff", 0, "CSV is missing headers [status, student_key]"},
		"blank first line":    {program, false, "\nstudent_key,status\na,x", 0, "CSV is missing headers [status, student_key]"},
		"one header":          {program, false, "something,status\na,x", 0, "CSV is missing headers [student_key]"},
		"headers of a course": {course, true, "something", 0, "CSV is missing headers [course_id, status, student_key]"},
		"no UTF-8":            {program, false, "student_key,status\n\xff,x", 0, "CSV is not valid UTF-8"},
		"too many columns":    {program, false, "student_key,status" + strings.Repeat(",", 1000), 0, "CSV has more than 1000 columns"},
		"empty cell":          {program, false, "student_key,status\n\na,x\n\n002,", 1, "CSV is missing data at row #2. Required fields are [student_key, status]."},
		"no cell":             {program, false, "student_key,status\na,x\n002", 1, "CSV is missing data at row #2. Required fields are [student_key, status]."},
		"too many cells":      {program, false, "student_key,status\n001,enrolled,foo,bar", 0, "CSV is missing data at row #1. Required fields are [student_key, status]."},
		"one comma too many":  {program, false, "student_key,status\n001,enrolled,", 0, "CSV is missing data at row #1. Required fields are [student_key, status]."},
		"no course":           {course, false, "student_key,status,course_id\na,x,\n", 0, "CSV is missing data at row #1. Required fields are [student_key, status, course_id]."},
		"no course, roles":    {course, true, "student_key,status,course_staff,course_id\na,x,True\n", 0, "CSV is missing data at row #1. Required fields are [student_key, status, course_id, course_staff]."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := read(tc.file, tc.kind, tc.staff)
			e, ok := errors.AsType[*registrar.Error](err)
			if !ok || e.Detail != tc.want || e.Kind != registrar.Invalid || e.Shape != registrar.DetailList || len(rows) != tc.rows {
				t.Errorf("%d rows, then %#v; want %d, then %q", len(rows), err, tc.rows, tc.want)
			}
		})
	}
}

// What a well-behaved writer wrote is read as it was meant, whatever its line ends.
func TestUploadCSVReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-z,"é]([a-z ,"'é]{0,6}[a-z,"é])?`)
		records := rapid.SliceOfN(rapid.SliceOfN(cell, 2, 2), 0, 20).Draw(t, "records")
		var file strings.Builder
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		if err := errors.Join(w.Write([]string{"student_key", "status"}), w.WriteAll(records)); err != nil {
			t.Fatal(err)
		}
		text := file.String()
		if rapid.Bool().Draw(t, "CR") {
			text = strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(text)
		}
		rows, err := read(text, registrar.WriteProgramEnrollments, false)
		if err != nil || len(rows) != len(records) {
			t.Fatalf("%d rows of %d, %v", len(rows), len(records), err)
		}
		for i, row := range rows {
			if got := []string{row.StudentKey, row.Status}; !slices.Equal(got, records[i]) {
				t.Fatalf("row %d = %q, want %q", i+1, got, records[i])
			}
		}
	})
}

// Whatever is uploaded, reading it ends, never panics, and gives trimmed UTF-8 or a
// refusal; a reader who stops is not asked again.
func FuzzUploadCSV(f *testing.F) {
	for _, seed := range []string{
		"", "\ufeff", "student_key,status\na,x\n", "student_key,status,course_id,course_staff\r\na,x,c\r\n", "\"", "\"\"\"", ",\r,",
		"student_key,status,course_id\n\"a\nb\",\u2028,c", "student_key,status\n\xff,x", "a\x1e\u0085\xe2\x80",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, file string, course bool) {
		kind := registrar.WriteProgramEnrollments
		if course {
			kind = registrar.WriteCourseEnrollments
		}
		rows, err := read(file, kind, true)
		if e, ok := errors.AsType[*registrar.Error](err); err != nil && (!ok || e.Kind != registrar.Invalid || !utf8.ValidString(e.Detail)) {
			t.Fatalf("the refusal is %#v", err)
		}
		if len(rows) > strings.Count(file, ",") {
			t.Fatalf("%d rows of at least two cells from %d commas", len(rows), strings.Count(file, ","))
		}
		for _, row := range rows {
			for _, text := range []string{row.StudentKey, row.Status, row.Course} {
				if strings.TrimSpace(text) != text || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\u2028") {
					t.Fatalf("a cell is %q", text)
				}
			}
		}
		uploadRows([]byte(file), uploadColumnsOf(kind, true))(func(registrar.UploadRow, error) bool { return false })
		// A byte order mark changes nothing.
		again, againErr := read("\ufeff"+strings.TrimPrefix(file, "\ufeff"), kind, true)
		if diff := cmp.Diff(rows, again); diff != "" || (err == nil) != (againErr == nil) {
			t.Fatalf("with a byte order mark: %v\n%s", againErr, diff)
		}
	})
}
