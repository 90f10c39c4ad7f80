package main

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
)

// worked is a simulated site with many learners and what its gateways share, each
// gateway a process of its own that can be killed.
type worked struct {
	*site // the simulated one
	console
}

// eachStore runs a test on both stores.
func eachStore(t *testing.T, learners int, test func(t *testing.T, w *worked)) {
	t.Helper()
	for name, dsn := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "r.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return provisiontest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			test(t, newWorked(t, learners, dsn(t)))
		})
	}
}

func newWorked(t *testing.T, learners int, dsn string) *worked {
	t.Helper()
	s := newSite(t, simulator.Options{Learners: learners}, nil) // for its LMS; its gateway stays unused
	w := &worked{site: s, console: newConsole(t, s.simulator)}
	for _, kv := range []string{
		"REGISTRAR_STORE_DSN=" + dsn, "REGISTRAR_SERVER_LISTEN=127.0.0.1:0", "REGISTRAR_SERVER_DRAIN_DELAY=0s",
		"REGISTRAR_FILES_URL=file:" + t.TempDir(), "REGISTRAR_FILES_LINK_KEY=a secret for signed links",
		"REGISTRAR_AUDIT_KEY=a secret for hashed keys", "REGISTRAR_JOBS_LEASE=1s", "REGISTRAR_LIMITS_WRITE_RATE=0",
	} {
		w.console = w.with(kv)
	}
	w.must(t, "migrate")
	w.must(t, "sync")
	w.must(t, "group", "create", "NorthU registrars", "--org", "NorthU", "--role", "organization_read_write_enrollments")
	w.must(t, "user", "create", demoClient, "--group", "NorthU registrars")
	return w
}

// kill ends the process at once, as a lost machine would.
func (r *replica) kill(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-r.done
}

// uploadTo sends a CSV file to a replica.
func (w *worked) uploadTo(t *testing.T, r *replica, token, csv string) answer {
	t.Helper()
	var body strings.Builder
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "rows.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, csv); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	request := newRequest(t, http.MethodPost, r.base+"/api/v1/programs/masters-cs/enrollments/upload", strings.NewReader(body.String()))
	request.Header.Set("Authorization", "JWT "+token)
	request.Header.Set("Content-Type", form.FormDataContentType())
	return send(t, request)
}

// ended follows a job on a replica to its end.
func (w *worked) ended(t *testing.T, r *replica, accepted answer) job {
	t.Helper()
	if accepted.StatusCode != http.StatusAccepted {
		t.Fatalf("not accepted: %d %s", accepted.StatusCode, accepted.body)
	}
	id, _ := accepted.object(t)["job_id"].(string)
	on := r.site(w.site)
	within(t, time.Minute, "the end of the job", func() bool {
		state, _ := on.get(t, demoClient, "/api/v1/jobs/"+id).object(t)["state"].(string)
		return state == "Succeeded" || state == "Failed"
	})
	reply := on.get(t, demoClient, "/api/v1/jobs/"+id).object(t)
	j := job{ID: id}
	j.Name, _ = reply["name"].(string)
	j.State, _ = reply["state"].(string)
	if result, ok := reply["result"].(string); ok {
		// The link names the address of the process that was killed.
		path := result[strings.Index(result, "/api/media/"):]
		result = r.base + path
		j.Result = &result
	}
	if text, ok := reply["text"].(string); ok {
		j.Text = &text
	}
	if j.State != "Succeeded" || j.Result == nil {
		t.Fatalf("the job %s: %v\n%s", j.State, reply, r.log)
	}
	return j
}

// within waits until something is so, looking often.
func within(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	end := time.After(limit)
	for !is() {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("%s did not come within %v", what, limit)
		}
	}
}

// calls counts the requests of a method that the LMS got for a program's listing.
func (w *worked) calls(t *testing.T, method string) (n int) {
	t.Helper()
	for _, line := range w.requestsSoFar(t) {
		if strings.HasPrefix(line, method+" ") && strings.Contains(line, "/programs/"+simulator.MastersCSUUID+"/enrollments/") {
			n++
		}
	}
	return n
}

// A worker that is killed in the middle of an upload loses no row.
func TestKilledUploadIsFinished(t *testing.T) {
	t.Parallel()

	const rows = 2000
	csv, want := longUpload(rows, "K-")
	eachStore(t, 20, func(t *testing.T, w *worked) {
		token := w.token(t, demoClient)
		first := startReplica(t, w.environ)
		w.fault(t, map[string]any{"path": "/enrollments/$", "method": "PUT", "delay_ms": 50})
		accepted := w.uploadTo(t, first, token, csv)
		within(t, time.Minute, "the middle of the upload", func() bool { return w.calls(t, http.MethodPut) >= 20 })
		first.kill(t)
		if n := w.calls(t, http.MethodPut); n >= rows/25 {
			t.Fatalf("%d batches were sent before the kill: that is no middle", n)
		}
		w.mend(t)
		second := startReplica(t, w.environ)
		j := w.ended(t, second, accepted)
		if j.text() != "200" {
			t.Errorf("text %s, want 200", j.text())
		}
		if file := w.result(t, j); file != want {
			t.Errorf("the result has %d bytes, want %d", len(file), len(want))
		}
		if n := w.applied(t, "K-"); n != rows {
			t.Errorf("the LMS has %d of %d rows", n, rows)
		}
		if reply := w.uploadTo(t, second, token, "student_key,status\nK-1,enrolled\n"); reply.StatusCode != http.StatusAccepted {
			t.Errorf("a conflict is left behind: %d %s", reply.StatusCode, reply.body)
		}
	})
}

// A worker that is killed in the middle of an export leaves no half file.
func TestKilledExportIsFinished(t *testing.T) {
	t.Parallel()

	const learners = 10_000
	eachStore(t, learners, func(t *testing.T, w *worked) {
		w.console = w.with("REGISTRAR_LMS_PAGE_SIZE=200")
		first := startReplica(t, w.environ)
		w.requests(t) // forgets those of the sync
		w.fault(t, map[string]any{"path": "/enrollments/$", "method": "GET", "delay_ms": 30})
		accepted := first.site(w.site).get(t, demoClient, "/api/v1/programs/masters-cs/enrollments?fmt=csv")
		within(t, time.Minute, "the middle of the export", func() bool { return w.calls(t, http.MethodGet) >= 10 })
		first.kill(t)
		w.mend(t)
		second := startReplica(t, w.environ)
		file := w.result(t, w.ended(t, second, accepted))
		if lines := strings.Count(file, "\r\n"); lines != learners+1 || !strings.HasSuffix(file, "\r\n") {
			t.Errorf("the file has %d lines, want %d", lines, learners+1)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(file) {
			key, _, _ := strings.Cut(line, ",")
			seen[key] = true
		}
		if len(seen) != learners+1 {
			t.Errorf("%d different learners, want %d", len(seen)-1, learners)
		}
	})
}

// Of fifty uploads for one program, on two replicas at once, one gets in.
func TestRacingUploads(t *testing.T) {
	t.Parallel()

	w := newWorked(t, 20, provisiontest.Postgres(t))
	token := w.token(t, demoClient)
	replicas := []*replica{startReplica(t, w.environ), startReplica(t, w.environ)}
	w.fault(t, map[string]any{"path": "/enrollments/$", "method": "PUT", "delay_ms": 3000})
	var in, out atomic.Int32
	var last atomic.Pointer[answer]
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			reply := w.uploadTo(t, replicas[i%2], token, fmt.Sprintf("student_key,status\nR-%d,enrolled\n", i))
			switch reply.StatusCode {
			case http.StatusAccepted:
				in.Add(1)
				last.Store(&reply)
			case http.StatusConflict:
				out.Add(1)
			default:
				t.Errorf("%d %s", reply.StatusCode, reply.body)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 || out.Load() != 49 {
		t.Fatalf("%d uploads got in and %d did not; want 1 and 49", in.Load(), out.Load())
	}
	w.mend(t)
	w.ended(t, replicas[1], *last.Load())
	if n := w.applied(t, "R-"); n != 1 {
		t.Errorf("the LMS has %d rows, want one", n)
	}
}

// result is the content of a job's file.
func (w *worked) result(t *testing.T, j job) string {
	t.Helper()
	reply := send(t, newRequest(t, http.MethodGet, *j.Result, nil))
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("the result: %d", reply.StatusCode)
	}
	return string(reply.body)
}

// requestsSoFar lists what the simulated site was asked, and remembers it.
func (w *worked) requestsSoFar(t *testing.T) []string {
	t.Helper()
	var seen []struct{ Method, Path string }
	reply := send(t, newRequest(t, http.MethodGet, w.simulator+"/_simulator/requests", nil))
	if err := json.Unmarshal(reply.body, &seen); err != nil {
		t.Fatalf("%v\n%s", err, reply.body)
	}
	lines := make([]string, len(seen))
	for i, r := range seen {
		lines[i] = r.Method + " " + r.Path
	}
	return lines
}

// applied counts the enrollments in the LMS whose student key begins with prefix.
func (w *worked) applied(t *testing.T, prefix string) (n int) {
	t.Helper()
	next := w.simulator + "/api/program_enrollments/v1/programs/" + simulator.MastersCSUUID + "/enrollments/?page_size=1000"
	for next != "" {
		request := newRequest(t, http.MethodGet, next, nil)
		request.Header.Set("Authorization", "JWT "+w.token(t, demoService))
		reply := send(t, request)
		var page struct {
			Next    string `json:"next"`
			Results []struct {
				Key string `json:"student_key"`
			} `json:"results"`
		}
		if err := json.Unmarshal(reply.body, &page); err != nil || reply.StatusCode != http.StatusOK {
			t.Fatalf("the LMS's listing: %d %v", reply.StatusCode, err)
		}
		for _, r := range page.Results {
			if strings.HasPrefix(r.Key, prefix) {
				n++
			}
		}
		next = page.Next
	}
	return n
}
