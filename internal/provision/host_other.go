//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package provision

import (
	"os"
	"syscall"
)

// account is always the present user: there is no root to drop from.
type account struct{ name string }

func serverAccount() (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func (account) attributes() *syscall.SysProcAttr { return nil }

func tryLock(*os.File) bool { return true }

// tellsOwners reports that folders of dead owners cannot be told from others.
func tellsOwners() bool { return false }
