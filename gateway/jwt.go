package gateway

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"registrar/internal/registrar"
)

// maxToken is the length of the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// VerifierConfig sets how tokens are judged. Zero values mean the defaults.
type VerifierConfig struct {
	// Leeway is how far the LMS's clock may be ahead of ours for iat and nbf.
	// An expiry has none. Default: 30 s; negative: none.
	Leeway time.Duration
	Now    func() time.Time // nil: time.Now
}

// Verifier tells good tokens from bad ones. It is safe for concurrent use.
type Verifier struct {
	issuers map[string]trusted
	parser  *jwt.Parser
	leeway  time.Duration
	now     func() time.Time
	memory  *memory
}

// trusted is an issuer that is ready for use.
type trusted struct {
	audience string
	secret   []byte // nil: HS256 is not accepted
	sources  []KeySource
}

// NewVerifier returns a verifier of the issuers' tokens. Without any issuer, with
// one that has no key, or with a key that cannot be read it returns an error: a
// server without keys must not start.
func NewVerifier(issuers []Issuer, cfg VerifierConfig) (*Verifier, error) {
	if len(issuers) == 0 {
		return nil, errors.New("gateway: no issuer of tokens is configured, so no caller could be authenticated")
	}
	v := &Verifier{
		issuers: make(map[string]trusted, len(issuers)),
		// Claims are judged by [claimSet.judge]: the library has one leeway for
		// everything and does not tell a caller what was wrong.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "RS512", "HS256"}),
			jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
		leeway: max(cmp.Or(cfg.Leeway, 30*time.Second), 0),
		now:    cfg.Now,
		memory: newMemory(),
	}
	if v.now == nil {
		v.now = time.Now
	}
	var mistakes []error
	for _, i := range issuers {
		mistakes = append(mistakes, v.trust(i))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Verifier) trust(i Issuer) error {
	if _, twice := v.issuers[i.Issuer]; twice || i.Issuer == "" {
		return fmt.Errorf("gateway: issuer %q: want a name, and one entry for each name", i.Issuer)
	}
	sources, err := i.sources()
	if err != nil {
		return err
	}
	t := trusted{audience: i.Audience, sources: sources}
	if strings.TrimSpace(i.HS256Secret) != "" {
		t.secret = []byte(i.HS256Secret)
	}
	v.issuers[i.Issuer] = t
	return nil
}

// Verify returns what a good token says. A bad one is [registrar.Unauthenticated]
// with the code that names the reason and the original's sentence as detail;
// keys that cannot be had at the moment are [registrar.Unavailable].
func (v *Verifier) Verify(ctx context.Context, token string) (registrar.Claims, error) {
	// Counting before splitting keeps a token of a thousand dots cheap.
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return registrar.Claims{}, unauthenticated("token_malformed", invalid, nil)
	}
	now := v.now()
	digest := sha256.Sum256([]byte(token))
	if claims, ok := v.memory.recall(digest, now); ok {
		return claims, nil
	}
	said, err := v.read(ctx, token)
	if err != nil {
		return registrar.Claims{}, err
	}
	claims, expires, err := said.judge(v.issuers[said.issuer()].audience, now, v.leeway)
	if err != nil {
		return registrar.Claims{}, err
	}
	v.memory.keep(digest, claims, expires, now)
	return claims, nil
}

// read returns the claims of a token whose signature is good.
func (v *Verifier) read(ctx context.Context, token string) (*claimSet, error) {
	said := &claimSet{}
	_, err := v.parser.ParseWithClaims(token, said, func(t *jwt.Token) (any, error) {
		issuer, known := v.issuers[said.issuer()]
		if !known {
			return nil, unauthenticated("unknown_issuer", invalid, nil)
		}
		return issuer.keys(ctx, t)
	})
	if err == nil {
		return said, nil
	}
	if _, ok := errors.AsType[*registrar.Error](err); ok {
		return nil, err
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return nil, unauthenticated("token_malformed", invalid, err)
	}
	return nil, unauthenticated("bad_signature", invalid, err)
}

// keys returns what may have signed a token: by algorithm, so that a public key
// never serves as a secret, and whatever its kid, which the LMS may omit.
func (i trusted) keys(ctx context.Context, t *jwt.Token) (any, error) {
	switch t.Method.Alg() {
	case "HS256":
		if i.secret != nil {
			return i.secret, nil
		}
	case "RS256", "RS512":
		kid, _ := t.Header["kid"].(string)
		var set jwt.VerificationKeySet
		for _, source := range i.sources {
			keys, err := source.Keys(ctx, kid)
			if err != nil {
				return nil, noKeys(err)
			}
			set.Keys = append(set.Keys, verificationKeys(keys)...)
		}
		if len(set.Keys) > 0 {
			return set, nil
		}
	}
	return nil, unauthenticated("bad_signature", invalid, nil)
}

func verificationKeys(keys []*rsa.PublicKey) []jwt.VerificationKey {
	list := make([]jwt.VerificationKey, len(keys))
	for i, key := range keys {
		list[i] = key
	}
	return list
}

// noKeys makes sure that a source without keys is never the caller's fault.
func noKeys(err error) error {
	return &registrar.Error{
		Kind: registrar.Unavailable, Code: "keys_unavailable",
		Detail:     "Tokens cannot be verified at the moment.",
		RetryAfter: registrar.RetryAfterOf(err),
		Err:        fmt.Errorf("gateway: verification keys: %w", err),
	}
}
