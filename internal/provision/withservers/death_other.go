//go:build unix && !linux

package main

import "syscall"

// endWithParent can do nothing here: a child outlives us when we are killed.
func endWithParent(*syscall.SysProcAttr) {}
