package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crossing is one exchange of a [passage] until it has told the breaker how it
// went, by the rules of [Client.judge]. Its bodies are others', and stream.
type crossing struct {
	over   func() error // Err of the request's context
	client *Client
	permit permit
	begun  time.Time
	sent   *sending // nil: nothing is sent but the head
}

// follow waits for the end of the answer, because an upstream can begin one and
// hang. A probe of a half-open breaker is over with the head: others wait for what
// it finds out, and a body may take long.
func (x crossing) follow(resp *http.Response) {
	if x.permit.probing {
		x.settle(resp.StatusCode, nil)
		return
	}
	resp.Body = &arriving{ReadCloser: resp.Body, end: func(err error) { x.settle(resp.StatusCode, err) }}
}

func (x crossing) settle(status int, err error) { x.permit.settle(x.judge(status, err)) }

func (x crossing) judge(status int, err error) verdict {
	if err == nil {
		return x.client.judge(Response{Status: status}, nil, 0)
	}
	network, ok := errors.AsType[net.Error](err)
	late := errors.Is(x.over(), context.DeadlineExceeded) || ok && network.Timeout()
	switch {
	case errors.Is(x.over(), context.Canceled), x.sent.atFault():
		return unjudged
	case late && time.Since(x.begun) < x.client.cfg.Timeout/4:
		return unjudged // the caller had hardly any time left
	}
	return failing
}

// arriving is the body of an answer that tells once how it ended.
type arriving struct {
	io.ReadCloser
	end  func(error)
	once sync.Once
}

// Read passes on what comes.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		a.once.Do(func() {
			if errors.Is(err, io.EOF) {
				a.end(nil)
				return
			}
			a.end(err)
		})
	}
	return n, err
}

// Close before the end is the reader's wish and says nothing about the upstream.
func (a *arriving) Close() error {
	a.once.Do(func() { a.end(nil) })
	return a.ReadCloser.Close()
}

// sending is the body of a request, which the caller may hold back or break off.
type sending struct {
	io.ReadCloser
	waiting, broken atomic.Bool
}

// watchSending wraps the body of req; nil when it has none.
func watchSending(req *http.Request) *sending {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	s := &sending{ReadCloser: req.Body}
	req.Body = s
	return s
}

// Read notes whether the caller is waited for.
func (s *sending) Read(p []byte) (int, error) {
	s.waiting.Store(true)
	n, err := s.ReadCloser.Read(p)
	s.waiting.Store(false)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken.Store(true)
	}
	return n, err
}

// atFault reports whether an exchange ended because of the body that was sent.
func (s *sending) atFault() bool { return s != nil && (s.waiting.Load() || s.broken.Load()) }
