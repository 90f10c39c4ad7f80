package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/files"
)

// What a killed process left is no file, and is tidied away with the old ones.
func TestTidying(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, files.Config{URL: "file:" + dir})
	for _, name := range []string{"uploads/old.json", "uploads/owned.json", "uploads/new.json", "job-results/old.json"} {
		put(t, s, name, "[]")
	}
	stranded := filepath.Join(dir, "uploads", "half.json.18a1b2c3d4e5f607.tmp")
	if err := os.WriteFile(stranded, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{stranded, filepath.Join(dir, "uploads", "old.json"), filepath.Join(dir, "uploads", "owned.json"), filepath.Join(dir, "job-results", "old.json")} {
		if err := os.Chtimes(path, now(), now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.List(t.Context(), "uploads"); err != nil || len(got) != 3 {
		t.Errorf("before: %v, %v; want the three whole files", got, err)
	}
	away := errors.New("away")
	if n, err := s.Tidy(t.Context(), "uploads", now(), func(string) (bool, error) { return false, away }); !errors.Is(err, away) {
		t.Errorf("tidied %d, %v; want that nobody can tell whose a file is", n, err)
	}
	n, err := s.Tidy(t.Context(), "uploads", now(), func(name string) (bool, error) { return name == "old.json", nil })
	if err != nil || n == 0 {
		t.Errorf("tidied %d, %v; want some", n, err)
	}
	want := []string{filepath.Join(dir, "job-results", "old.json"), filepath.Join(dir, "uploads", "new.json"), filepath.Join(dir, "uploads", "owned.json")}
	if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
