//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package provision

import "syscall"

// endWithParent can do nothing here: a killed owner leaves its servers running.
// PostgreSQL ends by itself once its folder has been swept.
func endWithParent(*syscall.SysProcAttr) {}
