package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
)

// asProgram makes the test binary run as registrar itself, so that a test can
// start real processes, and kill them.
const asProgram = "REGISTRAR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], process{environ: os.Environ(), out: os.Stdout, err: os.Stderr})
		stop()
		os.Exit(code)
	}
	provisiontest.Main(m)
}

// replica is one gateway in a process of its own.
type replica struct {
	base string
	log  *safeBuffer
	cmd  *exec.Cmd
	done chan struct{} // closed once the process has ended
}

// startReplica runs "registrar serve" with these variables until the test ends.
func startReplica(t *testing.T, environ []string, args ...string) *replica {
	t.Helper()
	return startProcess(t, os.Args[0], append([]string{asProgram + "=1"}, environ...), args...)
}

// startProcess runs "binary serve", as startReplica does.
func startProcess(t *testing.T, binary string, environ []string, args ...string) *replica {
	t.Helper()
	r := &replica{log: &safeBuffer{}, done: make(chan struct{})}
	r.cmd = exec.Command(binary, append([]string{"serve"}, args...)...)
	r.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}, environ...)
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan string, 1)
	go r.follow(stderr, serving)
	t.Cleanup(func() { r.stop(t) })
	select {
	case r.base = <-serving:
	case <-r.done:
		t.Fatalf("the replica ended before it served:\n%s", r.log)
	case <-time.After(time.Minute):
		t.Fatalf("the replica does not serve after a minute:\n%s", r.log)
	}
	return r
}

// follow copies the log and looks for the line that tells the address.
func (r *replica) follow(log io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = r.log.Write(append(lines.Bytes(), '\n')) // a buffer takes everything
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			serving <- "http://" + line.Address
		}
	}
	_ = r.cmd.Wait() // the exit code is looked at where it matters
	close(r.done)
}

// stop asks the replica to drain, and kills it if it does not end.
func (r *replica) stop(t *testing.T) {
	t.Helper()
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.done
		t.Errorf("the replica did not drain within 30 s:\n%s", r.log)
	}
}

// site is the replica as the helpers of the other tests know one.
func (r *replica) site(s *site) *site {
	return &site{addresses: addresses{gateway: r.base, simulator: s.simulator}, log: r.log, tokens: s.tokens}
}

// lines of the log that mention text.
func (r *replica) said(text string) bool { return strings.Contains(r.log.String(), text) }

// events are the lines of the log that tell of no single request.
func (r *replica) events() string {
	var kept strings.Builder
	for line := range strings.Lines(r.log.String()) {
		if !strings.Contains(line, `"msg":"request"`) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
