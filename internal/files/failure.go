package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"gocloud.dev/gcerrors"

	"registrar/internal/registrar"
)

// failure classifies what the place answered. Its words name files and
// addresses, so only what is left without them goes on; a context that ended
// stays what it is.
func failure(op string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return notFound(fmt.Errorf("files: %s: no such file", op))
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return fmt.Errorf("files: %s: %w", op, end)
		}
	}
	return &registrar.Error{
		Kind: registrar.Unavailable, Code: "files_unavailable", Detail: "The place where files are kept cannot be used now.",
		Err: fmt.Errorf("files: %s: %w", op, nameless(err)),
	}
}

// nameless is the part of err that names no file: what the system, the network or
// the bucket said.
func nameless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	// What errors of the AWS client have; the message quotes the request now and
	// then, so the code must do.
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return errors.New(coded.ErrorCode())
	}
	if code := gcerrors.Code(err); code != gcerrors.Unknown {
		return errors.New(code.String())
	}
	return fmt.Errorf("an error of type %T", innermost(err))
}

// innermost is the error that nothing is wrapped in, which tells more by its type
// than what is around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
