package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// gate stands in front of a dependency and misbehaves on request: with half an
// answer, without a listener, or however a handler says.
type gate struct {
	addr   string
	target atomic.Pointer[url.URL]

	mu      sync.Mutex
	server  *http.Server // nil while nobody listens
	done    chan struct{}
	instead http.HandlerFunc // nil passes everything on
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{addr: "127.0.0.1:0"}
	g.up(t)
	t.Cleanup(func() { g.down() })
	return g
}

func (g *gate) url() string { return "http://" + g.addr }

// up listens, at the same address as before.
func (g *gate) up(t *testing.T) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addr = listener.Addr().String()
	server, done := &http.Server{Handler: g}, make(chan struct{}) //nolint:gosec // loopback, for one test
	g.server, g.done = server, done
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
}

// down stops listening and cuts every connection.
func (g *gate) down() {
	g.mu.Lock()
	server, done := g.server, g.done
	g.server = nil
	g.mu.Unlock()
	if server != nil {
		_ = server.Close()
		<-done
	}
}

// answer replaces every answer; nil passes on again.
func (g *gate) answer(with http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.instead = with
}

// ServeHTTP is what the gateway meets.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	with := g.instead
	g.mu.Unlock()
	if with == nil {
		httputil.NewSingleHostReverseProxy(g.target.Load()).ServeHTTP(w, r)
		return
	}
	with(w, r)
}
