package main

import "syscall"

// endWithParent ends the child when we are killed: its servers are gone then.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
