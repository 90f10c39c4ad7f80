package routes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// sending is a file on its way out. The server gives every answer one fixed time,
// which a large file on a slow line cannot keep; so the time is moved on as long as
// the caller takes what is sent, until ctx ends. Like [stream] it fails rather than
// ends early: its connection is cut, and nobody takes half a file for a whole one.
type sending struct {
	ctx    context.Context //nolint:containedctx // fasthttp asks for the rest of the body without one
	end    context.CancelFunc
	body   io.ReadCloser
	left   int64 // bytes; what comes beyond them is not sent
	pause  time.Duration
	extend func(time.Time) error // moves the connection's deadline
	failed func(error)           // told once when the file broke off

	extended time.Time
}

// Read reads on, and gives the caller time to take what it read.
func (s *sending) Read(p []byte) (n int, err error) {
	defer func() {
		// Here no recovering middleware is left above us.
		if v := recover(); v != nil {
			n, err = 0, s.broken(fmt.Errorf("routes: file: panic of %T\n%s", v, debug.Stack()))
		}
	}()
	if s.ctx.Err() != nil {
		return 0, s.broken(fmt.Errorf("routes: file: the caller took too long: %w", s.ctx.Err()))
	}
	// Not for each of some kilobytes.
	if now := time.Now(); now.Sub(s.extended) > s.pause/10 {
		s.extended = now
		if err := s.extend(now.Add(s.pause)); err != nil {
			return 0, s.broken(fmt.Errorf("routes: file: %w", err))
		}
	}
	n, err = s.body.Read(p)
	s.left -= int64(n)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		err = s.broken(err)
	case err != nil && s.left > 0:
		err = s.broken(io.ErrUnexpectedEOF)
	}
	return n, err
}

func (s *sending) broken(err error) error {
	if s.failed != nil {
		s.failed(err)
		s.failed = nil
	}
	return err
}

// Close is called by fasthttp when the file is sent, when the caller has left, and
// without any Read after HEAD.
func (s *sending) Close() error {
	s.end()
	return s.body.Close()
}
