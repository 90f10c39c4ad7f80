package config

import (
	"fmt"
	"strings"
)

// rule is something that must hold between keys. The mistake is reported at the
// first of them, unless one of them is already known to be wrong.
type rule struct {
	keys          []string
	broken        bool
	problem, want string
}

func (l *loader) checkRules() {
	for _, r := range rules(l.config) {
		if r.broken && !l.anyBad(r.keys) {
			l.mistake(r.keys[0], r.problem, r.want)
		}
	}
}

func (l *loader) anyBad(paths []string) bool {
	for _, p := range paths {
		if l.isBad(p) {
			return true
		}
	}
	return false
}

func rules(c Config) []rule {
	all := []rule{
		{
			keys:   []string{"auth.issuers"},
			broken: len(c.Auth.Issuers) == 0, problem: "is empty",
			want: "at least one issuer with a key, for nobody could call",
		},
		notShorter("server.write_timeout", c.Server.WriteTimeout, "server.request_timeout", c.Server.RequestTimeout),
		notShorter("cache.load_timeout", c.Cache.LoadTimeout, "lms.timeout", c.LMS.Timeout),
		notShorter("cache.load_timeout", c.Cache.LoadTimeout, "discovery.timeout", c.Discovery.Timeout),
		notShorter("cache.load_timeout", c.Cache.LoadTimeout, "cache.lease", c.Cache.Lease),
		notShorter("auth.jwks_refresh", c.Auth.JWKSRefresh, "auth.jwks_min_interval", c.Auth.JWKSMinInterval),
		{
			keys:    []string{"auth.cookies.header_payload", "auth.cookies.signature"},
			broken:  (c.Auth.Cookies.HeaderPayload == "") != (c.Auth.Cookies.Signature == ""),
			problem: "and auth.cookies.signature are half a token each, and one is missing", want: "both names, or neither",
		},
		{
			keys:    []string{"auth.cookies.signature", "auth.cookies.header_payload"},
			broken:  c.Auth.Cookies.Signature != "" && c.Auth.Cookies.Signature == c.Auth.Cookies.HeaderPayload,
			problem: "is the name of both halves", want: "the LMS's JWT_AUTH_COOKIE_SIGNATURE",
		},
		{
			keys:    []string{"discovery.client_secret", "discovery.client_id"},
			broken:  c.Discovery.ClientID != "" && c.Discovery.ClientSecret == "",
			problem: "is missing beside discovery.client_id", want: "both, or neither to use the LMS's service account",
		},
		{
			keys:    []string{"discovery.client_id", "discovery.client_secret"},
			broken:  c.Discovery.ClientID == "" && c.Discovery.ClientSecret != "",
			problem: "is missing beside discovery.client_secret", want: "both, or neither to use the LMS's service account",
		},
	}
	all = append(all, recordRules(c)...)
	for i, issuer := range c.Auth.Issuers {
		path := element("auth.issuers", i)
		all = append(all, rule{
			keys:    []string{path, path + ".jwk_set", path + ".jwks_url", path + ".hs256_secret"},
			broken:  issuer.JWKSet == "" && issuer.JWKSURL == "" && issuer.HS256Secret == "",
			problem: "has no key", want: "jwk_set, jwk_set_file, jwks_url, hs256_secret or hs256_secret_file",
		})
	}
	for i := range c.Passthrough.Rules {
		all = append(all, passthroughRules(c, i)...)
	}
	return all
}

// recordRules are about what replicas can only do alike with the same secrets.
func recordRules(c Config) []rule {
	several := strings.HasPrefix(c.Store.DSN.Reveal(), "postgres")
	return []rule{
		{
			keys:    []string{"files.link_key", "store.dsn", "files.url"},
			broken:  several && strings.HasPrefix(c.Files.URL, "file:") && c.Files.LinkKey == "",
			problem: "is missing", want: "a secret of 16 characters or more that all replicas share, for the links of one must open at another",
		},
		{
			keys:    []string{"audit.key", "audit.enabled", "store.dsn"},
			broken:  several && c.Audit.Enabled && c.Audit.Key == "",
			problem: "is missing", want: "a secret of 16 characters or more that all replicas share, or audit.enabled: false",
		},
		{
			keys:    []string{"tracking.write_key", "tracking.url"},
			broken:  c.Tracking.URL != "" && c.Tracking.WriteKey == "",
			problem: "is missing beside tracking.url", want: "the write key of that service",
		},
		{
			keys:    []string{"tracking.url", "tracking.write_key"},
			broken:  c.Tracking.URL == "" && c.Tracking.WriteKey != "",
			problem: "is missing beside tracking.write_key", want: "the address of that service, such as https://api.segment.io",
		},
	}
}

// notShorter is the rule that one time lasts at least as long as another.
func notShorter(key string, long Duration, other string, short Duration) rule {
	return rule{
		keys:    []string{key, other},
		broken:  long < short,
		problem: fmt.Sprintf("is %s, shorter than %s", long, other),
		want:    "at least " + short.String(),
	}
}
