package main

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// line is a TCP connection to a server that a test can cut, hold and mend.
type line struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	state lineState
	held  chan struct{} // closed when a hold ends
}

type lineState int

const (
	open lineState = iota
	cut            // refuses and drops connections
	hold           // accepts, and passes nothing on
)

// newLine returns a line to the server at target, and the address to use instead.
func newLine(t *testing.T, target string) (*line, string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, target: target, conns: map[net.Conn]bool{}, held: make(chan struct{})}
	close(l.held)
	go l.serve()
	t.Cleanup(func() {
		listener.Close()
		l.set(cut)
	})
	return l, listener.Addr().String()
}

// throughLine returns the URL of a server behind a new line.
func throughLine(t *testing.T, server string) (l *line, throughURL string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, u.Host = newLine(t, u.Host)
	return l, u.String()
}

// set changes what the line does, also to the connections that stand.
func (l *line) set(s lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == hold && s != hold {
		close(l.held)
	}
	if s == hold && l.state != hold {
		l.held = make(chan struct{})
	}
	l.state = s
	if s == cut {
		for c := range l.conns {
			c.Close()
		}
		clear(l.conns)
	}
}

func (l *line) look() (lineState, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.held
}

func (l *line) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		if s, _ := l.look(); s == cut {
			near.Close()
			continue
		}
		far, err := net.Dial("tcp", l.target)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		l.conns[near], l.conns[far] = true, true
		l.mu.Unlock()
		go l.pass(near, far)
		go l.pass(far, near)
	}
}

// pass copies from one end to the other, and waits while the line is held.
func (l *line) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		_, held := l.look()
		<-held
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
