package linkstore_test

import (
	"sync"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func directoryRemembers(k *kit) {
	ctx := k.Context()
	p := k.school()
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{TTL: 5 * time.Second, Now: k.clock.Now})
	got, err := d.Program(ctx, p.Key)
	k.must(err)
	same(k, "Program", got, p)
	o, err := d.Organization(ctx, "NorthU")
	k.must(err)
	same(k, "Organization", o, registrar.Organization{Key: "NorthU", Name: "North"})
	bo := registrar.Claims{Username: "bo"}
	_, err = d.Principal(ctx, bo)
	k.must(err)

	late := registrar.Program{Key: "late", Organization: "NorthU"}
	k.must(k.store.CreateProgram(ctx, late))
	k.must(k.store.SetUserActive(ctx, "bo", false))
	k.clock.advance(5*time.Second - 1)
	_, err = d.Program(ctx, "late")
	k.wantKind(err, registrar.NotFound) // no SQL yet
	_, err = d.Principal(ctx, bo)
	k.must(err)

	k.clock.advance(1)
	all, err := d.Programs(ctx)
	k.must(err)
	same(k, "Programs", all, []registrar.Program{late, p})
	_, err = d.Principal(ctx, bo)
	k.wantKind(err, registrar.Unauthenticated)
	_, err = d.Organization(ctx, "nope")
	k.wantKind(err, registrar.NotFound)

	all[0].Key = "scribbled"
	again, err := d.Programs(ctx)
	k.must(err)
	same(k, "Programs after a caller scribbled on them", again, []registrar.Program{late, p})
}

func directoryForgets(k *kit) {
	ctx := k.Context()
	p := k.school()
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{TTL: time.Hour, Now: k.clock.Now})
	_, err := d.Principal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	_, err = d.Program(ctx, "late")
	k.wantKind(err, registrar.NotFound)
	k.must(k.store.CreateProgram(ctx, registrar.Program{Key: "late", Organization: "NorthU"}))
	k.must(k.store.Grant(ctx, "bo", registrar.ReadMetadata, linkstore.OnProgram(p.Key)))
	d.Forget()
	_, err = d.Program(ctx, "late")
	k.must(err)
	got, err := d.Principal(ctx, registrar.Claims{Username: "bo"})
	k.must(err)
	same(k, "may read", got.Can(registrar.ReadMetadata, p), true)
}

func directoryTokens(k *kit) {
	ctx := k.Context()
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{TTL: time.Hour, Now: k.clock.Now})
	for range 2 {
		for _, c := range []struct {
			administrator *bool
			staff         bool
		}{{told(true), true}, {nil, false}, {told(false), false}} {
			got, err := d.Principal(ctx, registrar.Claims{Username: "bo", Administrator: c.administrator})
			k.must(err)
			same(k, "staff", got.Staff, c.staff)
		}
	}
}

// TestDirectoryOutage takes PostgreSQL away and gives it back.
func TestDirectoryOutage(t *testing.T) {
	t.Parallel()
	line := newLine(t, provisiontest.Postgres(t))
	k := newKit(t, line.dsn)
	p := k.school()
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{Now: k.clock.Now})
	bo, al := registrar.Claims{Username: "bo"}, registrar.Claims{Username: "al"}
	_, err := d.Principal(t.Context(), bo)
	k.must(err)
	_, err = d.Programs(t.Context())
	k.must(err)

	line.cut()
	k.wantKind(k.store.Ping(t.Context()), registrar.Unavailable)
	k.clock.advance(6 * time.Second)
	for range 3 { // the first asks in vain, the others need not ask
		got, err := d.Program(t.Context(), p.Key)
		k.must(err)
		same(k, "program during the outage", got, p)
		_, err = d.Principal(t.Context(), bo)
		k.must(err)
		_, err = d.Principal(t.Context(), al)
		k.wantKind(err, registrar.Unavailable)
	}
	k.wantKind(k.store.CreateOrganization(t.Context(), registrar.Organization{Key: "EastU"}), registrar.Unavailable)

	k.clock.advance(time.Minute)
	_, err = d.Principal(t.Context(), bo)
	k.wantKind(err, registrar.Unavailable)
	_, err = d.Program(t.Context(), p.Key)
	k.wantKind(err, registrar.Unavailable)

	line.mend()
	_, err = d.Principal(t.Context(), al)
	k.must(err)
	_, err = d.Program(t.Context(), p.Key)
	k.must(err)
}

// TestDirectoryCrowd has many callers of one new name come at once.
func TestDirectoryCrowd(t *testing.T) {
	t.Parallel()
	k := newKit(t, provisiontest.Postgres(t))
	d := linkstore.NewDirectory(k.store, linkstore.DirectoryConfig{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := d.Principal(t.Context(), registrar.Claims{Username: "bo"}); err != nil {
				t.Errorf("Principal: %v", err)
			}
		})
	}
	wg.Wait()
	users, err := k.store.Users(t.Context())
	k.must(err)
	same(k, "users", users, []linkstore.User{{Username: "bo"}})
}
