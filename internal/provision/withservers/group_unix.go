//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// lead makes the child the head of a process group, so that a signal reaches
// the children of "go test" too, and each of them once.
func lead(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)
}

// pass sends a signal to the child's group. A group that has just ended is no
// error: its end is about to be noticed.
func pass(child *os.Process, s os.Signal) {
	if number, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(-child.Pid, number)
	}
}

// exitCode is the code that a shell would show.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
