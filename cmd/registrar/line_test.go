package main

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// line is a TCP connection to a server that a test can cut, hold, spoil and mend.
type line struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	conns   map[net.Conn]bool
	state   lineState
	held    chan struct{} // closed when a hold ends
	refusal refusal
	asked   []string // what came from callers since the state was set
}

// refusal answers what a caller sends, in place of the server; more says whether
// the connection stands on.
type refusal func(sent []byte) (reply []byte, more bool)

type lineState int

const (
	open    lineState = iota
	cut               // refuses and drops connections
	hold              // accepts, and passes nothing on
	slow              // each answer takes 200 ms
	garbage           // each answer is of another protocol
	half              // each answer ends in the middle, and so does its connection
	refuse            // the refusal answers
)

// errHalf is why a connection ended in the middle of an answer.
var errHalf = errors.New("cut within an answer")

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
	l.state, l.asked = s, nil
	if s == cut {
		for c := range l.conns {
			c.Close()
		}
		clear(l.conns)
	}
}

// refuse answers in place of the server from now on.
func (l *line) refuse(with refusal) {
	l.mu.Lock()
	l.refusal = with
	l.mu.Unlock()
	l.set(refuse)
}

// askedFor counts what callers sent since the state was set and names one of words.
func (l *line) askedFor(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, sent := range l.asked {
		for _, word := range words {
			if strings.Contains(sent, word) {
				n++
				break
			}
		}
	}
	return n
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
		go l.pass(near, far, l.ask)
		go l.pass(far, near, l.answer)
	}
}

// pass reads from one end and has what it reads sent on.
func (l *line) pass(from, to net.Conn, send func(piece []byte, from, to net.Conn) error) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if err := send(buffer[:n], from, to); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// ask sends what a caller said to the server, or answers it.
func (l *line) ask(piece []byte, from, to net.Conn) error {
	l.mu.Lock()
	state, held, answer := l.state, l.held, l.refusal
	l.asked = append(l.asked, string(piece))
	l.mu.Unlock()
	<-held
	if state != refuse {
		_, err := to.Write(piece)
		return err
	}
	reply, more := answer(piece)
	if _, err := from.Write(reply); err != nil || !more {
		return errors.Join(err, net.ErrClosed)
	}
	return nil
}

// answer sends what the server said, or what the trouble makes of it.
func (l *line) answer(piece []byte, _, to net.Conn) error {
	state, held := l.look()
	<-held
	switch state {
	case slow:
		time.Sleep(200 * time.Millisecond)
	case garbage:
		piece = []byte("\x00\x00\x00\x00\x00\x00 canary\r\n")
	case half:
		_, err := to.Write(piece[:len(piece)/2])
		return errors.Join(err, errHalf)
	case open, cut, hold, refuse:
	}
	_, err := to.Write(piece)
	return err
}

// redisSays refuses every command with an error, on connections that stand.
func redisSays(text string) refusal {
	return func(sent []byte) ([]byte, bool) {
		// A command is an array: *2, then $3 and so on. No argument of ours begins a
		// line with an asterisk.
		commands := bytes.Count(append([]byte("\n"), sent...), []byte("\n*"))
		return bytes.Repeat([]byte("-"+text+"\r\n"), commands), true
	}
}

// postgresSays ends every connection with a fatal error, new ones at their start.
func postgresSays(state, text string) refusal {
	return func(sent []byte) ([]byte, bool) {
		if bytes.Equal(sent, []byte{0, 0, 0, 8, 4, 210, 22, 47}) {
			return []byte("N"), true // the wish for TLS
		}
		fields := "SFATAL\x00VFATAL\x00C" + state + "\x00M" + text + "\x00\x00"
		return append([]byte{'E', 0, 0, 0, byte(len(fields) + 4)}, fields...), false
	}
}
