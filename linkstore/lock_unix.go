//go:build unix

package linkstore

import (
	"os"
	"syscall"
)

// lockFile takes file for this process, or fails at once. The kernel lets go when the
// file is closed, also by the death of the process.
func lockFile(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
