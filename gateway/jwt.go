package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"registrar/internal/registrar"
)

// maxToken is the length of the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// noKeysDetail is what a caller reads whose token nobody can judge.
const noKeysDetail = "Tokens cannot be verified at the moment."

// VerifierConfig sets how tokens are judged. Zero values mean the defaults.
type VerifierConfig struct {
	// Leeway is how far the LMS's clock may be ahead of ours for iat and nbf.
	// An expiry has none. Default: 30 s; negative: none.
	Leeway time.Duration
	Keys   KeysConfig       // of the issuers with a JWKSURL
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: no log
	// OnToken is told of every token what became of it: "verified", "remembered"
	// or the code of the refusal. nil: nobody is.
	OnToken func(outcome string)
}

func (c VerifierConfig) withDefaults() VerifierConfig {
	c.Leeway = max(cmp.Or(c.Leeway, 30*time.Second), 0)
	c.Keys = c.Keys.withDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnToken == nil {
		c.OnToken = func(string) {}
	}
	return c
}

// Verifier tells good tokens from bad ones. It is safe for concurrent use.
type Verifier struct {
	cfg    VerifierConfig
	parser *jwt.Parser
	trust  atomic.Pointer[trust]
	// replacing keeps two replacements from losing each other's keys.
	replacing sync.Mutex
}

// NewVerifier returns a verifier of the issuers' tokens. Without any issuer, with
// one that has no key, or with a key that cannot be read it returns an error: a
// server without keys must not start. Key sets behind URLs are fetched when they
// are first needed.
func NewVerifier(issuers []Issuer, cfg VerifierConfig) (*Verifier, error) {
	v := &Verifier{
		cfg: cfg.withDefaults(),
		// Claims are judged by [claimSet.judge]: the library has one leeway for
		// everything and does not tell a caller what was wrong.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "RS512", "HS256"}),
			jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
	}
	if err := v.Replace(issuers); err != nil {
		return nil, err
	}
	return v, nil
}

// Verify returns what a good token says. A bad one is [registrar.Unauthenticated]
// with the code that names the reason and the original's sentence as detail;
// keys that cannot be had at the moment are [registrar.Unavailable].
func (v *Verifier) Verify(ctx context.Context, token string) (registrar.Claims, error) {
	if claims, ok := v.remembered(ctx, token); ok {
		return claims, nil
	}
	return v.examine(ctx, token)
}

// remembered returns the claims of a token that was found good before, which
// costs next to nothing.
func (v *Verifier) remembered(ctx context.Context, token string) (registrar.Claims, bool) {
	if len(token) > maxToken {
		return registrar.Claims{}, false
	}
	found, ok := v.trust.Load().memory.recall(sha256.Sum256([]byte(token)), v.cfg.Now())
	if !ok || !found.by.holds(ctx) {
		return registrar.Claims{}, false
	}
	v.cfg.OnToken("remembered")
	return found.claims, true
}

// examine checks signature and claims, whatever is remembered.
func (v *Verifier) examine(ctx context.Context, token string) (registrar.Claims, error) {
	claims, err := v.judge(ctx, token)
	if err != nil {
		v.cfg.OnToken(registrar.CodeOf(err))
		return registrar.Claims{}, err
	}
	v.cfg.OnToken("verified")
	return claims, nil
}

func (v *Verifier) judge(ctx context.Context, token string) (registrar.Claims, error) {
	// Counting before splitting keeps a token of a thousand dots cheap.
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return registrar.Claims{}, unauthenticated("token_malformed", invalid, nil)
	}
	now, trust := v.cfg.Now(), v.trust.Load()
	read, err := v.read(ctx, trust, token)
	if err != nil {
		return registrar.Claims{}, err
	}
	claims, expires, err := read.said.judge(trust.issuers[read.said.issuer()].audience, now, v.cfg.Leeway)
	if err != nil {
		return registrar.Claims{}, err
	}
	trust.memory.keep(sha256.Sum256([]byte(token)), verdict{claims: claims, by: read.by, until: expires}, now)
	return claims, nil
}

// reading is one look at a token.
type reading struct {
	said *claimSet
	by   proof
}

// proof is what a signature was checked with. The zero value stands for a shared
// secret, which only a replacement of all issuers changes.
type proof struct {
	source KeySource
	keys   *KeySet
}

// holds reports whether the keys are still those of their issuer.
func (p proof) holds(ctx context.Context) bool {
	if p.source == nil {
		return true
	}
	keys, err := p.source.Keys(ctx)
	return err == nil && keys == p.keys
}

// read returns the claims of a token whose signature is good. One that no key
// fits is tried again with newer keys, for its key may just have come into use.
func (v *Verifier) read(ctx context.Context, t *trust, token string) (reading, error) {
	first, err := v.parse(ctx, t, token, nil)
	if err == nil || first.by.source == nil || !errors.Is(err, errNoKeyFits) {
		return first, err
	}
	newer, newerErr := first.by.source.Newer(ctx, first.by.keys, first.said.issued())
	if newerErr != nil {
		return first, noKeys(errors.Join(errNoKeyFits, newerErr))
	}
	if newer == first.by.keys {
		return first, err
	}
	return v.parse(ctx, t, token, newer)
}

// parse checks the signature with keys, or with those at present when keys is nil.
func (v *Verifier) parse(ctx context.Context, t *trust, token string, keys *KeySet) (reading, error) {
	r := reading{said: &claimSet{}}
	_, err := v.parser.ParseWithClaims(token, r.said, func(token *jwt.Token) (any, error) {
		issuer, known := t.issuers[r.said.issuer()]
		if !known {
			return nil, unauthenticated("unknown_issuer", invalid, nil)
		}
		signers, by, err := issuer.signers(ctx, token.Method.Alg(), keys)
		r.by = by
		return signers, err
	})
	if err == nil {
		return r, nil
	}
	if _, ok := errors.AsType[*registrar.Error](err); ok {
		return r, err
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return r, unauthenticated("token_malformed", invalid, err)
	}
	return r, unauthenticated("bad_signature", invalid, errors.Join(errNoKeyFits, err))
}
