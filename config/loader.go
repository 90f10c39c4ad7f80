package config

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Load reads the configuration: defaults, then the YAML file at path, then the
// REGISTRAR_… variables of environ ("NAME=value", as os.Environ gives them). An
// empty path means no file. The error is a [*Mistakes] with everything that is
// wrong; the Config beside it is then only good for showing.
//
// Names of files, within the configuration too, are relative to the working
// directory.
func Load(path string, environ []string) (Config, error) {
	if path == "" {
		return Parse("", nil, environ)
	}
	data, err := readFile(path)
	if err != nil {
		return Default(), &Mistakes{List: []Mistake{{Origin: Origin{File: path}, Problem: "cannot be read: " + err.Error()}}}
	}
	return Parse(path, data, environ)
}

// Parse is [Load] for a file that is already read; name stands for it in
// mistakes.
func Parse(name string, data []byte, environ []string) (Config, error) {
	l := &loader{config: Default(), file: name, origins: map[string]Origin{}, bad: map[string]bool{}}
	l.readYAML(data)
	l.readEnvironment(environ)
	l.readSecretFiles()
	if !l.bad[""] { // or everything required would be missing too
		l.check()
	}
	l.config.derive()
	return l.config, l.mistakes.err()
}

// Validate checks a Config that was not made by [Load], such as one that a test
// or a demonstration builds. Its error is a [*Mistakes].
func (c Config) Validate() error {
	l := &loader{config: c, bad: map[string]bool{}}
	l.check()
	return l.mistakes.err()
}

// derive fills the keys whose default is made of other keys.
func (c *Config) derive() {
	c.LMS.URL = strings.TrimRight(c.LMS.URL, "/")
	c.Discovery.URL = strings.TrimRight(c.Discovery.URL, "/")
	if c.LMS.PublicURL == "" {
		c.LMS.PublicURL = c.LMS.URL
	}
	c.LMS.PublicURL = strings.TrimRight(c.LMS.PublicURL, "/")
	if c.LMS.TokenURL == "" && c.LMS.URL != "" {
		c.LMS.TokenURL = c.LMS.URL + "/oauth2/access_token"
	}
	c.Telemetry.TracesEndpoint = strings.TrimRight(c.Telemetry.TracesEndpoint, "/")
	if c.Discovery.TokenURL == "" {
		c.Discovery.TokenURL = c.LMS.TokenURL
	}
}

// loader is one run of [Load]: what is known so far, and what is wrong with it.
type loader struct {
	config   Config
	file     string            // name of the file; empty when there is none
	origins  map[string]Origin // of every key and section that was given, by path
	bad      map[string]bool   // paths with a mistake, whose values mean nothing
	mistakes Mistakes
}

// mistake records what is wrong with the key of this path. Only the first mistake
// of a key or its section is told: the others follow from it.
func (l *loader) mistake(path, problem, want string) {
	l.mistakeAt(path, l.origin(path), problem, want)
}

// mistakeAt is mistake for a place that is not the key's own.
func (l *loader) mistakeAt(path string, at Origin, problem, want string) {
	if l.isBad(path) {
		return
	}
	l.bad[path] = true
	l.mistakes.List = append(l.mistakes.List, Mistake{Key: path, Origin: at, Problem: problem, Want: want})
}

// isBad reports whether the key or a section that it is in has a mistake.
func (l *loader) isBad(path string) bool {
	for p := path; p != ""; p = parent(p) {
		if l.bad[p] {
			return true
		}
	}
	return l.bad[""] && path == ""
}

// origin returns where the value of path came from. A key that was not given
// belongs into the nearest section that was.
func (l *loader) origin(path string) Origin {
	for p := path; p != ""; p = parent(p) {
		if at, ok := l.origins[p]; ok {
			return at
		}
	}
	return Origin{File: l.file}
}

// parent is the path of the section or list that holds the key of this path.
func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// maxFile bounds the configuration and each secret: larger is another file.
const maxFile = 1 << 20

// readFile's errors name the operation and the path.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than %s", path, Size(maxFile))
	}
	return data, err
}
