package jobs_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestPageOfQueues(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		q := w.start()
		w.done(q, programExport())
		page, err := q.UI("/internal/queues")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"/internal/queues/": "<html", "/internal/queues/api/jobs?limit=5": string(slices.Collect(maps.Keys(w.ledger.entries))[0])} {
			answer := httptest.NewRecorder()
			page.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.Code != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s: status %d (%v), body %.300s, want it to hold %q", path, answer.Code, err, body, want)
			}
		}
	})
}
