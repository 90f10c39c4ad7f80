package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An export of 200,000 rows stays within 150 MB of memory. It is the plain
// program that is measured: the race detector of the tests takes many times that.
func TestHugeExportStaysSmall(t *testing.T) {
	t.Parallel()

	const rows, limit = 200_000, 150 << 20
	w := newWorld(t, sqliteTemplate(t)(t), newIssuerKey(t))
	w.on(http.MethodGet, belowProgram("masters-in-cs", "enrollments/"), manyEnrollments(rows))
	r := w.process(t, plainProgram(t))
	p := w.as("stem_admin")
	j := p.finished(p.get("programs/masters-in-cs/enrollments?fmt=csv"))
	if j.State != "Succeeded" {
		t.Fatalf("the export: %s\n%s", j.State, r.log)
	}
	if lines := countLines(t, *j.Result); lines != rows+1 {
		t.Errorf("the file has %d lines, want %d", lines, rows+1)
	}
	r.peaked(t, limit)
}

// The most rows that fit into an upload are 1.3 million, of four bytes each. Their
// job is taken up again wherever it kills a worker, so it must not need a machine.
func TestHugeUploadStaysSmall(t *testing.T) {
	t.Parallel()

	const limit = 512 << 20
	w := newWorld(t, sqliteTemplate(t)(t), newIssuerKey(t))
	r := w.process(t, plainProgram(t))
	var file strings.Builder
	file.WriteString("student_key,status\n")
	for i := 0; file.Len() < 5_242_880-4; i++ {
		fmt.Fprintf(&file, "%d,e\n", i%10)
	}
	p := w.as("stem_admin")
	if j := p.finished(p.upload(programUpload, file.String())); j.State != "Succeeded" || j.text() != "422" {
		t.Fatalf("the upload: %s %s, want all of it to be duplicates\n%s", j.State, j.text(), r.log)
	}
	r.peaked(t, limit)
}

// plainProgram builds the program without the race detector.
func plainProgram(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "registrar")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// peaked holds a process to the memory that it may have had resident.
func (r *replica) peaked(t *testing.T, limit int) {
	t.Helper()
	peak := peakMemory(t, r.cmd.Process.Pid)
	t.Logf("peak of resident memory: %d MiB", peak>>20)
	if peak > limit {
		t.Errorf("peak of resident memory: %d MiB, want %d at most", peak>>20, limit>>20)
	}
}

// manyEnrollments answers pages of n rows in all, by an offset for a cursor.
func manyEnrollments(n int) stubAnswer {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))    // none: the first page
		size, _ := strconv.Atoi(r.URL.Query().Get("page_size")) // always sent
		to := min(from+max(size, 1), n)
		var page strings.Builder
		page.WriteString(`{"results":[`)
		for i := from; i < to; i++ {
			if i > from {
				page.WriteByte(',')
			}
			fmt.Fprintf(&page, `{"student_key":"student-%06d","status":"enrolled","account_exists":true,"curriculum_uuid":%q,"username":"learner_%d","email":"learner_%d@example.com"}`, i, activeCurriculum, i, i)
		}
		page.WriteString(`],"next":`)
		if to < n {
			fmt.Fprintf(&page, `"http://%s%s?cursor=%d"}`, r.Host, r.URL.Path, to)
		} else {
			page.WriteString(`null}`)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, page.String()) // the gateway may have gone
	}
}

// process runs binary as the world's gateway, which is then a process of its own.
func (w *world) process(t *testing.T, binary string) *replica {
	t.Helper()
	key := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(key, []byte(publicJWKSet(t, w.key.PublicKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startProcess(t, binary, append(w.console().environ,
		"REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=", "REGISTRAR_AUTH_ISSUERS_0_JWK_SET_FILE="+key, "REGISTRAR_AUTH_ISSUERS_0_AUDIENCE="+audience,
		"REGISTRAR_SERVER_LISTEN=127.0.0.1:0", "REGISTRAR_SERVER_DRAIN_DELAY=0s", "REGISTRAR_FILES_URL="+w.cfg.Files.URL))
	w.base = r.base
	w.start.Do(func() {})
	return r
}

func countLines(t *testing.T, url string) (n int) {
	t.Helper()
	response, err := http.DefaultClient.Do(newRequest(t, http.MethodGet, url, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		n++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// peakMemory is the most memory that a process has had resident, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("the system does not tell the peak of memory")
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
