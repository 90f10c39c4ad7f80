package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"gocloud.dev/blob"
)

// giveUp is how long a bucket may take to forget what it got of a file that is not
// to be.
const giveUp = 10 * time.Second

// errUnfinished ends the upload of a writer that panicked.
var errUnfinished = errors.New("files: the writer did not finish")

// upload writes to a bucket. There the end of a context would end the request that
// takes back what was sent, too, and the parts of a large file would stay; so an
// upload is given up by a reader that fails, and has a context of its own.
func (s *Store) upload(ctx context.Context, name string, opts *blob.WriterOptions, write func(io.Writer) error) error {
	r, w := io.Pipe()
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = w.CloseWithError(ctx.Err()) // without effect on a file that is written to its end
		select {
		case <-own.Done():
		case <-time.After(giveUp):
			cancel()
		}
	})
	defer stop()

	stored := make(chan struct{})
	var err error // of the upload, once it is over
	go func() {
		defer close(stored)
		err = drain(r, func() error { return s.bucket.Upload(own, name, r, opts) })
	}()
	wrote := errUnfinished
	defer func() {
		if errors.Is(wrote, errUnfinished) { // a panic is on its way
			_ = w.CloseWithError(wrote)
			<-stored
		}
	}()
	wrote = write(sink{w})
	if wrote == nil && ctx.Err() != nil {
		wrote = failure("create", ctx.Err())
	}
	_ = w.CloseWithError(wrote) // a nil one is the end of the file
	<-stored
	switch {
	case wrote != nil:
		return wrote
	case err != nil && ctx.Err() != nil:
		return failure("create", ctx.Err())
	case err != nil:
		return failure("create", err)
	}
	return nil
}

// drain makes sure that whoever writes to r does not wait for ever once it is not
// read any more.
func drain(r *io.PipeReader, upload func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("files: panic of %T\n%s", v, debug.Stack())
		}
		_ = r.CloseWithError(err) // nil becomes io.ErrClosedPipe
	}()
	return upload()
}
