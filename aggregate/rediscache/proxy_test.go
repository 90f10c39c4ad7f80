package rediscache_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a client and Redis and makes trouble on request.
type proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string
	delay  time.Duration // of every answer
	down   bool          // connections are reset
	half   bool          // an answer ends in the middle, and so does its connection
	mute   bool          // subscriptions hear nothing, not even an error
	conns  map[net.Conn]struct{}
}

func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	tb.Cleanup(func() {
		l.Close()
		p.set(func(p *proxy) { p.down = true })
		p.running.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// set changes the trouble; a proxy that goes down resets what is connected.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
	if p.down {
		p.reset()
	}
}

// reset ends what is connected, once.
func (p *proxy) reset() {
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // only a nicety
		}
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target, down := p.target, p.down
	p.mu.Unlock()
	if down {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.down {
		p.mu.Unlock()
		return
	}
	p.conns[client] = struct{}{}
	p.mu.Unlock()
	var subscription bool
	var mu sync.Mutex
	p.running.Go(func() {
		defer server.Close()
		_ = pump(client, func(data []byte) error {
			mu.Lock()
			subscription = subscription || bytes.Contains(data, []byte("subscribe"))
			mu.Unlock()
			_, err := server.Write(data)
			return err
		})
	})
	_ = pump(server, func(data []byte) error {
		mu.Lock()
		sub := subscription
		mu.Unlock()
		return p.answer(client, data, sub)
	})
}

func (p *proxy) answer(client net.Conn, data []byte, subscription bool) error {
	p.mu.Lock()
	delay, half, mute := p.delay, p.half, p.mute
	p.mu.Unlock()
	if mute && subscription {
		return nil
	}
	time.Sleep(delay)
	if half {
		_, err := client.Write(data[:len(data)/2])
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	_, err := client.Write(data)
	return err
}

func pump(from net.Conn, to func([]byte) error) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if err := to(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}
