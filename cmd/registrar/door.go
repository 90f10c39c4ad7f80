package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"registrar/config"
	"registrar/gateway"
	"registrar/internal/registrar"
	"registrar/internal/telemetry"
)

// The classes of routes, each with a rate limit of its own. What passes through
// is of one more class, "passthrough".
const (
	classRead     = "read"
	classTable    = "table"
	classWrite    = "write"
	classInternal = "internal"
)

// classOf says how heavy a route is, by its method and template.
func classOf(method, path string) string {
	switch {
	case method == http.MethodPost || method == http.MethodPatch:
		return classWrite
	case strings.HasPrefix(path, "/api/internal/"):
		return classInternal
	case strings.Contains(path, "/learners/"):
		return classRead
	}
	for _, table := range []string{"/grades", "/completion", "/course_enrollments", "/enrollments"} {
		if strings.HasSuffix(path, table) {
			return classTable
		}
	}
	return classRead
}

// newVerifier reads the keys of the issuers. sh may be nil: then nobody hears of
// tokens.
func newVerifier(cfg config.Auth, sh *shared) (*gateway.Verifier, error) {
	v := gateway.VerifierConfig{
		Leeway: orNone(cfg.Leeway),
		Keys:   gateway.KeysConfig{MinInterval: time.Duration(cfg.JWKSMinInterval), Refresh: time.Duration(cfg.JWKSRefresh)},
	}
	if sh != nil {
		v.Log, v.OnToken = sh.log, sh.metrics.TokenChecked
		v.Keys.OnFetch = func(_ string, err error) { sh.metrics.KeysFetched(err) }
	}
	verifier, err := gateway.NewVerifier(issuersOf(cfg), v)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return verifier, nil
}

func issuersOf(cfg config.Auth) []gateway.Issuer {
	issuers := make([]gateway.Issuer, len(cfg.Issuers))
	for i, is := range cfg.Issuers {
		issuers[i] = gateway.Issuer{
			Issuer: is.Issuer, Audience: is.Audience, JWKSURL: is.JWKSURL,
			JWKSet: []byte(is.JWKSet.Reveal()), HS256Secret: is.HS256Secret.Reveal(),
		}
	}
	return issuers
}

func doorConfig(cfg config.Config) gateway.Config {
	return gateway.Config{
		RequestTimeout: time.Duration(cfg.Server.RequestTimeout),
		ReadTimeout:    time.Duration(cfg.Server.ReadTimeout),
		WriteTimeout:   time.Duration(cfg.Server.WriteTimeout),
		IdleTimeout:    time.Duration(cfg.Server.IdleTimeout),
		DrainDelay:     orNone(cfg.Server.DrainDelay),
		DrainTimeout:   time.Duration(cfg.Server.DrainTimeout),
		BodyLimit:      int(cfg.Server.BodyLimit),
		HeaderLimit:    int(cfg.Server.HeaderLimit),
		TrustedProxies: cfg.Server.TrustedProxies,
		Origins:        cfg.CORS.Origins,
		PreflightAge:   orNone(cfg.CORS.MaxAge),
		Cookies:        gateway.Cookies{HeaderPayload: cfg.Auth.Cookies.HeaderPayload, Signature: cfg.Auth.Cookies.Signature},
		Limits:         limitsOf(cfg.Limits),
	}
}

func limitsOf(c config.Limits) gateway.Limits {
	limit := func(b config.Bucket) gateway.Limit {
		if b.Rate == 0 {
			return gateway.Limit{}
		}
		return gateway.Limit{Requests: b.Rate, Per: time.Duration(b.Per), Burst: b.Burst}
	}
	return gateway.Limits{
		Observe: c.Observe,
		Classes: map[string]gateway.Limit{
			classRead: limit(c.Read), classTable: limit(c.Table), classWrite: limit(c.Write), classInternal: limit(c.Internal), "passthrough": limit(c.Passthrough),
		},
	}
}

// limiterOf counts in Redis where there is one, and in this process elsewhere.
func limiterOf(cfg config.Config, sh *shared) (gateway.Limiter, error) {
	if sh.redis == nil {
		return gateway.NewLocalLimiter(nil), nil
	}
	limiter, err := gateway.NewRedisLimiter(sh.redis, gateway.RedisLimiterConfig{
		Timeout: time.Duration(cfg.Redis.Timeout), Rest: sh.rest, OnFailure: gateway.Fallback(cfg.Limits.WhenRedisFails), Log: sh.log,
	})
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	return limiter, nil
}

func rulesOf(c config.Passthrough) []gateway.Rule {
	rules := make([]gateway.Rule, len(c.Rules))
	for i, r := range c.Rules {
		rules[i] = gateway.Rule{
			Name: r.Name, Upstream: gateway.Upstream(r.Upstream), Methods: r.Methods, Path: r.Path,
			Query: r.Query, AllowQuery: r.AllowQuery, Permission: registrar.Permission(r.Permission), Filter: r.Filter,
			Cache: time.Duration(r.Cache), MaxBody: int64(r.MaxBody), Timeout: time.Duration(r.Timeout),
		}
	}
	return rules
}

func (u *upstreams) passthrough(cfg config.Config, deps gateway.PassthroughDeps, sh *shared) (*gateway.Passthrough, error) {
	pass, err := gateway.NewPassthrough(gateway.PassthroughConfig{
		LMS:       gateway.Origin{BaseURL: cfg.LMS.URL, Tokens: u.tokens[nameLMS], Around: u.calls[nameLMS].Passing},
		Discovery: gateway.Origin{BaseURL: cfg.Discovery.URL, Tokens: u.tokens[nameDiscovery], Around: u.calls[nameDiscovery].Passing},
		UserAgent: userAgent(), Log: sh.log,
		Observe: func(_ context.Context, call gateway.PassthroughCall) {
			sh.metrics.PassthroughDone(call.Rule, call.Status, call.Cache, call.Took)
		},
	}, deps, rulesOf(cfg.Passthrough))
	if err != nil {
		return nil, fmt.Errorf("passthrough: %w", err)
	}
	return pass, nil
}

// observed tells the metrics of a request.
func (s *shared) observed(o gateway.Observation) {
	s.metrics.RequestDone(telemetry.Request{
		Route: o.Route, Method: o.Method, Status: o.Status, Kind: string(o.Kind), Code: o.Code,
		Class: o.Class, Limit: o.Limit, Cache: o.Cache, Took: o.Duration,
	})
}
