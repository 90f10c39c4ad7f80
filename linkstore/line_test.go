package linkstore_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// line is a TCP line to PostgreSQL that can be cut and mended.
type line struct {
	dsn    string // the database by way of the line
	server string

	mu    sync.Mutex
	dead  bool
	conns []net.Conn
	wg    sync.WaitGroup
}

func newLine(t *testing.T, dsn string) *line {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &line{server: u.Host}
	ctx := context.WithoutCancel(t.Context())
	u.Host = l.Addr().String()
	n.dsn = u.String()
	n.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.connect(ctx, c)
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("line: %v", err)
		}
		n.cut()
		n.wg.Wait()
	})
	return n
}

// connect joins a client to the server, or hangs up on a dead line.
func (n *line) connect(ctx context.Context, client net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", n.server)
	if err != nil || n.dead {
		_ = client.Close()
		if err == nil {
			_ = server.Close()
		}
		return
	}
	n.conns = append(n.conns, client, server)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		n.wg.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // ends when either side is closed
			_ = pair[0].Close()
		})
	}
}

// cut breaks every connection and refuses new ones.
func (n *line) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// mend lets connections through again.
func (n *line) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = false
}
