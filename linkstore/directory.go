package linkstore

import (
	"context"
	"slices"
	"time"

	"registrar/internal/registrar"
)

// DirectoryConfig says how long a [Directory] remembers. The zero value of a
// field means its default.
type DirectoryConfig struct {
	// TTL is how long programs, organizations and callers are remembered, and so
	// how long a revoked grant may live on; 0 means 5 s, less than 0 not at all.
	TTL time.Duration
	// Grace is how long an expired answer stands in while the database is away;
	// 0 means 1 min.
	Grace time.Duration
	// Timeout bounds one question to the database; 0 means 5 s.
	Timeout time.Duration
	// MaxPrincipals bounds the remembered callers; 0 means 10,000.
	MaxPrincipals int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Directory is the memory in front of a [Store]: a hot read finds its program,
// its organization and its caller here, without SQL. While the database is away
// it goes on for a grace with what it knows. Whom it does not know it lets in
// never: that is Unavailable. It is safe for concurrent use.
type Directory struct {
	catalog    *memory[struct{}, catalog]
	principals *memory[bearer, registrar.Principal]
}

// catalog is every program and organization, small enough to be kept whole.
type catalog struct {
	programs       []registrar.Program // by key ascending
	programByKey   map[registrar.ProgramKey]registrar.Program
	organizationBy map[registrar.OrganizationKey]registrar.Organization
}

// bearer is a token's claims as a map's key. Claims that differ in anything are
// another bearer: a flag of one token must not serve another.
type bearer struct {
	username      registrar.Username
	email         string
	administrator string // "true", "false", or "" for not told
}

// NewDirectory returns an empty directory of s.
func NewDirectory(s *Store, cfg DirectoryConfig) *Directory {
	cfg = cfg.withDefaults()
	d := &Directory{
		catalog: remember(cfg, 2, func(ctx context.Context, _ struct{}) (catalog, error) {
			return readCatalog(ctx, s)
		}),
		principals: remember(cfg, cfg.MaxPrincipals, func(ctx context.Context, b bearer) (registrar.Principal, error) {
			return s.SeePrincipal(ctx, b.claims())
		}),
	}
	d.Forget()
	return d
}

func (cfg DirectoryConfig) withDefaults() DirectoryConfig {
	orElse := func(d *time.Duration, other time.Duration) {
		if *d == 0 {
			*d = other
		}
	}
	orElse(&cfg.TTL, 5*time.Second)
	orElse(&cfg.Grace, time.Minute)
	orElse(&cfg.Timeout, 5*time.Second)
	if cfg.MaxPrincipals <= 0 {
		cfg.MaxPrincipals = 10_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

func remember[K comparable, V any](cfg DirectoryConfig, capacity int, fetch func(context.Context, K) (V, error)) *memory[K, V] {
	return &memory[K, V]{
		fetch: fetch, now: cfg.Now, ttl: cfg.TTL, grace: cfg.Grace,
		deadline: cfg.Timeout, pause: time.Second, capacity: capacity,
	}
}

// Program finds a program by its key; an unknown one is NotFound.
func (d *Directory) Program(ctx context.Context, key registrar.ProgramKey) (registrar.Program, error) {
	c, err := d.catalog.get(ctx, struct{}{})
	if err != nil {
		return registrar.Program{}, err
	}
	p, ok := c.programByKey[key]
	if !ok {
		return p, registrar.Fail(registrar.NotFound, "Not found.", nil)
	}
	return p, nil
}

// Programs lists every program by key, ascending. The list is the caller's own.
func (d *Directory) Programs(ctx context.Context) ([]registrar.Program, error) {
	c, err := d.catalog.get(ctx, struct{}{})
	return slices.Clone(c.programs), err
}

// Organization finds an organization by its key; an unknown one is NotFound.
func (d *Directory) Organization(ctx context.Context, key registrar.OrganizationKey) (registrar.Organization, error) {
	c, err := d.catalog.get(ctx, struct{}{})
	if err != nil {
		return registrar.Organization{}, err
	}
	o, ok := c.organizationBy[key]
	if !ok {
		return o, registrar.Fail(registrar.NotFound, "Not found.", nil)
	}
	return o, nil
}

// Principal is [Store.SeePrincipal], remembered. The grants are shared between
// requests and must not be changed.
func (d *Directory) Principal(ctx context.Context, c registrar.Claims) (registrar.Principal, error) {
	return d.principals.get(ctx, bearerOf(c))
}

// Forget drops everything remembered, after a change that must be seen at once.
func (d *Directory) Forget() {
	d.catalog.forget()
	d.principals.forget()
}

func readCatalog(ctx context.Context, s *Store) (catalog, error) {
	programs, err := s.Programs(ctx)
	if err != nil {
		return catalog{}, err
	}
	organizations, err := s.Organizations(ctx)
	if err != nil {
		return catalog{}, err
	}
	c := catalog{
		programs:       programs,
		programByKey:   make(map[registrar.ProgramKey]registrar.Program, len(programs)),
		organizationBy: make(map[registrar.OrganizationKey]registrar.Organization, len(organizations)),
	}
	for _, p := range programs {
		c.programByKey[p.Key] = p
	}
	for _, o := range organizations {
		c.organizationBy[o.Key] = o
	}
	return c, nil
}

func bearerOf(c registrar.Claims) bearer {
	b := bearer{username: c.Username, email: c.Email}
	if c.Administrator != nil {
		b.administrator = "false"
		if *c.Administrator {
			b.administrator = "true"
		}
	}
	return b
}

func (b bearer) claims() registrar.Claims {
	c := registrar.Claims{Username: b.username, Email: b.email}
	if b.administrator != "" {
		administrator := b.administrator == "true"
		c.Administrator = &administrator
	}
	return c
}
