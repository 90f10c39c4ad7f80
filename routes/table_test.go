package routes_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"registrar/internal/registrar"
)

// gradesOf makes the world answer these rows for one course run.
func (w *world) gradesOf(run registrar.CourseRun, rows []registrar.GradeRow) {
	w.tables.grades = func(context.Context, []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
		table := registrar.Table[registrar.GradeRow]{Run: run, State: registrar.TableOK, Rows: rows}
		return reportOf([]registrar.Table[registrar.GradeRow]{table}, fetched(registrar.FromGrades, run.Key)), nil
	}
}

// Whatever text a school and the LMS put into it, a CSV file reads back as the
// same cells, and none of them starts a formula.
func TestCSVReadsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := courseKey(t, "MITx/6.002/2026")
	cl := newClient(t, w)
	// Go's reader makes LF of CRLF within a cell, so the cells hold no CR LF pair.
	text := rapid.StringOf(rapid.OneOf(
		rapid.SampledFrom([]rune("=+-@\t\",; 'ab\n")), rapid.Rune().Filter(func(r rune) bool { return r != '\r' }),
	)).Filter(func(s string) bool { return s != "" })
	rapid.Check(t, func(rt *rapid.T) {
		external, student, letter := text.Draw(rt, "external key"), text.Draw(rt, "student key"), text.Draw(rt, "letter")
		w.gradesOf(registrar.CourseRun{Key: key, ExternalKey: external}, []registrar.GradeRow{
			{StudentKey: registrar.StudentKey(student), Grade: registrar.Grade{Letter: letter, Percent: "-0.5"}},
		})
		got := cl.get(t, "/api/v3/programs/masters-cs/grades?format=csv")
		records, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(records) != 2 {
			rt.Fatalf("%q: %v", got.body, err)
		}
		for i, want := range []string{external, student, letter} {
			cell := records[1][i]
			if strings.ContainsAny(cell[:1], "=+-@\t\r") || cell != want && cell != "'"+want {
				rt.Errorf("cell %q of text %q", cell, want)
			}
		}
		if records[1][3] != "-0.5" || !strings.HasSuffix(got.body, "\r\n") {
			rt.Errorf("the number or the line end was touched: %q", got.body)
		}
	})
}

func TestCellsThatSpreadsheetsWouldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := newClient(t, w)
	run := registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026")}
	for key, cell := range map[registrar.StudentKey]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "\"'\rx\"",
		" =1": "' =1", "\u00a0=1": "'\u00a0=1", "\ufeff=1": "'\ufeff=1", "\x00=1": "'\x00=1", "\n=1": "\"'\n=1\"", "\nx": "\"'\nx\"",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x",
		"a=1": "a=1", " a": " a", " ": " ", "'=1": "'=1", "a\r\nb": "\"a\r\nb\"", `a"b`: `"a""b"`, "a,b": `"a,b"`, `\.`: `\.`,
	} {
		w.gradesOf(run, []registrar.GradeRow{{StudentKey: key, Failed: true}})
		got := cl.get(t, "/api/v3/programs/masters-cs/grades?format=csv").body
		want := "course_id,student_key,letter_grade,percent,passed,error\r\nMITx/6.002/2026," + cell + ",,,,grade_unavailable\r\n"
		if got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}

// Digits pass through as the LMS sent them: no float in between.
func TestNumbersPassThroughUnharmed(t *testing.T) {
	t.Parallel()
	const digits = "0.12345678901234567890"
	w := newWorld(t)
	w.gradesOf(registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026")}, []registrar.GradeRow{
		{StudentKey: "s", Grade: registrar.Grade{Percent: digits}},
	})
	cl := newClient(t, w)
	for _, format := range []string{"json", "csv", "ndjson"} {
		if got := cl.get(t, "/api/v3/programs/masters-cs/grades?format="+format).body; !strings.Contains(got, digits) {
			t.Errorf("%s: %s", format, got)
		}
	}
}

// A table of many chunks arrives whole, in order, in every format.
func TestLongTables(t *testing.T) {
	t.Parallel()
	const count = 20_000
	rows := make([]registrar.GradeRow, count)
	for i := range rows {
		rows[i] = registrar.GradeRow{StudentKey: registrar.StudentKey("s-" + strings.Repeat("x", i%50)), Grade: registrar.Grade{Percent: "0.5"}}
	}
	w := newWorld(t)
	w.gradesOf(registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026")}, rows)
	address := serve(t, w)

	var table struct {
		Courses []struct {
			Results []struct {
				StudentKey registrar.StudentKey `json:"student_key"`
			} `json:"results"`
		} `json:"courses"`
	}
	body := fetch(t, address, "/api/v3/programs/masters-cs/grades").body
	if err := json.Unmarshal([]byte(body), &table); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(fetch(t, address, "/api/v3/programs/masters-cs/grades?format=csv").body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(fetch(t, address, "/api/v3/programs/masters-cs/grades?format=ndjson").body, "\n")
	if len(table.Courses[0].Results) != count || len(records) != count+1 || lines != count {
		t.Fatalf("%d rows of JSON, %d of CSV, %d of NDJSON", len(table.Courses[0].Results), len(records)-1, lines)
	}
	for i, row := range table.Courses[0].Results {
		if row.StudentKey != rows[i].StudentKey || records[i+1][1] != string(rows[i].StudentKey) {
			t.Fatalf("row %d is %q in JSON and %q in CSV", i, row.StudentKey, records[i+1][1])
		}
	}
}

// lockedBuffer is a log that the server writes and the test reads.
type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// A table that cannot be finished must not look finished; that it broke is
// logged once, without a word of its content.
func TestATableThatBreaksOffCutsTheConnection(t *testing.T) {
	t.Parallel()
	rows := make([]registrar.GradeRow, 5_000)
	for i := range rows {
		rows[i] = registrar.GradeRow{StudentKey: "secret-student", Grade: registrar.Grade{Percent: "0.5"}}
	}
	rows[4_000].Grade.Percent = "not a number"
	for _, format := range []string{"json", "ndjson"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			w := newWorld(t)
			w.config.Log = slog.New(slog.NewTextHandler(&log, nil))
			w.gradesOf(registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026")}, rows)
			address := serve(t, w)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/v3/programs/masters-cs/grades?format="+format, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "JWT registrar")
			reply, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			body, err := io.ReadAll(reply.Body)
			if err == nil || len(body) == 0 {
				t.Errorf("%d bytes arrived with error %v, want some and an error", len(body), err)
			}
			if text := log.String(); strings.Count(text, "table broke off") != 1 || strings.Contains(text, "secret") {
				t.Errorf("log %q", text)
			}
		})
	}
}

// A caller that leaves in the middle ends the rendering; the leak check of
// TestMain would find one that goes on.
func TestACallerThatLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gradesOf(registrar.CourseRun{Key: courseKey(t, "MITx/6.002/2026")}, make([]registrar.GradeRow, 300_000))
	address := serve(t, w)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v3/programs/masters-cs/grades", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "JWT registrar")
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if _, err := io.ReadFull(reply.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	leave()
	if _, err := io.Copy(io.Discard, reply.Body); err == nil {
		t.Error("the answer went on after its caller had left")
	}
}

func TestTableErrorsPassThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tables.grades = func(context.Context, []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
		return reportOf[[]registrar.Table[registrar.GradeRow]](nil), registrar.Fail(registrar.Unavailable, "The LMS is not answering now.", nil)
	}
	if got := newClient(t, w).get(t, "/api/v3/programs/masters-cs/grades?format=csv"); got.status != 503 {
		t.Errorf("status %d, want 503", got.status)
	}
}
