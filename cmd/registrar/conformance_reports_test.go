package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const englishReports = "programs/masters-in-english/reports"

// reportFolder is where English's reports lie.
func reportFolder() string {
	return "reports_v2/humanities-college/" + strings.ReplaceAll(string(programUUIDs()["masters-in-english"]), "-", "")
}

// reports puts files into English's folder.
func (w *world) reports(t *testing.T, names ...string) {
	t.Helper()
	folder := filepath.Join(w.files, "reports", filepath.FromSlash(reportFolder()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("report "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// listed holds a listing of reports to these names, each with its date, in order;
// every address has to open the file.
func (w *world) listed(t *testing.T, query string, want ...[2]string) {
	t.Helper()
	reply := w.as("hum_admin").get(englishReports + query)
	var got []struct {
		Name string `json:"name"`
		Date string `json:"created_date"`
		URL  string `json:"download_url"`
	}
	if err := json.Unmarshal(reply.body, &got); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", reply.StatusCode, reply.body)
	}
	named := [][2]string{}
	for _, r := range got {
		named = append(named, [2]string{r.Name, r.Date})
		if !strings.HasSuffix(r.URL, reportFolder()+"/"+r.Name) {
			t.Errorf("the address of %s is %s", r.Name, r.URL)
		}
		if file := send(t, newRequest(t, http.MethodGet, r.URL, nil)); string(file.body) != "report "+r.Name {
			t.Errorf("%s holds %d %q", r.Name, file.StatusCode, file.body)
		}
	}
	if diff := cmp.Diff(append([][2]string{}, want...), named); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func reportCases() []conformanceCase {
	return []conformanceCase{
		{"X01", func(t *testing.T, w *world) {
			w.reports(t, "aggregate_report__2019-12-18", "individual_report__2019-12-17", "individual_report__2019-12-18.csv")
			w.listed(t, "", [2]string{"aggregate_report__2019-12-18", "2019-12-18"},
				[2]string{"individual_report__2019-12-17", "2019-12-17"}, [2]string{"individual_report__2019-12-18.csv", "2019-12-18"})
		}},
		{"X02", func(t *testing.T, w *world) {
			w.reports(t, "a__2019-12-17.csv", "b__2019-12-17.csv", "a__2019-12-18.csv", "b__2019-12-18.csv")
			w.listed(t, "?min_created_date=2019-12-18", [2]string{"a__2019-12-18.csv", "2019-12-18"}, [2]string{"b__2019-12-18.csv", "2019-12-18"})
		}},
		{"X03", func(t *testing.T, w *world) {
			w.reports(t, "individual_report_1")
			w.as("hum_admin").get(englishReports+"?min_created_date=2019-12-18").is(t, http.StatusOK, "[]")
		}},
		{"X04", func(t *testing.T, w *world) {
			w.reports(t, "aggregate_report_1", "aggregate_report__2019-25-25", "individual_report_1", "individual_report__2019-12-18")
			w.listed(t, "", [2]string{"individual_report__2019-12-18", "2019-12-18"})
		}},
		{"X05", func(t *testing.T, w *world) {
			w.reports(t, "individual_report__2019-12-18")
			w.as("stem_admin").get(englishReports).is(t, http.StatusForbidden, d403)
		}},
		{"X06", func(t *testing.T, w *world) {
			w.micro("masters-in-english")
			w.reports(t, "individual_report__2019-12-18")
			w.listed(t, "", [2]string{"individual_report__2019-12-18", "2019-12-18"})
		}},
	}
}
