package files

import (
	"context"
	"errors"
	"io"

	"gocloud.dev/blob"

	"registrar/internal/registrar"
)

// Open opens a file for reading, which goes on as long as ctx. One that is not
// there is [registrar.NotFound].
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Fetch opens the file that a link of this store names by its last two parts, and
// tells its size in bytes. An expired or forged token, a name that it was not made
// for and a file that is gone are [registrar.NotFound] all alike.
func (s *Store) Fetch(ctx context.Context, token, name string) (body io.ReadCloser, size int64, err error) {
	if !s.links.opens(token, name) {
		return nil, 0, notFound(nil)
	}
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	return r, r.Size(), nil
}

func (s *Store) open(ctx context.Context, name string) (*reader, error) {
	if !isName(name) {
		return nil, notFound(errName())
	}
	r, err := s.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return nil, failure("open", err)
	}
	return &reader{r}, nil
}

// reader classifies the errors of a place.
type reader struct{ *blob.Reader }

// Read reads on; a file that breaks off is no whole one.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failure("read", err)
	}
	return n, err
}

// WriteTo is the short cut of io.Copy, which would pass the errors by.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

// Delete deletes a file. One that is not there is as good as deleted.
func (s *Store) Delete(ctx context.Context, name string) error {
	if !isName(name) {
		return errName()
	}
	if err := s.bucket.Delete(ctx, name); err != nil {
		if err = failure("delete", err); registrar.KindOf(err) != registrar.NotFound {
			return err
		}
	}
	return nil
}
