package main

import (
	"context"
	"fmt"
	"time"

	"registrar/config"
	"registrar/internal/telemetry"
	"registrar/internal/upstream"
	"registrar/internal/upstream/discovery"
	"registrar/internal/upstream/lms"
	"registrar/internal/upstream/redisbudget"
)

// upstreams are the clients of the Open edX site.
type upstreams struct {
	lms       *lms.Client
	discovery *discovery.Client
	// calls are below the two, by the name of the upstream in metrics and Redis.
	calls map[string]*upstream.Client
	// tokens are the service accounts', by the same names.
	tokens  map[string]*upstream.Tokens
	closers []func()
}

// The names of the upstreams in metrics and in Redis.
const (
	nameLMS       = "lms"
	nameDiscovery = "discovery"
)

// Close gives up idle connections and ends the refreshing of tokens.
func (u *upstreams) Close() {
	for _, closer := range u.closers {
		closer()
	}
}

// connect makes the clients of the LMS and of Discovery. They share a service
// account unless Discovery has one of its own. On an error nothing is left open.
func connect(cfg config.Config, sh *shared) (*upstreams, error) {
	u := &upstreams{calls: map[string]*upstream.Client{}, tokens: map[string]*upstream.Tokens{}}
	if err := u.open(cfg, sh); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

func (u *upstreams) open(cfg config.Config, sh *shared) error {
	err := u.account(nameLMS, sh, upstream.TokenConfig{
		Name: "The LMS", TokenURL: cfg.LMS.TokenURL, BaseURL: cfg.LMS.URL, Timeout: time.Duration(cfg.LMS.Timeout),
		ClientID: cfg.LMS.ClientID, ClientSecret: cfg.LMS.ClientSecret.Reveal(),
	})
	if err != nil {
		return err
	}
	u.tokens[nameDiscovery] = u.tokens[nameLMS]
	if cfg.Discovery.ClientID != "" {
		err = u.account(nameDiscovery, sh, upstream.TokenConfig{
			Name: "Discovery", TokenURL: cfg.Discovery.TokenURL, BaseURL: cfg.LMS.URL, Timeout: time.Duration(cfg.Discovery.Timeout),
			ClientID: cfg.Discovery.ClientID, ClientSecret: cfg.Discovery.ClientSecret.Reveal(),
		})
		if err != nil {
			return err
		}
	}
	lmsCalls, err := u.client(nameLMS, "The LMS", cfg.LMS.URL, cfg.LMS.Calls, cfg.Redis, sh)
	if err != nil {
		return err
	}
	u.lms, err = lms.New(lmsCalls, lms.Config{
		PageSize: cfg.LMS.PageSize, GradesPageSize: cfg.LMS.GradesPageSize,
		Completion: lms.Mode(cfg.LMS.Completion), ProgressMaxLearners: cfg.LMS.ProgressMaxLearners,
		PublicURL: cfg.LMS.PublicURL,
	})
	if err != nil {
		return err
	}
	discoveryCalls, err := u.client(nameDiscovery, "Discovery", cfg.Discovery.URL, cfg.Discovery.Calls, cfg.Redis, sh)
	if err != nil {
		return err
	}
	u.discovery = discovery.New(discoveryCalls, discovery.Config{PageSize: cfg.Discovery.PageSize})
	return nil
}

// account makes the token source of a service account, which ends with u.
func (u *upstreams) account(name string, sh *shared, cfg upstream.TokenConfig) error {
	cfg.UserAgent, cfg.Logger = userAgent(), sh.log
	tokens, err := upstream.NewTokens(cfg)
	if err != nil {
		return err
	}
	u.tokens[name] = tokens
	u.closers = append(u.closers, tokens.Close)
	return nil
}

// client makes the client of one upstream, which ends with u. title begins the
// sentences of its errors.
func (u *upstreams) client(name, title, base string, c config.Calls, r config.Redis, sh *shared) (*upstream.Client, error) {
	cfg := callConfig(title, base, c)
	cfg.Observe = func(_ context.Context, call upstream.Call) {
		sh.metrics.UpstreamCall(telemetry.Call{Upstream: name, Class: call.Class, Kind: string(call.Kind), Status: call.Status, Took: call.Took})
	}
	if sh.tracing.Enabled() {
		cfg.Tracer = sh.tracing.Tracer()
	}
	if sh.redis != nil {
		ledger, err := redisbudget.New(sh.redis, redisbudget.Config{Name: name, Timeout: time.Duration(r.Timeout)})
		if err != nil {
			return nil, fmt.Errorf("%s budget: %w", name, err)
		}
		cfg.Ledger, cfg.LedgerRest = ledger, sh.rest
	}
	client, err := upstream.New(cfg, u.tokens[name], sh.log)
	if err != nil {
		return nil, err
	}
	u.calls[name] = client
	u.closers = append(u.closers, client.Close)
	sh.metrics.WatchUpstream(name, func() telemetry.Upstream { return standing(client.Stats()) })
	return client, nil
}

func callConfig(title, base string, c config.Calls) upstream.Config {
	retries, share := c.Retries, c.RetryBudget
	if retries == 0 || share == 0 {
		retries = -1 // there, zero means the default
	}
	return upstream.Config{
		Name: title, BaseURL: base, UserAgent: userAgent(),
		Timeout: time.Duration(c.Timeout), MaxBody: int64(c.MaxBody), Concurrency: c.Concurrency,
		Retries: retries, RetryBudget: share, Budget: budgetConfig(c.Budget),
		Breaker: upstream.BreakerConfig{
			FailureRate: c.Breaker.FailureRate, MinCalls: c.Breaker.MinCalls,
			Window: time.Duration(c.Breaker.Window), OpenFor: time.Duration(c.Breaker.OpenFor),
			Observe: c.Breaker.Observe,
		},
	}
}

func budgetConfig(b config.Budget) upstream.BudgetConfig {
	reserve := b.Reserve
	if reserve == 0 {
		reserve = -1 // there, zero means the default
	}
	return upstream.BudgetConfig{Rate: b.Rate, Per: time.Duration(b.Per), Burst: b.Burst, Reserve: reserve, Observe: b.Observe}
}

// standing is how a client stands, in the words of metrics.
func standing(s upstream.Stats) telemetry.Upstream {
	up := telemetry.Upstream{
		Retries: s.Retries, BudgetSize: s.BudgetSize, BudgetLeft: s.BudgetLeft,
		BudgetRefused: s.BudgetRefused, BudgetWaits: s.BudgetWaits, Alone: s.Alone,
	}
	for _, c := range s.Classes {
		paused := max(0, time.Until(c.PausedUntil))
		up.Classes = append(up.Classes, telemetry.UpstreamClass{Class: c.Class, Breaker: string(c.Breaker), BreakerRefused: c.BreakerRefused, Paused: paused})
	}
	return up
}

func userAgent() string { return "openedx-registrar/" + version }
