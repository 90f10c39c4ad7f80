package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
	"registrar/config"
	"registrar/gateway"
	"registrar/internal/enroll"
	"registrar/internal/jobs"
	"registrar/internal/registrar"
	"registrar/internal/telemetry"
	"registrar/linkstore"
	"registrar/routes"
)

// rooms are the parts of a running gateway, joined.
type rooms struct {
	shared    *shared
	views     *atomic.Pointer[config.Views] // what the composer reads on every use
	upstreams *upstreams
	tier      *rediscache.Cache // nil without Redis
	composer  *aggregate.Composer
	storage   *storage
	enroll    *enroll.Service
	queue     *jobs.Queue
	flags     *atomic.Pointer[routes.Flags] // what the API reads on every use
	witness   *witness
	verifier  *gateway.Verifier
	pass      *gateway.Passthrough
	gateway   *gateway.Gateway
}

// Close ends the background work of the rooms, the last one built first. The
// store and what is shared stay the caller's.
func (r *rooms) Close() error {
	var err error
	if r.queue != nil {
		err = r.queue.Stop(context.Background()) // it bounds itself, by jobs.grace
	}
	if r.pass != nil {
		r.pass.Close()
	}
	if r.witness != nil {
		err = errors.Join(err, r.witness.Close())
	}
	if r.storage != nil {
		err = errors.Join(err, r.storage.Close())
	}
	if r.composer != nil {
		err = errors.Join(err, r.composer.Close())
	}
	if r.tier != nil {
		r.tier.Close()
	}
	if r.upstreams != nil {
		r.upstreams.Close()
	}
	return err
}

// build makes every room from the configuration and joins them. Nothing is
// asked of the network yet, but for the shared cache, which starts to follow
// Redis, and the schema of the store, which must be there. Jobs are taken up with
// the queue's Start. On an error nothing is left running.
func build(ctx context.Context, cfg config.Config, store *linkstore.Store, sh *shared) (*rooms, error) {
	r := &rooms{shared: sh, views: &atomic.Pointer[config.Views]{}, flags: &atomic.Pointer[routes.Flags]{}}
	r.views.Store(&cfg.Cache.Views)
	flags := flagsOf(cfg.Flags)
	r.flags.Store(&flags)
	if err := r.join(ctx, cfg, store); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *rooms) join(ctx context.Context, cfg config.Config, store *linkstore.Store) error {
	var err error
	if r.storage, err = openStorage(ctx, cfg, r.shared); err != nil {
		return err
	}
	if r.upstreams, err = connect(cfg, r.shared); err != nil {
		return err
	}
	directory := linkstore.NewDirectory(store, linkstore.DirectoryConfig{TTL: orNone(cfg.Store.DirectoryTTL)})
	if err := r.compose(cfg, links{directory, store}); err != nil {
		return err
	}
	if err := r.openQueue(ctx, cfg, store); err != nil {
		return err
	}
	r.pass, err = r.upstreams.passthrough(cfg, gateway.PassthroughDeps{Programs: directory, Catalog: r.composer, Accounts: store}, r.shared)
	if err != nil {
		return err
	}
	if r.verifier, err = newVerifier(cfg.Auth, r.shared); err != nil {
		return err
	}
	limiter, err := limiterOf(cfg, r.shared)
	if err != nil {
		return err
	}
	if r.witness, err = newWitness(cfg, store, directory, r.shared); err != nil {
		return err
	}
	api := r.api(cfg, directory, store)
	page, err := r.queue.UI(routes.JobsPath)
	if err != nil {
		return err
	}
	deps := gateway.Deps{
		People: directory, Verifier: r.verifier, Limiter: limiter, Class: classOf,
		Private: []gateway.Mounter{api, routes.NewJobsPage(page)}, Passthrough: r.pass,
		Public:  []gateway.Mounter{routes.Docs(), routes.NewMedia(routes.MediaConfig{Log: r.shared.log}, r.storage.shelves()...)},
		Streams: routes.StreamsBody, Witness: r.witness.see,
		Checks: r.checks(store), Log: r.shared.log,
	}
	if r.shared.tracing.Enabled() {
		deps.Tracer = r.shared.tracing.Tracer()
	}
	if cfg.Telemetry.Metrics {
		deps.Metrics, deps.Observe = r.metrics(store, cfg.Cache.MaxBytes), r.shared.observed
	}
	if r.gateway, err = gateway.New(doorConfig(cfg), deps); err != nil {
		return err
	}
	r.shared.metrics.WatchInFlight(r.gateway.InFlight)
	r.nameRoutes()
	return nil
}

// api is the HTTP API over the rooms behind it.
func (r *rooms) api(cfg config.Config, directory *linkstore.Directory, store *linkstore.Store) *routes.API {
	deps := routes.Deps{
		Directory: directory, Catalog: r.composer, Learners: r.composer, Tables: r.composer, Purger: purger{r.composer},
		Submitter: r.queue, Jobs: store, Linker: r.storage.jobs, Enroller: atOnce{r.enroll},
	}
	if r.storage.listing != nil {
		deps.Reports = r.storage.listing
	}
	return routes.New(routes.Config{
		Log: r.shared.log, APIRoot: publicURL(cfg.Server) + "/api",
		Flags: func() routes.Flags { return *r.flags.Load() },
	}, deps)
}

// nameRoutes tells the metrics which routes there are; any other is counted as
// "other", for a path cannot be told from a template by its looks.
func (r *rooms) nameRoutes() {
	routes := r.gateway.Routes() // with the passthrough's rules of this moment
	templates := make([]string, len(routes))
	for i, route := range routes {
		templates[i] = route.Path
	}
	r.shared.metrics.AllowRoutes(templates...)
}

// compose makes the composer, over the cache that replicas share where there is
// Redis.
func (r *rooms) compose(cfg config.Config, known links) error {
	c := composerConfig(cfg.Cache, r)
	if r.shared.redis != nil {
		tier, err := rediscache.New(r.shared.redis, rediscache.Config{
			Timeout: time.Duration(cfg.Redis.Timeout), Lease: time.Duration(cfg.Cache.Lease),
			MaxEntry: int(cfg.Cache.MaxEntry), Rest: r.shared.rest, Log: r.shared.log,
		})
		if err != nil {
			return fmt.Errorf("cache: %w", err)
		}
		r.tier, c.Tier = tier, tier
	}
	composer, err := aggregate.New(c, aggregate.Sources{
		Programs: r.upstreams.discovery, Enrollments: r.upstreams.lms, Grades: r.upstreams.lms,
		Completions: r.upstreams.lms, Accounts: r.upstreams.lms, Index: known.Store, Directory: known,
	})
	if err != nil {
		return err
	}
	r.composer = composer
	if r.tier != nil {
		r.tier.Follow(composer.Forget)
	}
	return nil
}

// checks are what readiness asks. Without Redis a replica is alone, not unready.
func (r *rooms) checks(store *linkstore.Store) []gateway.Check {
	probed := r.shared.metrics.Probed
	checks := []gateway.Check{{Name: gateway.DatabaseCheck, Probe: probed("database", store.Ping)}}
	if client := r.shared.redis; client != nil {
		ping := func(ctx context.Context) error { return client.Ping(ctx).Err() }
		checks = append(checks, gateway.Check{Name: "redis", Optional: true, Probe: probed("redis", ping)})
	}
	return append(checks, gateway.Check{Name: "keys", Optional: true, Probe: probed("keys", r.verifier.Ready)})
}

// metrics connects what is asked at each scrape, and returns the page.
func (r *rooms) metrics(store *linkstore.Store, maxBytes config.Size) http.Handler {
	m := r.shared.metrics
	m.WatchCache(func() telemetry.Cache {
		c := cacheStanding(r.composer.Stats())
		c.MaxBytes = uint64(maxBytes)
		return c
	})
	m.WatchPool(func() telemetry.Pool {
		s := store.Pool()
		return telemetry.Pool{InUse: s.InUse, Idle: s.Idle, Max: s.MaxOpenConnections, Waits: uint64(s.WaitCount), Waited: s.WaitDuration}
	})
	return m.Handler()
}

func cacheStanding(s aggregate.Stats) telemetry.Cache {
	c := telemetry.Cache{Views: make(map[string]telemetry.CacheView, len(s.Views)), Running: s.Running, Entries: s.Entries, Bytes: s.Bytes}
	for view, v := range s.Views {
		c.Views[string(view)] = telemetry.CacheView{
			Hits: v.Hits, Stale: v.Stale, Misses: v.Misses, Loads: v.Loads, LoadErrors: v.LoadErrors,
			SharedHits: v.TierHits, SharedMisses: v.TierMisses, SharedErrors: v.TierErrors,
		}
	}
	return c
}

func composerConfig(c config.Cache, r *rooms) aggregate.Config {
	return aggregate.Config{
		MaxBytes: int64(c.MaxBytes), FanOut: c.FanOut,
		LoadTimeout: time.Duration(c.LoadTimeout), LinksMaxAge: time.Duration(c.LinksMaxAge),
		RefetchAfter: orNone(c.RefetchAfter), Log: r.shared.log,
		Policy: func(view aggregate.View) aggregate.Policy { return policy(r.views.Load(), view) },
	}
}

// policy is the times that the configuration gives to a view of the cache.
func policy(v *config.Views, view aggregate.View) aggregate.Policy {
	var c config.View
	switch view {
	case aggregate.ViewProgram:
		c = v.Program
	case aggregate.ViewEnrollments:
		c = v.Enrollments
	case aggregate.ViewCourseEnrollments:
		c = v.CourseEnrollments
	case aggregate.ViewGrades:
		c = v.Grades
	case aggregate.ViewCompletion:
		c = v.Completion
	case aggregate.ViewLearnerGrades:
		c = v.LearnerGrades
	case aggregate.ViewLearnerCompletion:
		c = v.LearnerCompletion
	case aggregate.ViewCertificates:
		c = v.Certificates
	}
	return aggregate.Policy{
		Fresh:                time.Duration(c.Fresh),
		StaleWhileRevalidate: time.Duration(c.StaleWhileRevalidate),
		StaleIfError:         time.Duration(c.StaleIfError),
		Negative:             time.Duration(c.Negative),
	}
}

// orNone turns a configured zero, which means none, into what the rooms take
// for none: their zero is their default.
func orNone(d config.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return time.Duration(d)
}

// links are what the composer asks of the link store: accounts from the
// database, schools from the directory in memory.
type links struct {
	*linkstore.Directory
	*linkstore.Store
}

// Organization asks the directory; both have one.
func (l links) Organization(ctx context.Context, key registrar.OrganizationKey) (registrar.Organization, error) {
	return l.Directory.Organization(ctx, key)
}

// purger lets the API forget what the composer keeps.
type purger struct{ composer *aggregate.Composer }

// DropAll forgets everything, on every replica.
func (p purger) DropAll(ctx context.Context) error { return p.composer.DropAll(ctx) }

// DropProgram forgets everything about one program, on every replica.
func (p purger) DropProgram(ctx context.Context, program registrar.Program) error {
	return p.composer.Drop(ctx, aggregate.ProgramTag(program))
}
