package files_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/internal/files"
)

// now is the time of every store of the tests.
func now() time.Time { return time.Date(2026, 3, 2, 8, 21, 56, 0, time.UTC) }

func keys() [][]byte { return [][]byte{[]byte("a key of thirty-two bytes, or so")} }

// open opens a store at url, by the clock of the tests unless cfg has one.
func open(tb testing.TB, cfg files.Config) *files.Store {
	tb.Helper()
	if cfg.Now == nil {
		cfg.Now = now
	}
	if cfg.Link.Keys == nil {
		cfg.Link.Keys = keys()
	}
	s, err := files.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// everywhere runs test against a folder, memory and a bucket.
func everywhere(t *testing.T, test func(t *testing.T, s *files.Store)) {
	t.Helper()
	places := map[string]func(t *testing.T) string{
		"folder": func(t *testing.T) string { t.Helper(); return "file:" + t.TempDir() },
		"memory": func(*testing.T) string { return "mem:" },
		"bucket": func(t *testing.T) string { t.Helper(); return newBucket(t).url() },
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, files.Config{URL: place(t)}))
		})
	}
}

// bucket speaks as much S3 as the store needs.
type bucket struct {
	server *httptest.Server
	broken bool // answers 500 to everything

	mu      sync.Mutex
	objects map[string]object
	aborted int // uploads in parts that were given up
}

type object struct {
	body   string
	header http.Header
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{objects: map[string]object{}}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

func (b *bucket) url() string {
	return "s3://school?region=eu-west-1&use_path_style=true&endpoint=" + b.server.URL
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/school"), "/")
	body, _ := io.ReadAll(r.Body) // what broke off is not stored
	query := r.URL.Query()
	switch {
	case b.broken:
		http.Error(w, "<Error><Code>AccessDenied</Code><Message>school/"+name+"</Message></Error>", http.StatusForbidden)
	case query.Get("list-type") == "2":
		b.list(w, query.Get("prefix"))
	case r.Method == http.MethodPost && query.Has("uploads"):
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPut && query.Has("partNumber"):
		w.Header().Set("ETag", `"e"`)
	case r.Method == http.MethodPut:
		b.objects[name] = object{body: unchunked(r, string(body)), header: r.Header}
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		b.aborted++
	case r.Method == http.MethodDelete:
		delete(b.objects, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		b.get(w, name)
	}
}

func (b *bucket) get(w http.ResponseWriter, name string) {
	o, ok := b.objects[name]
	if !ok {
		http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
		return
	}
	w.Header().Set("Last-Modified", now().Format(http.TimeFormat))
	_, _ = io.WriteString(w, o.body)
}

func (b *bucket) list(w http.ResponseWriter, prefix string) {
	type entry struct {
		Key          string
		Size         int
		LastModified string
	}
	type listing struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []entry
	}
	var out listing
	for name, o := range b.objects {
		if rest, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(rest, "/") {
			out.Contents = append(out.Contents, entry{name, len(o.body), now().Format(time.RFC3339)})
		}
	}
	slices.SortFunc(out.Contents, func(x, y entry) int { return strings.Compare(y.Key, x.Key) }) // not as S3 sorts
	_ = xml.NewEncoder(w).Encode(out)
}

// unchunked takes the body out of the chunks that carry its checksum.
func unchunked(r *http.Request, body string) string {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return body
	}
	_, rest, _ := strings.Cut(body, "\r\n")
	body, _, _ = strings.Cut(rest, "\r\n0\r\n")
	return body
}
