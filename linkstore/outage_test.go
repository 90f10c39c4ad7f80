package linkstore_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

// What a database that cannot be reached says goes to logs, so it names neither
// the host nor the user nor the database; and still what is wrong.
func TestOutagesNameNobody(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(provisiontest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	at := func(change func(*url.URL)) string {
		u := *dsn
		change(&u)
		return u.String()
	}
	for name, tc := range map[string]struct{ dsn, want string }{
		"dead":          {at(func(u *url.URL) { u.Host = dead }), "connection refused"},
		"silent":        {at(func(u *url.URL) { u.Host = silent.Addr().String() }), "no answer in time"},
		"no such host":  {at(func(u *url.URL) { u.Host = "canary.invalid:5432" }), "name is not known"},
		"no such user":  {at(func(u *url.URL) { u.User = url.UserPassword("canary", "hunter2") }), "SQLSTATE 28"},
		"no database":   {at(func(u *url.URL) { u.Path = "/canary" }), "no such database (SQLSTATE 3D000)"},
		"TLS is wanted": {at(func(u *url.URL) { u.RawQuery = "sslmode=verify-full" }), "the connection: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(tc.dsn)
			if err != nil {
				t.Fatal(err)
			}
			s, err := linkstore.Open(t.Context(), linkstore.Config{DSN: tc.dsn, ConnectTimeout: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			_, migrate := s.Migrate(t.Context())
			for call, err := range map[string]error{"ping": s.Ping(t.Context()), "schema": s.CheckSchema(t.Context()), "migrate": migrate} {
				if err == nil || registrar.KindOf(err) != registrar.Unavailable || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: %s %v, want Unavailable and %q", call, registrar.KindOf(err), err, tc.want)
					continue
				}
				wantNobody(t, u, err)
			}
		})
	}
}

// The same holds for connections that stand when the database goes.
func TestABrokenConnectionNamesNobody(t *testing.T) {
	t.Parallel()
	line := newLine(t, provisiontest.Postgres(t))
	k := newKit(t, line.dsn)
	u, err := url.Parse(line.dsn)
	if err != nil {
		t.Fatal(err)
	}
	line.cut()
	for range 3 { // those of the pool first, then new ones
		_, err := k.store.Program(context.WithoutCancel(t.Context()), "masters-cs")
		if registrar.KindOf(err) != registrar.Unavailable {
			t.Errorf("%v, want Unavailable", err)
			continue
		}
		wantNobody(t, u, err)
	}
}

func wantNobody(t *testing.T, dsn *url.URL, err error) {
	t.Helper()
	database, port := strings.TrimPrefix(dsn.Path, "/"), dsn.Port()
	for _, secret := range []string{dsn.Hostname(), ":" + port, "user=", "database=", "canary", "hunter2", database, dsn.User.Username()} {
		if secret != "" && secret != "postgres" && strings.Contains(err.Error(), secret) {
			t.Errorf("%q names %q", err, secret)
		}
	}
}
