package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"registrar/config"
	"registrar/internal/registrar"
	"registrar/internal/simulator"
	"registrar/internal/upstream"
	"registrar/linkstore"
)

// demoOptions are what the command line of a demo can choose.
type demoOptions struct {
	listen, simulatorListen string
	data                    string // empty: a temporary folder, removed at the end
	world                   simulator.Options
	tune                    func(*config.Config) // tests change the configuration here
}

func demoCommand(p process) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the gateway in front of a simulated site, with nothing installed",
		Long: `Run the gateway, a simulated LMS and Discovery, and an SQLite store on this machine.
It prints a token and requests to try, writes them to demo.env for scripts, and
leaves nothing behind unless --data names a folder.`,
		Example: "  registrar demo\n  registrar demo --learners 5000 --data ./demo",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), o, p)
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the gateway")
	cmd.Flags().StringVar(&o.simulatorListen, "simulator-listen", "127.0.0.1:8081", "address of the simulated site")
	cmd.Flags().StringVar(&o.data, "data", "", "folder to keep the data in (default: a temporary one)")
	worldFlags(cmd, &o.world)
	return cmd
}

// demo serves a simulated site and the gateway in front of it until ctx ends.
func demo(ctx context.Context, o demoOptions, p process) error {
	folder, done, err := demoFolder(o.data)
	if err != nil {
		return err
	}
	defer done()
	sim, err := simulator.New(o.world)
	if err != nil {
		return &usageError{err}
	}
	simListener, err := listen(ctx, o.simulatorListen)
	if err != nil {
		return err
	}
	defer simListener.Close()
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()

	cfg := demoConfig("http://"+simListener.Addr().String(), listener.Addr().String(), folder, sim)
	if o.tune != nil {
		o.tune(&cfg)
	}
	// The simulator outlives the gateway, whose last requests may still need it.
	simCtx, stopSim := context.WithCancel(context.WithoutCancel(ctx))
	g, gctx := errgroup.WithContext(ctx)
	simDone := make(chan error, 1)
	go func() { simDone <- serveSimulator(simCtx, sim, simListener) }()
	g.Go(func() error { return demoGateway(gctx, cfg, listener, folder, sim, p) })
	err = g.Wait()
	stopSim()
	return errors.Join(err, <-simDone)
}

// demoGateway fills the link store and serves the gateway.
func demoGateway(ctx context.Context, cfg config.Config, listener net.Listener, folder string, sim *simulator.Simulator, p process) error {
	sh, err := share(ctx, cfg, p.err)
	if err != nil {
		return err
	}
	log := sh.log
	defer closing(log, "shared", sh)
	store, err := openStore(ctx, cfg.Store, sh)
	if err != nil {
		return err
	}
	defer closing(log, "store", store)
	if err := demoSite(ctx, cfg, store, sh); err != nil {
		return err
	}
	if err := demoReport(ctx, cfg, store, folder); err != nil && registrar.KindOf(err) != registrar.NotFound {
		return err
	}
	s, err := build(ctx, reachableAt(cfg, listener.Addr()), store, sh)
	if err != nil {
		return err
	}
	defer closing(log, "rooms", s)
	if err := s.queue.Start(ctx); err != nil {
		return err
	}
	at := addresses{gateway: "http://" + listener.Addr().String(), simulator: cfg.LMS.URL}
	token, err := demoToken(ctx, cfg, sim)
	if err != nil {
		return err
	}
	if err := writeDemoEnv(folder, at, token, sim); err != nil {
		return err
	}
	printDemo(p.out, at, folder, token)
	p.announce(at)
	return s.gateway.Serve(ctx, listener)
}

// demoSite sets the site up as an operator would: schema, sync, single sign-on
// slugs, one group a school and the users of the two schools' systems. With
// --data it may find all of that done already.
func demoSite(ctx context.Context, cfg config.Config, store *linkstore.Store, sh *shared) error {
	if _, err := migrateStore(ctx, store); err != nil {
		return err
	}
	if _, err := runSync(ctx, cfg, store, sh, nil); err != nil {
		// What could be read is there; a simulated site may be broken on purpose.
		sh.log.WarnContext(ctx, "demo: sync", slog.Any("error", err))
	}
	for _, school := range []struct {
		key    registrar.OrganizationKey
		client registrar.Username
	}{{"NorthU", "sis-worker"}, {"HarborX", "harbor-worker"}} {
		if err := demoSchool(ctx, store, school.key, school.client); err != nil && registrar.KindOf(err) != registrar.Conflict {
			return fmt.Errorf("demo: %s: %w", school.key, err)
		}
	}
	return nil
}

func demoSchool(ctx context.Context, store *linkstore.Store, key registrar.OrganizationKey, client registrar.Username) error {
	organization, err := store.Organization(ctx, key)
	if err != nil {
		return err
	}
	organization.SSOSlug = strings.ToLower(string(key))
	if _, err := store.PutOrganization(ctx, organization); err != nil {
		return err
	}
	registrars := linkstore.Group{Name: string(key) + " registrars", Role: "organization_read_write_enrollments", Target: linkstore.OnOrganization(key)}
	readers := linkstore.Group{Name: string(key) + " report readers", Role: "organization_read_reports", Target: linkstore.OnOrganization(key)}
	for _, group := range []linkstore.Group{registrars, readers} {
		if err := store.CreateGroup(ctx, group); err != nil {
			return err
		}
	}
	return store.CreateUser(ctx, linkstore.User{Username: client}, registrars.Name, readers.Name)
}

// demoReport leaves a report of today's where the site's own jobs would, because a
// listing of none shows little. Others can be laid beside it.
func demoReport(ctx context.Context, cfg config.Config, store *linkstore.Store, folder string) error {
	program, err := store.Program(ctx, "masters-cs")
	if err != nil {
		return err
	}
	below := filepath.Join(folder, "reports", cfg.Reports.Folder, string(program.Organization), strings.ReplaceAll(string(program.UUID), "-", ""))
	if err := os.MkdirAll(below, 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	name := "enrollments__" + time.Now().UTC().Format(time.DateOnly) + ".csv"
	if err := os.WriteFile(filepath.Join(below, name), []byte("status,learners\r\nenrolled,42\r\n"), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// demoToken fetches a token as a school's system does.
func demoToken(ctx context.Context, cfg config.Config, sim *simulator.Simulator) (string, error) {
	tokens, err := upstream.NewTokens(upstream.TokenConfig{
		BaseURL: cfg.LMS.URL, ClientID: demoClient, ClientSecret: secretOf(sim, demoClient),
	})
	if err != nil {
		return "", fmt.Errorf("demo: token: %w", err)
	}
	defer tokens.Close()
	token, err := tokens.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("demo: token: %w", err)
	}
	return token, nil
}

// demoConfig is the configuration of a site whose LMS and Discovery are the
// simulator at base.
func demoConfig(base, address, folder string, sim *simulator.Simulator) config.Config {
	cfg := config.Default()
	cfg.Server.Listen = address
	cfg.Server.DrainDelay = 0
	cfg.Auth.Issuers = []config.Issuer{{
		Issuer: sim.Issuer(), Audience: sim.Audience(),
		JWKSet: config.Secret(sim.JWKSet()), HS256Secret: config.Secret(sim.Secret()),
	}}
	cfg.Store.DSN = config.Secret("sqlite:" + filepath.Join(folder, "registrar.db"))
	cfg.Files.URL = "file:" + filepath.Join(folder, "files")
	cfg.Reports.URL = "file:" + filepath.Join(folder, "reports")
	cfg.Audit.Key = "the demo's, which guards made-up people"
	cfg.LMS.URL = base
	cfg.LMS.ClientID = demoService
	cfg.LMS.ClientSecret = config.Secret(secretOf(sim, demoService))
	cfg.Discovery.URL = base
	cfg.Limits = config.Limits{} // whoever tries it out may hammer it
	return cfg
}

// demoFolder returns the folder of the data and what to do with it at the end.
func demoFolder(data string) (folder string, done func(), err error) {
	if data != "" {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return "", nil, fmt.Errorf("demo: %w", err)
		}
		return data, func() {}, nil
	}
	folder, err = os.MkdirTemp("", "registrar-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("demo: %w", err)
	}
	return folder, func() { _ = os.RemoveAll(folder) }, nil
}
