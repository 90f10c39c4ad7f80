package deploycheck_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

// deploy is the path of something in deploy/.
func deploy(parts ...string) string {
	return filepath.Join(append([]string{"..", "..", "deploy"}, parts...)...)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// documents decodes every document of a file.
func documents[T any](t *testing.T, path string) []T {
	t.Helper()
	var all []T
	decoder := yaml.NewDecoder(bytes.NewReader(read(t, path)))
	for {
		var one T
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, one)
	}
}

// document decodes a file of one document.
func document[T any](t *testing.T, path string) T {
	t.Helper()
	all := documents[T](t, path)
	if len(all) != 1 {
		t.Fatalf("%s: %d documents, want one", path, len(all))
	}
	return all[0]
}
