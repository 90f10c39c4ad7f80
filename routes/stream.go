package routes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
)

// chunk is how many bytes of a table are rendered before the connection has to
// take them: memory stays flat however long the table is.
const chunk = 32 << 10

// errGone ends a rendering whose reader has left.
var errGone = errors.New("routes: the reader is gone")

// sheet is where a table is rendered to.
type sheet struct {
	bytes.Buffer
	yield func([]byte) bool
}

// pass hands over what is rendered once it fills a chunk. It is called between
// rows; its error ends the rendering.
func (s *sheet) pass() error {
	if s.Len() < chunk {
		return nil
	}
	return s.flush()
}

func (s *sheet) flush() error {
	if !s.yield(s.Bytes()) {
		return errGone
	}
	s.Reset()
	return nil
}

// stream is a response body that renders itself as the connection takes it. A
// fasthttp stream writer would have to end a failed table like a whole one; a
// reader can fail, upon which the connection is cut and nobody takes a half
// table for a whole one. It runs after its handler returned, so it must hold
// nothing of the fiber context.
type stream struct {
	render func(*sheet) error
	failed func(error) // told once when the table broke off

	next  func() ([]byte, bool)
	stop  func()
	rest  []byte
	cause error
}

var _ io.ReadCloser = (*stream)(nil)

// Read renders the next chunk. Its errors end the connection.
func (s *stream) Read(p []byte) (n int, err error) {
	defer func() {
		// Here no recovering middleware is left above us.
		if v := recover(); v != nil {
			// The value may be a learner's data, so only its type is told.
			err = s.broken(fmt.Errorf("routes: table: panic of %T\n%s", v, debug.Stack()))
		}
	}()
	// Begun only now: a body that nobody reads, as after HEAD, costs nothing.
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.chunks)
	}
	for len(s.rest) == 0 {
		rest, ok := s.next()
		if !ok {
			return 0, s.end()
		}
		s.rest = rest
	}
	n = copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) chunks(yield func([]byte) bool) {
	out := &sheet{yield: yield}
	err := s.render(out)
	if err == nil {
		err = out.flush()
	}
	if !errors.Is(err, errGone) {
		s.cause = err
	}
}

// end says whether the rendering came to its end or broke off.
func (s *stream) end() error {
	if s.cause == nil {
		return io.EOF
	}
	return s.broken(s.cause)
}

// broken keeps the error for every later read, and tells of it once.
func (s *stream) broken(err error) error {
	s.cause = err
	if s.failed != nil {
		s.failed(err)
		s.failed = nil
	}
	return err
}

// Close ends the rendering wherever it is; fasthttp calls it when the client
// has left, too.
func (s *stream) Close() error {
	if s.stop != nil {
		s.stop()
	}
	return nil
}
