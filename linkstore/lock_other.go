//go:build !unix

package linkstore

import "os"

// lockFile has no portable form here; a second process is not noticed.
func lockFile(*os.File) error { return nil }
