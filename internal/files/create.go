package files

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"
)

// S3 keeps one part for each upload that goes on at a time in memory: five of
// them for every file, if nobody says otherwise.
const (
	partSize    = 5 << 20 // the least that S3 takes
	partsAtOnce = 2
)

// Create makes the file that write writes, in place of one of that name. Until
// write has returned nil and everything is stored there is no such file, or still
// the old one: an error, a panic or the end of ctx leaves nothing behind, a
// process that is killed at most what [Store.Tidy] takes away (in a bucket, what
// its rule for incomplete uploads does). The bytes go on as they come. An error of
// write is returned as it is.
//
// contentType is for buckets that hand files out themselves.
func (s *Store) Create(ctx context.Context, name, contentType string, write func(io.Writer) error) error {
	if !isName(name) {
		return errName()
	}
	opts := &blob.WriterOptions{
		// Without one the first bytes would be held back to guess it.
		ContentType: cmp.Or(contentType, "application/octet-stream"), ContentDisposition: attachment(name),
		BufferSize: partSize, MaxConcurrency: partsAtOnce, BeforeWrite: private,
	}
	if s.remote {
		return s.upload(ctx, name, opts, write)
	}
	return s.save(ctx, name, opts, write)
}

// save writes to a folder or to memory.
func (s *Store) save(ctx context.Context, name string, opts *blob.WriterOptions, write func(io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	// Closing after the context's end is how a blob is given up; a panic comes this
	// way too.
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, name, opts)
	if err != nil {
		return failure("create", err)
	}
	closed := false
	defer func() {
		if !closed {
			cancel()
			_ = w.Close() // its error says that the context ended
		}
	}()
	if err := write(sink{w}); err != nil {
		return err
	}
	closed = true
	if err := w.Close(); err != nil {
		return failure("create", err)
	}
	return nil
}

// sink classifies the errors of a place, so that they can be told from those of
// whoever writes.
type sink struct{ w io.Writer }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		return n, failure("write", err)
	}
	return n, nil
}

// private keeps a file in a folder from other users of the machine. Places of
// other kinds have no such file.
func private(as func(any) bool) error {
	var f *os.File
	if !as(&f) {
		return nil
	}
	return f.Chmod(0o600)
}

// attachment makes browsers save the file, whatever its type.
func attachment(name string) string {
	return fmt.Sprintf("attachment; filename=%q", ascii(base(name)))
}

// ascii replaces what a header could misread.
func ascii(text string) string {
	out := []byte(text)
	for i, b := range out {
		if b <= ' ' || b >= 0x7f || b == '"' || b == '\\' || b == ';' {
			out[i] = '_'
		}
	}
	return string(out)
}
