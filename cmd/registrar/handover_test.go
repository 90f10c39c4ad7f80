package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
)

// longUpload is a file of n rows whose student keys begin with prefix, and the
// result of a job that the LMS takes all of.
func longUpload(n int, prefix string) (file, result string) {
	var csv, want strings.Builder
	csv.WriteString("student_key,status\n")
	want.WriteString("student_key,status\r\n")
	for i := range n {
		fmt.Fprintf(&csv, "%s%05d,enrolled\n", prefix, i)
		fmt.Fprintf(&want, "%s%05d,enrolled\r\n", prefix, i)
	}
	return csv.String(), want.String()
}

// A rolling restart in the middle of an upload: the other replica goes on where
// the first one was told to stop, and no batch that was answered is sent again.
func TestRestartHandsAnUploadOver(t *testing.T) {
	t.Parallel()

	const rows, inFlight = 1000, 4
	w := newWorked(t, 20, provisiontest.Postgres(t))
	w.console = w.with("REGISTRAR_JOBS_GRACE=0s")
	w.console = w.with("REGISTRAR_STORE_MAX_CONNS=4")
	token := w.token(t, demoClient)
	first := startReplica(t, w.environ)
	w.fault(t, map[string]any{"path": "/enrollments/$", "method": "PUT", "delay_ms": 50})
	csv, want := longUpload(rows, "H-")
	accepted := w.uploadTo(t, first, token, csv)
	within(t, time.Minute, "the middle of the upload", func() bool { return w.calls(t, http.MethodPut) >= 10 })
	second := startReplica(t, w.environ)
	first.stop(t)
	w.mend(t)
	j := w.ended(t, second, accepted)
	if file := w.result(t, j); j.text() != "200" || file != want {
		t.Errorf("text %s, the result has %d bytes, want 200 and %d", j.text(), len(file), len(want))
	}
	if n := w.applied(t, "H-"); n != rows {
		t.Errorf("the LMS has %d of %d rows", n, rows)
	}
	if n := w.calls(t, http.MethodPut); n > rows/25+inFlight {
		t.Errorf("%d batches were sent of %d", n, rows/25)
	}
	if !first.said("handed back for a shutdown") {
		t.Errorf("the first replica did not hand the job back:\n%s", first.log)
	}
}

// A worker that is killed again and again while batches are on their way: nothing is
// lost, and nothing stays behind.
func TestUploadSurvivesManyKills(t *testing.T) {
	t.Parallel()

	const rows, kills = 2000, 5
	eachStore(t, 20, func(t *testing.T, w *worked) {
		token := w.token(t, demoClient)
		w.fault(t, map[string]any{"path": "/enrollments/$", "method": "PUT", "delay_ms": 40})
		csv, want := longUpload(rows, "M-")
		r := startReplica(t, w.environ)
		accepted := w.uploadTo(t, r, token, csv)
		for range kills {
			sent := w.calls(t, http.MethodPut)
			within(t, time.Minute, "progress", func() bool { return w.calls(t, http.MethodPut) > sent+5 })
			r.kill(t)
			r = startReplica(t, w.environ)
		}
		w.mend(t)
		j := w.ended(t, r, accepted)
		if file := w.result(t, j); j.text() != "200" || file != want {
			t.Errorf("text %s, the result has %d bytes, want 200 and %d", j.text(), len(file), len(want))
		}
		if n := w.applied(t, "M-"); n != rows {
			t.Errorf("the LMS has %d of %d rows", n, rows)
		}
		if reply := w.uploadTo(t, r, token, "student_key,status\nM-1,enrolled\n"); reply.StatusCode != http.StatusAccepted {
			t.Errorf("a conflict is left behind: %d %s", reply.StatusCode, reply.body)
		}
	})
}
