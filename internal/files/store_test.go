package files_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/files"
	"registrar/internal/registrar"
)

func put(tb testing.TB, s *files.Store, name, content string) {
	tb.Helper()
	if err := s.Create(tb.Context(), name, "text/csv", func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}); err != nil {
		tb.Fatalf("create: %v", err)
	}
}

func contentOf(tb testing.TB, s *files.Store, name string) (string, error) {
	tb.Helper()
	r, err := s.Open(tb.Context(), name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text), nil
}

func wantGone(tb testing.TB, s *files.Store, name string) {
	tb.Helper()
	if text, err := contentOf(tb, s, name); registrar.KindOf(err) != registrar.NotFound {
		tb.Errorf("%q, %v; want not found", text, err)
	}
}

func TestFilesComeAndGo(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *files.Store) {
		t.Helper()
		const name = "job-results/5f3a.csv"
		wantGone(t, s, name)
		wantGone(t, s, "job-results")
		put(t, s, name, "a,b\r\n")
		put(t, s, name, "c,d\r\n")
		if text, err := contentOf(t, s, name); err != nil || text != "c,d\r\n" {
			t.Errorf("%q, %v; want what was written last", text, err)
		}
		wantGone(t, s, "job-results")
		for range 2 {
			if err := s.Delete(t.Context(), name); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		wantGone(t, s, name)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("ping: %v", err)
		}
	})
}

// A file that is not whole is none, however its writing ends.
func TestHalfAFileIsNone(t *testing.T) {
	t.Parallel()
	failed := errors.New("the LMS went away")
	everywhere(t, func(t *testing.T, s *files.Store) {
		t.Helper()
		const name, old = "uploads/1.json", "uploads/2.json"
		put(t, s, old, "old")
		for _, target := range []string{name, old} {
			err := s.Create(t.Context(), target, "application/json", func(w io.Writer) error {
				if _, err := io.WriteString(w, "half"); err != nil {
					return err
				}
				return failed
			})
			if !errors.Is(err, failed) {
				t.Errorf("failing: %v, want the writer's own error", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if err := s.Create(ctx, target, "application/json", func(w io.Writer) error {
				defer cancel()
				_, err := io.WriteString(w, "half")
				return err
			}); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v, want the context's end", err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = s.Create(t.Context(), target, "application/json", func(io.Writer) error { panic("canary") })
			}()
		}
		wantGone(t, s, name)
		if text, err := contentOf(t, s, old); err != nil || text != "old" {
			t.Errorf("%q, %v; the old file is not what it was", text, err)
		}
	})
}

func TestAHalfFileLeavesNothingInTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, files.Config{URL: "file:" + dir})
	if err := s.Create(t.Context(), "uploads/1.json", "", func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		if got := filesBelow(t, dir); len(got) != 1 {
			t.Errorf("while it is written: %v; does the test look at the right place?", got)
		}
		return io.ErrUnexpectedEOF
	}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if got := filesBelow(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// A file larger than one part is sent in parts, which the bucket would keep until
// it is told that nothing comes of them.
func TestAHalfUploadInPartsIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cancel func()) error{
		"the writer fails":      func(func()) error { return io.ErrUnexpectedEOF },
		"the context ends":      func(cancel func()) error { cancel(); return context.Canceled },
		"the context ends late": func(cancel func()) error { cancel(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket(t)
			s := open(t, files.Config{URL: b.url()})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := s.Create(ctx, "job-results/1.csv", "text/csv", func(w io.Writer) error {
				line := []byte(strings.Repeat("x", 1<<20))
				for range 20 { // parts begin at 16 MiB
					if _, err := w.Write(line); err != nil {
						return err
					}
				}
				return end(cancel)
			})
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want why it ended", err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.aborted != 1 || len(b.objects) != 0 {
				t.Errorf("%d uploads given up and %d files, want 1 and none", b.aborted, len(b.objects))
			}
		})
	}
}

func filesBelow(tb testing.TB, dir string) []string {
	tb.Helper()
	var all []string
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestAFolderIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "files")
	s := open(t, files.Config{URL: "file://" + dir})
	put(t, s, "uploads/1.json", "[]")
	for path, want := range map[string]fs.FileMode{
		dir: 0o700, filepath.Join(dir, "uploads"): 0o700, filepath.Join(dir, "uploads", "1.json"): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
	if got := filesBelow(t, dir); len(got) != 1 {
		t.Errorf("%v, want one file and nothing beside it", got)
	}
}

// No name leads out of the store, for whatever is done with it.
func TestNamesThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	secret := filepath.Join(root, "secret.json")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, files.Config{URL: "file:" + filepath.Join(root, "files")})
	for _, name := range []string{
		"", ".", "..", "/", "../secret.json", "uploads/../../secret.json", secret, "/" + secret, "uploads//1.json",
		"uploads/", "./1.json", "uploads/./1.json", `..\secret.json`, "a\x00b", "a\nb", "\xff", "1.json.attrs",
		strings.Repeat("a/", 600) + "b",
	} {
		wantGone(t, s, name)
		if err := s.Create(t.Context(), name, "", func(io.Writer) error { return nil }); err == nil {
			t.Errorf("%q was created", name)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("%q was deleted", name)
		}
		if got, err := s.List(t.Context(), name); err == nil {
			t.Errorf("%q was listed: %v", name, got)
		}
		if link, err := s.Link(t.Context(), name); err == nil {
			t.Errorf("%q has the link %s", name, link)
		} else if len(name) > 3 && strings.Contains(err.Error(), name) {
			t.Errorf("the error repeats the name: %v", err)
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Errorf("%q, %v: the file outside was touched", text, err)
	}
	if got := filesBelow(t, root); len(got) != 1 {
		t.Errorf("files were made: %v", got)
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *files.Store) {
		t.Helper()
		if got, err := s.List(t.Context(), "reports/none"); err != nil || len(got) != 0 {
			t.Errorf("a folder that is not there: %v, %v", got, err)
		}
		for _, name := range []string{"reports/b", "reports/a.csv", "reports/B", "reports/deep/c", "reports-2/d", "reports/a"} {
			put(t, s, name, "1234")
		}
		got, err := s.List(t.Context(), "reports")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range got {
			names = append(names, f.Name)
			if f.Size != 4 || f.Modified.IsZero() {
				t.Errorf("%+v, want its size and time", f)
			}
		}
		if diff := cmp.Diff([]string{"B", "a", "a.csv", "b"}, names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	})
}

// A place that fails is not one that lacks the file, and its error names nothing.
func TestAPlaceThatFails(t *testing.T) {
	t.Parallel()
	const name = "reports/canary__2026-01-01.csv"
	broken := newBucket(t)
	broken.broken = true
	away := newBucket(t)
	away.server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "reports"), nil, 0o600); err != nil { // a file where a folder should be
		t.Fatal(err)
	}
	write := func(ctx context.Context, s *files.Store) error {
		return s.Create(ctx, name, "", func(io.Writer) error { return nil })
	}
	read := func(ctx context.Context, s *files.Store) error {
		_, err := s.Open(ctx, name)
		return err
	}
	list := func(ctx context.Context, s *files.Store) error {
		_, err := s.List(ctx, "reports")
		return err
	}
	ping := func(ctx context.Context, s *files.Store) error { return s.Ping(ctx) }
	cases := map[string]struct {
		url string
		do  []func(context.Context, *files.Store) error
	}{
		"a bucket that refuses": {broken.url(), []func(context.Context, *files.Store) error{write, read, list, ping}},
		"a bucket that is away": {away.url(), []func(context.Context, *files.Store) error{read}},
		"a folder that is none": {"file:" + dir, []func(context.Context, *files.Store) error{write, read}},
	}
	for title, tc := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := open(t, files.Config{URL: tc.url})
			for i, do := range tc.do {
				err := do(t.Context(), s)
				if registrar.KindOf(err) != registrar.Unavailable {
					t.Errorf("%d: %v (%s), want unavailable", i, err, registrar.KindOf(err))
					continue
				}
				if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), dir) {
					t.Errorf("%d: the error names the file: %v", i, err)
				}
			}
		})
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]files.Config{
		"no place":            {},
		"a kind of its own":   {URL: "ftp://files.example.org"},
		"a host for a folder": {URL: "file://files/x"},
		"no folder":           {URL: "file:"},
		"a file":              {URL: "file:store_test.go"},
		"a short key":         {URL: "mem:", Link: files.Link{Keys: [][]byte{[]byte("short")}}},
		"links for ever":      {URL: "mem:", Link: files.Link{TTL: 8 * 24 * time.Hour}},
		"a base without host": {URL: "mem:", Link: files.Link{Base: "registrar.example.org"}},
	} {
		if s, err := files.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s was opened: %v", name, s)
		}
	}
}
