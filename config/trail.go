package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// trail lists the folder entries whose replacement changes what is read at path:
// the file itself and every symbolic link on the way to it. Kubernetes replaces
// such a link, "..data", rather than the file. A trail that leads to nothing ends
// at the first entry that is missing.
func trail(path string) []string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil // only without a working directory
	}
	const most = 40 // links that lead in a circle
	var entries []string
	at, rest := "/", strings.Split(absolute, "/")
	for links := 0; len(rest) > 0 && links < most; {
		name := rest[0]
		rest = rest[1:]
		entry := filepath.Join(at, name) // ".." is resolved here: at holds no link
		if entry == at || name == ".." {
			at = entry
			continue
		}
		info, err := os.Lstat(entry)
		if err != nil {
			return append(entries, entry)
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = entry
			continue
		}
		links++
		entries = append(entries, entry)
		target, err := os.Readlink(entry)
		if err != nil {
			return entries
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = slices.Concat(strings.Split(target, "/"), rest)
	}
	return append(entries, at)
}
