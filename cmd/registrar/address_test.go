package main

import (
	"net"
	"slices"
	"strings"
	"testing"

	"registrar/config"
	"registrar/internal/simulator"
)

// Links lead somewhere, whatever the gateway listens on.
func TestLinksNameAnAddressThatCanBeReached(t *testing.T) {
	t.Parallel()

	for listened, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "[::]:8080": "http://localhost:8080", "0.0.0.0:80": "http://localhost:80",
		"[::1]:8080": "http://[::1]:8080", "192.0.2.7:8080": "http://192.0.2.7:8080",
	} {
		address, err := net.ResolveTCPAddr("tcp", listened)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachableAt(config.Config{}, address).Server.PublicURL; got != want {
			t.Errorf("%s: %s, want %s", listened, got, want)
		}
		told := config.Config{Server: config.Server{PublicURL: "https://registrar.example.org"}}
		if got := reachableAt(told, address).Server.PublicURL; got != "https://registrar.example.org" {
			t.Errorf("%s: %s, want the configured one", listened, got)
		}
	}
}

// A gateway for others whose links only work here says so at its start.
func TestAMissingPublicURLIsTold(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil) // for its LMS
	c := newConsole(t, s.simulator)
	c.must(t, "migrate")
	const told = "server.public_url is not set"
	everywhere := append(c.environ, "REGISTRAR_SERVER_LISTEN=0.0.0.0:0", "REGISTRAR_SERVER_DRAIN_DELAY=0s", "REGISTRAR_FILES_URL=file:"+t.TempDir())
	for name, tc := range map[string]struct {
		environ []string
		want    bool
	}{
		"everywhere":           {everywhere, true},
		"everywhere, told":     {slices.Concat(everywhere, []string{"REGISTRAR_SERVER_PUBLIC_URL=https://registrar.example.org"}), false},
		"on this machine only": {slices.Concat(everywhere, []string{"REGISTRAR_SERVER_LISTEN=127.0.0.1:0"}), false},
	} {
		r := startReplica(t, tc.environ)
		if got := strings.Contains(r.log.String(), told); got != tc.want {
			t.Errorf("%s: told %v, want %v\n%s", name, got, tc.want, r.log)
		}
		r.stop(t)
	}
}
