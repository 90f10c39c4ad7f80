package config

import (
	"reflect"
	"strings"
)

// Change is what a reload found to differ from what runs, by key path in the
// order of the example file. It holds no values, for they may be secrets.
type Change struct {
	// Live are the keys that take effect at once.
	Live []string
	// Restart are the keys that go on as they run until the next start.
	Restart []string
}

// IsLive reports whether a change of the key of this path takes effect at a
// reload. A path below or within a live one is live too.
func IsLive(path string) bool {
	for _, live := range []string{
		"log.level",
		"auth.issuers",
		"lms.breaker.observe", "lms.budget", "discovery.breaker.observe", "discovery.budget",
		"cache.views",
		"limits.observe", "limits.read", "limits.table", "limits.write", "limits.passthrough", "limits.internal",
		"passthrough",
		"cors",
		"flags",
	} {
		if rest, ok := strings.CutPrefix(path, live); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// changeOf compares two configurations key by key.
func changeOf(running, loaded Config) Change {
	var c Change
	for _, path := range differing("", reflect.ValueOf(&running).Elem(), reflect.ValueOf(&loaded).Elem()) {
		if IsLive(path) {
			c.Live = append(c.Live, path)
		} else {
			c.Restart = append(c.Restart, path)
		}
	}
	return c
}

// differing lists the keys that two sections of one type do not share. A list of
// sections that became longer or shorter differs as a whole.
func differing(prefix string, a, b reflect.Value) []string {
	var paths []string
	others := members(prefix, b)
	for i, k := range members(prefix, a) {
		other := others[i].value
		switch {
		case k.isSection():
			paths = append(paths, differing(k.path, k.value, other)...)
		case k.isSectionList() && k.value.Len() == other.Len():
			for j := range other.Len() {
				paths = append(paths, differing(element(k.path, j), k.value.Index(j), other.Index(j))...)
			}
		case !reflect.DeepEqual(k.value.Interface(), other.Interface()):
			paths = append(paths, k.path)
		}
	}
	return paths
}

// effective is the loaded configuration with the keys that need a restart as
// they run, so that one that is not in effect is never taken for one that is.
func effective(running, loaded Config) Config {
	runs := map[string]reflect.Value{}
	for _, k := range keys(&running) {
		runs[k.path] = k.value
	}
	for _, k := range keys(&loaded) {
		if value, ok := runs[k.path]; ok && !IsLive(k.path) {
			k.value.Set(value)
		}
	}
	return loaded
}
