//go:build !unix

package main

import (
	"os"
	"os/exec"
)

func lead(*exec.Cmd) {}

// pass ends the child: there are no signals to pass on here.
func pass(child *os.Process, _ os.Signal) { _ = child.Kill() }

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
