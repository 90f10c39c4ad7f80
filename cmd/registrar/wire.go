package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"registrar/aggregate"
	"registrar/config"
	"registrar/gateway"
	"registrar/internal/registrar"
	"registrar/internal/upstream"
	"registrar/internal/upstream/discovery"
	"registrar/internal/upstream/lms"
	"registrar/linkstore"
	"registrar/routes"
)

// rooms are the parts of a running gateway, joined.
type rooms struct {
	upstreams *upstreams
	composer  *aggregate.Composer
	gateway   *gateway.Gateway
}

// Close ends the background work of the rooms, the last one built first.
func (r *rooms) Close() error {
	defer r.upstreams.Close()
	return r.composer.Close()
}

// build makes every room from the configuration and joins them. Nothing is
// asked of the network yet.
func build(cfg config.Config, store *linkstore.Store, log *slog.Logger) (*rooms, error) {
	up, err := connect(cfg, log)
	if err != nil {
		return nil, err
	}
	directory := linkstore.NewDirectory(store, linkstore.DirectoryConfig{TTL: orNone(cfg.Store.DirectoryTTL)})
	composer, err := aggregate.New(composerConfig(cfg.Cache, log), aggregate.Sources{
		Programs: up.discovery, Enrollments: up.lms, Grades: up.lms, Completions: up.lms, Accounts: up.lms,
		Index: store, Directory: links{directory, store},
	})
	if err != nil {
		up.Close()
		return nil, err
	}
	api := routes.New(routes.Config{Log: log}, routes.Deps{
		Directory: directory, Catalog: composer, Learners: composer, Tables: composer,
	})
	door, err := openGateway(cfg, gateway.Deps{
		People:  directory,
		Private: []gateway.Mounter{api},
		Public:  []gateway.Mounter{routes.Docs()},
		Checks:  []gateway.Check{{Name: gateway.DatabaseCheck, Probe: store.Ping}},
		Log:     log,
	})
	if err != nil {
		up.Close()
		return nil, errors.Join(err, composer.Close())
	}
	return &rooms{upstreams: up, composer: composer, gateway: door}, nil
}

// upstreams are the clients of the Open edX site.
type upstreams struct {
	lms       *lms.Client
	discovery *discovery.Client
	closers   []func()
}

// Close gives up idle connections and ends the refreshing of tokens.
func (u *upstreams) Close() {
	for _, closer := range u.closers {
		closer()
	}
}

// connect makes the clients of the LMS and of Discovery. They share a service
// account unless Discovery has one of its own.
func connect(cfg config.Config, log *slog.Logger) (*upstreams, error) {
	up := &upstreams{}
	agent := "openedx-registrar/" + version
	tokens, err := up.tokens(upstream.TokenConfig{
		Name: "The LMS", BaseURL: cfg.LMS.URL, TokenURL: cfg.LMS.TokenURL,
		ClientID: cfg.LMS.ClientID, ClientSecret: cfg.LMS.ClientSecret.Reveal(), UserAgent: agent, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	lmsClient, err := up.client(callConfig("The LMS", cfg.LMS.URL, agent, cfg.LMS.Calls), tokens, log)
	if err != nil {
		return nil, err
	}
	up.lms, err = lms.New(lmsClient, lms.Config{
		PageSize: cfg.LMS.PageSize, GradesPageSize: cfg.LMS.GradesPageSize,
		Completion: lms.Mode(cfg.LMS.Completion), ProgressMaxLearners: cfg.LMS.ProgressMaxLearners,
		PublicURL: cfg.LMS.PublicURL,
	})
	if err != nil {
		up.Close()
		return nil, err
	}
	if cfg.Discovery.ClientID != "" {
		tokens, err = up.tokens(upstream.TokenConfig{
			Name: "Discovery's token endpoint", BaseURL: cfg.LMS.URL, TokenURL: cfg.Discovery.TokenURL,
			ClientID: cfg.Discovery.ClientID, ClientSecret: cfg.Discovery.ClientSecret.Reveal(), UserAgent: agent, Logger: log,
		})
		if err != nil {
			return nil, err
		}
	}
	discoveryClient, err := up.client(callConfig("Discovery", cfg.Discovery.URL, agent, cfg.Discovery.Calls), tokens, log)
	if err != nil {
		return nil, err
	}
	up.discovery = discovery.New(discoveryClient, discovery.Config{PageSize: cfg.Discovery.PageSize})
	return up, nil
}

// tokens makes a token source that ends with u; on an error everything made so
// far ends at once.
func (u *upstreams) tokens(cfg upstream.TokenConfig) (*upstream.Tokens, error) {
	tokens, err := upstream.NewTokens(cfg)
	if err != nil {
		u.Close()
		return nil, err
	}
	u.closers = append(u.closers, tokens.Close)
	return tokens, nil
}

// client is like tokens for a client.
func (u *upstreams) client(cfg upstream.Config, tokens upstream.TokenSource, log *slog.Logger) (*upstream.Client, error) {
	client, err := upstream.New(cfg, tokens, log)
	if err != nil {
		u.Close()
		return nil, err
	}
	u.closers = append(u.closers, client.Close)
	return client, nil
}

func callConfig(name, base, agent string, c config.Calls) upstream.Config {
	retries, budget := c.Retries, c.RetryBudget
	if retries == 0 || budget == 0 {
		retries = -1 // there, zero means the default
	}
	return upstream.Config{
		Name: name, BaseURL: base, UserAgent: agent,
		Timeout: time.Duration(c.Timeout), MaxBody: int64(c.MaxBody), Concurrency: c.Concurrency,
		Retries: retries, RetryBudget: budget,
		Breaker: upstream.BreakerConfig{
			FailureRate: c.Breaker.FailureRate, MinCalls: c.Breaker.MinCalls,
			Window: time.Duration(c.Breaker.Window), OpenFor: time.Duration(c.Breaker.OpenFor),
		},
	}
}

// newVerifier reads the keys of the issuers.
func newVerifier(cfg config.Auth) (*gateway.Verifier, error) {
	issuers := make([]gateway.Issuer, len(cfg.Issuers))
	for i, is := range cfg.Issuers {
		issuers[i] = gateway.Issuer{
			Issuer: is.Issuer, Audience: is.Audience,
			JWKSet: []byte(is.JWKSet.Reveal()), HS256Secret: is.HS256Secret.Reveal(),
		}
	}
	verifier, err := gateway.NewVerifier(issuers, gateway.VerifierConfig{Leeway: orNone(cfg.Leeway)})
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return verifier, nil
}

func openGateway(cfg config.Config, deps gateway.Deps) (*gateway.Gateway, error) {
	verifier, err := newVerifier(cfg.Auth)
	if err != nil {
		return nil, err
	}
	deps.Verifier = verifier
	return gateway.New(gateway.Config{
		RequestTimeout: time.Duration(cfg.Server.RequestTimeout),
		ReadTimeout:    time.Duration(cfg.Server.ReadTimeout),
		WriteTimeout:   time.Duration(cfg.Server.WriteTimeout),
		IdleTimeout:    time.Duration(cfg.Server.IdleTimeout),
		DrainDelay:     orNone(cfg.Server.DrainDelay),
		DrainTimeout:   time.Duration(cfg.Server.DrainTimeout),
		BodyLimit:      int(cfg.Server.BodyLimit),
		HeaderLimit:    int(cfg.Server.HeaderLimit),
		TrustedProxies: cfg.Server.TrustedProxies,
	}, deps)
}

func composerConfig(c config.Cache, log *slog.Logger) aggregate.Config {
	return aggregate.Config{
		MaxBytes: int64(c.MaxBytes), FanOut: c.FanOut,
		LoadTimeout: time.Duration(c.LoadTimeout), LinksMaxAge: time.Duration(c.LinksMaxAge),
		RefetchAfter: orNone(c.RefetchAfter), Policy: policies(c.Views), Log: log,
	}
}

// policies gives each view of the cache its times from the configuration.
func policies(v config.Views) func(aggregate.View) aggregate.Policy {
	return func(view aggregate.View) aggregate.Policy {
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
