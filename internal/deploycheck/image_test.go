package deploycheck_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// last is the last stage of the Dockerfile, which becomes the image.
func last(t *testing.T) string {
	t.Helper()
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(read(t, filepath.Join("..", "..", "Dockerfile"))), -1)
	return strings.ReplaceAll(stages[len(stages)-1], "\\\n", " ")
}

func TestImage(t *testing.T) {
	t.Parallel()
	image := last(t)
	if !strings.HasPrefix(image, "scratch\n") {
		t.Error("the image is not an empty one with our files")
	}
	for what, pattern := range map[string]string{
		"a numeric user that is not root":   `(?m)^USER [1-9]\d*:[1-9]\d*$`,
		"a health check by the program":     `(?m)^HEALTHCHECK .*CMD \["/registrar", "health"\]$`,
		"the certificates of authorities":   `(?m)^COPY .*/etc/ssl/certs/ca-certificates\.crt$`,
		"an address that others can reach":  `REGISTRAR_SERVER_LISTEN=:8080\b`,
		"the program as the entry point":    `(?m)^ENTRYPOINT \["/registrar"\]$`,
		"the signal that begins a drain":    `(?m)^STOPSIGNAL SIGTERM$`,
		"a folder for data that it may use": `(?m)^COPY .*--chown=65532:65532 \S+ /data$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(image) {
			t.Errorf("the image lacks %s", what)
		}
	}
}

// TestImageGetsEverySource: .dockerignore lets in what it names, so a new room
// must be named.
func TestImageGetsEverySource(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	lines := strings.Split(string(read(t, filepath.Join(root, ".dockerignore"))), "\n")
	if !slices.Contains(lines, "*") {
		t.Error(".dockerignore lets everything in: local secrets end up in the build")
	}
	folders := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if d.IsDir() && (rel == ".git" || rel == "tools" || rel == "bench") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			folders[strings.Split(filepath.ToSlash(rel), "/")[0]] = true
		}
		return err
	})
	if err != nil || len(folders) < 5 {
		t.Fatalf("%d folders with sources, %v", len(folders), err)
	}
	for folder := range folders {
		if !slices.Contains(lines, "!"+folder) {
			t.Errorf(".dockerignore keeps %s out of the build", folder)
		}
	}
}
