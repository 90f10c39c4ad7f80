//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package provision

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user whom the servers run as. The zero value is the present
// user.
type account struct {
	name     string // empty for the present user
	uid, gid int
}

// serverAccount picks an account without privileges when we are root, because
// PostgreSQL refuses to run as root.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return account{}, fmt.Errorf("account %s: %w", name, err)
		}
		return account{name: name, uid: uid, gid: gid}, nil
	}
	return account{}, errors.New("root needs an account postgres or nobody to run the servers as")
}

// own gives a folder to the account.
func (a account) own(dir string) error {
	if a.name == "" {
		return nil
	}
	return os.Chown(dir, a.uid, a.gid)
}

// attributes makes a child run as the account, in a process group of its own:
// a terminal's Ctrl-C is for us, and we stop the children in order.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.name != "" {
		// The mask changes no real id; ids are 32 bits wide.
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid & math.MaxUint32), Gid: uint32(a.gid & math.MaxUint32)}
	}
	endWithParent(attr)
	return attr
}

// tryLock takes the file's lock, or reports that another process holds it. The
// kernel gives it back when the file is closed or its owner dies.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// tellsOwners reports whether a lock tells a living owner from a dead one.
func tellsOwners() bool { return true }
