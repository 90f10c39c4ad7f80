package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// findOrInstall finds the programs, and installs the missing ones once.
func findOrInstall(ctx context.Context, getenv func(string) string) (programs, error) {
	found, missing := find(getenv)
	if len(missing) == 0 {
		return found, nil
	}
	// Test binaries of several packages run at once; apt-get does not.
	name := fmt.Sprintf("%sinstall-%d.lock", folderPrefix, os.Geteuid())
	unlock, err := waitForLock(ctx, filepath.Join(os.TempDir(), name))
	if err != nil {
		return found, err
	}
	defer unlock()
	if found, missing = find(getenv); len(missing) == 0 {
		return found, nil
	}
	if err := install(ctx, getenv, missing); err != nil {
		return found, err
	}
	if found, missing = find(getenv); len(missing) > 0 {
		return found, fmt.Errorf("still missing after installing them: %s", strings.Join(missing, ", "))
	}
	return found, nil
}

// install runs apt-get, through sudo where the user is not root.
func install(ctx context.Context, getenv func(string) string, packages []string) error {
	wanted := strings.Join(packages, " and ")
	if !onPath(getenv, "apt-get") {
		return fmt.Errorf("%s not found and there is no apt-get: install %s, or set %s", wanted, wanted, PostgresBinVar)
	}
	// Runlevel 1 keeps the packages from starting services of their own.
	prefix := []string{"env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"}
	if os.Geteuid() != 0 {
		if !onPath(getenv, "sudo") {
			return fmt.Errorf("%s not found, and installing needs root or sudo: install %s", wanted, wanted)
		}
		prefix = append([]string{"sudo", "-n"}, prefix...)
	}
	fmt.Fprintf(os.Stderr, "provision: installing %s with apt-get, once\n", wanted)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	// A stale list may still lead to the packages, so only the install decides.
	updated := run(ctx, append(prefix, "update"))
	if err := run(ctx, append(append(prefix, "install", "-y", "--no-install-recommends"), packages...)); err != nil {
		if updated != nil {
			return fmt.Errorf("install %s: %w (and before that: %w)", wanted, err, updated)
		}
		return fmt.Errorf("install %s: %w", wanted, err)
	}
	return nil
}

// run runs a command to its end; the error carries the end of its output.
func run(ctx context.Context, args []string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", args[0], err, tail(out))
	}
	return nil
}

func onPath(getenv func(string) string, name string) bool {
	for _, dir := range filepath.SplitList(getenv("PATH")) {
		if executable(dir, name) != "" {
			return true
		}
	}
	return false
}

// waitForLock takes the lock of a file that may be another process's for
// minutes, and returns how to give it back.
func waitForLock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !tryLock(f) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process is installing: %w", ctx.Err()), f.Close())
		}
	}
	// Closing gives the lock back; nothing was written that could be lost.
	return func() { _ = f.Close() }, nil
}
