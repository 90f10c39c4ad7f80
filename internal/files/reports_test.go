package files_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/files"
	"registrar/internal/registrar"
)

const (
	english = "reports_v2/humanities-college/0b36a59ab2b34fd1b4a1a3f1f5b0c4de/"
	other   = "reports_v2/stem-institute/0b36a59ab2b34fd1b4a1a3f1f5b0c4de/"
)

func masters() registrar.Program {
	return registrar.Program{Key: "masters-in-english", UUID: "0b36a59a-b2b3-4fd1-b4a1-a3f1f5b0c4de", Organization: "humanities-college"}
}

func day(tb testing.TB, text string) time.Time {
	tb.Helper()
	d, err := registrar.ParseDate(text)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// TestReports holds the rows X01 to X04 of the original's cases, and the rules of
// names.
func TestReports(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		names []string
		since string
		want  []string // "name day"
		left  string   // out, as the log tells
	}{
		"none": {},
		"three": {
			names: []string{"individual_report__2019-12-18.csv", "aggregate_report__2019-12-18", "individual_report__2019-12-17"},
			want:  []string{"aggregate_report__2019-12-18 2019-12-18", "individual_report__2019-12-17 2019-12-17", "individual_report__2019-12-18.csv 2019-12-18"},
		},
		"since a day, inclusive": {
			names: []string{"a__2019-12-17", "b__2019-12-17", "a__2019-12-18", "b__2019-12-18"}, since: "2019-12-18",
			want: []string{"a__2019-12-18 2019-12-18", "b__2019-12-18 2019-12-18"},
		},
		"no date at all": {names: []string{"individual_report_1"}, since: "2019-12-18", left: "files=1"},
		"bad dates among good ones": {
			names: []string{"aggregate_report_1", "aggregate_report__2019-25-25", "individual_report_1", "individual_report__2019-12-18"},
			want:  []string{"individual_report__2019-12-18 2019-12-18"}, left: "files=3",
		},
		"short months and days": {names: []string{"a__2019-1-2", "b__2019-1-02.csv"}, want: []string{"a__2019-1-2 2019-01-02", "b__2019-1-02.csv 2019-01-02"}},
		"the last date counts":  {names: []string{"a__2018-01-01__2019-12-18.tar.gz"}, want: []string{"a__2018-01-01__2019-12-18.tar.gz 2019-12-18"}},
		"the last one that is a date": {
			names: []string{"a__2018-01-01__2019-13-18", "b__2018-01-01__final"},
			want:  []string{"a__2018-01-01__2019-13-18 2018-01-01", "b__2018-01-01__final 2018-01-01"},
		},
		"more underscores": {names: []string{"a____2019-12-18___"}, want: []string{"a____2019-12-18___ 2019-12-18"}},
		"almost dates": {
			names: []string{"a_2019-12-18", "b__19-12-18", "c__2019-12", "d__2019-12-181", "e__2019-02-29", "f__0000-01-01", "g__2019-+1-01", "h__ 2019-12-18", "i__12019-12-18", "j__2019-00-10"},
			left:  "files=10",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := open(t, files.Config{URL: "file:" + t.TempDir(), Mount: "reports"})
			reports, err := files.NewReports(s, files.ReportsConfig{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, other+"another-school__2019-12-18", "")
			for _, n := range tc.names {
				put(t, s, english+n, "report")
				put(t, s, english+"deeper/"+n, "report")
			}
			var since time.Time
			if tc.since != "" {
				since = day(t, tc.since)
			}
			got, err := reports.Reports(t.Context(), masters(), since)
			if err != nil {
				t.Fatal(err)
			}
			var shown []string
			for _, f := range got {
				shown = append(shown, f.Name+" "+f.Created.Format(time.DateOnly))
				token, path := follow(t, f.URL)
				if path != english+f.Name || !fetches(t, s, token, path) {
					t.Errorf("%s: the link leads to %q", f.Name, path)
				}
			}
			if diff := cmp.Diff(tc.want, shown); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
			checkLeft(t, log.String(), tc.left, tc.names)
		})
	}
}

// checkLeft holds that the log tells how many were left out, and no names.
func checkLeft(t *testing.T, log, left string, names []string) {
	t.Helper()
	if left == "" && log != "" || !strings.Contains(log, left) || left != "" && !strings.Contains(log, "level=WARN") {
		t.Errorf("log %q, want %q", log, left)
	}
	for _, name := range names {
		if strings.Contains(log, name) {
			t.Errorf("the log names %q", name)
		}
	}
}

func TestReportsInABucket(t *testing.T) {
	t.Parallel()
	s := open(t, files.Config{URL: newBucket(t).url()})
	reports, err := files.NewReports(s, files.ReportsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reports.Reports(t.Context(), masters(), time.Time{}); err != nil || len(got) != 0 {
		t.Errorf("a folder that is not there: %v, %v", got, err)
	}
	put(t, s, english+"a__2019-12-18", "report")
	got, err := reports.Reports(t.Context(), masters(), time.Time{})
	if err != nil || len(got) != 1 || !strings.Contains(got[0].URL, "/school/"+english+"a__2019-12-18?") {
		t.Errorf("%v, %v", got, err)
	}
}

// Nobody could have put reports where a program has no folder.
func TestProgramsWithoutAFolder(t *testing.T) {
	t.Parallel()
	s := open(t, files.Config{URL: "mem:"})
	reports, err := files.NewReports(s, files.ReportsConfig{Folder: "deep/reports"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "deep/reports/humanities-college/a__2019-12-18", "")
	put(t, s, "deep/a__2019-12-18", "")
	for _, p := range []registrar.Program{
		{Organization: "humanities-college"},
		{Organization: "humanities-college", UUID: "1"},
		{Organization: "..", UUID: masters().UUID},
		{UUID: masters().UUID},
	} {
		if got, err := reports.Reports(t.Context(), p, time.Time{}); err != nil || len(got) != 0 {
			t.Errorf("%+v: %v, %v", p, got, err)
		}
	}
	if r, err := files.NewReports(s, files.ReportsConfig{Folder: "../x"}); err == nil {
		t.Errorf("a folder outside was taken: %v", r)
	}
}
