package provision

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// folderPrefix begins the name of every folder that this package makes.
const folderPrefix = "registrar-servers-"

// lockName is the file in a home whose lock is held as long as its owner lives.
const lockName = "owner.lock"

// home is the private folder of one pair of servers.
type home struct {
	dir     string
	lock    *os.File
	account account // whom the servers run as
}

// newHome makes a folder that the servers' account can use, and removes those
// of owners that died. It is never below testing's temporary folders: they are
// closed to every account but their maker's.
func newHome() (*home, error) {
	acc, err := serverAccount()
	if err != nil {
		return nil, err
	}
	parent, err := temporaryFolder(acc)
	if err != nil {
		return nil, err
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, account: acc}
	if err := h.claim(); err != nil {
		return nil, errors.Join(err, h.remove())
	}
	return h, nil
}

func (h *home) claim() error {
	lock, err := os.OpenFile(h.path(lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	h.lock = lock
	if !tryLock(lock) {
		return fmt.Errorf("%s is taken", h.dir)
	}
	return h.account.own(h.dir)
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// remove deletes the folder and gives up its lock, in this order.
func (h *home) remove() error {
	err := os.RemoveAll(h.dir)
	if h.lock != nil {
		err = errors.Join(err, h.lock.Close())
	}
	return err
}

// temporaryFolder picks a temporary folder that acc can reach. Root's TMPDIR
// may stand where nobody else may look.
func temporaryFolder(acc account) (string, error) {
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if acc.name == "" || open(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no temporary folder that the account %s can reach; set TMPDIR", acc.name)
}

// open reports whether every user may pass through dir.
func open(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// sweep removes the folders of owners that are gone. What it may not touch,
// such as another user's folder, it leaves without a word.
func sweep(parent string) {
	if !tellsOwners() {
		return
	}
	// Glob fails on a malformed pattern alone.
	dirs, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		// A folder this young may belong to an owner that is about to lock it.
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0); err == nil {
			if tryLock(f) {
				_ = os.RemoveAll(dir)
			}
			_ = f.Close()
		} else if errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(dir)
		}
	}
}
