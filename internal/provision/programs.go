package provision

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// programs are the absolute paths of what is run.
type programs struct{ initdb, postgres, redis string }

// find looks for the programs and names the Debian packages of the missing.
func find(getenv func(string) string) (found programs, missing []string) {
	path := filepath.SplitList(getenv("PATH"))
	for _, dir := range append(postgresFolders(getenv(PostgresBinVar)), path...) {
		found.initdb, found.postgres = executable(dir, "initdb"), executable(dir, "postgres")
		// Both must come from one installation, or their versions may differ.
		if found.initdb != "" && found.postgres != "" {
			break
		}
	}
	if found.initdb == "" || found.postgres == "" {
		missing = append(missing, "postgresql")
	}
	for _, dir := range append(path, "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin") {
		found.redis = cmp.Or(executable(dir, "redis-server"), executable(dir, "valkey-server"))
		if found.redis != "" {
			return found, missing
		}
	}
	return found, append(missing, "redis-server")
}

// postgresFolders lists where packages put the servers, the newest first. They
// come before PATH, where a wrapper script of the same name may stand.
func postgresFolders(own string) []string {
	var folders []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		// Glob fails on a malformed pattern alone.
		matches, _ := filepath.Glob(pattern)
		slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
		folders = append(folders, matches...)
	}
	if own == "" {
		return folders
	}
	return slices.Insert(folders, 0, own)
}

// version reads the digits that end the name of the folder above bin.
func version(bin string) int {
	name := filepath.Base(filepath.Dir(bin))
	start := len(name)
	for start > 0 && name[start-1] >= '0' && name[start-1] <= '9' {
		start--
	}
	n, err := strconv.Atoi(name[start:])
	if err != nil {
		return 0
	}
	return n
}

// executable returns the path of a program in dir, or "".
func executable(dir, name string) string {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 || !filepath.IsAbs(path) {
		return ""
	}
	return path
}
