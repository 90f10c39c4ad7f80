package main

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// A hangup asks for a reload. One that comes while the process drains, as a
// terminal or a service manager may send it with the order to stop, must not end
// the requests that still run.
func TestHangupDoesNotEndTheDrain(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 1)
	r := c.replicas[0]
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if reply := send(t, newRequest(t, http.MethodGet, r.base+"/readyz", nil)); reply.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the replica does not drain")
		}
	}
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-r.done
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the process ended with %d (%s), want a whole drain", code, r.cmd.ProcessState)
	}
}
