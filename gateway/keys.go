package gateway

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Issuer is one LMS whose tokens are accepted, and what verifies them. A token is
// only ever tried with the keys of the issuer that it names. At least one of
// JWKSet, JWKSURL, HS256Secret and Source is needed.
type Issuer struct {
	Issuer   string // the exact iss claim
	Audience string // must be among the aud claim; empty: aud is not checked
	// JWKSet is a JSON Web Key set of public RSA keys, as in the LMS's setting
	// JWT_PUBLIC_SIGNING_JWK_SET. White space is ignored, even within values.
	JWKSet []byte
	// JWKSURL is where such a set is published; its keys count beside those of
	// JWKSet. https, or http on the loopback interface.
	JWKSURL string
	// HS256Secret is the secret shared with the LMS. Many sites still sign with it.
	HS256Secret string
	// Source supplies keys from elsewhere, instead of JWKSet and JWKSURL; nil: none.
	Source KeySource
}

// KeySet is the RSA keys of one issuer at one time. It is never changed: other
// keys are another set.
type KeySet struct{ Keys []*rsa.PublicKey }

// KeySource supplies the RSA keys of one issuer, from wherever they are kept
// fresh. Its errors become a 503, for the caller's token may be good.
type KeySource interface {
	// Keys returns the keys at present, by the same pointer for as long as they
	// stay the same: tokens verified with another set are not remembered.
	Keys(ctx context.Context) (*KeySet, error)
	// Newer is asked when no key of old fits a token that says it was issued at
	// issued. It returns another set if it has or gets one, and old if old was
	// current when the token was issued: the token is bad then. An error says
	// that neither is known.
	Newer(ctx context.Context, old *KeySet, issued time.Time) (*KeySet, error)
}

// fixedKeys are the keys of a JWK set in the configuration.
type fixedKeys struct{ set *KeySet }

// Keys returns the same keys for ever.
func (k fixedKeys) Keys(context.Context) (*KeySet, error) { return k.set, nil }

// Newer returns old: there are no others.
func (k fixedKeys) Newer(_ context.Context, old *KeySet, _ time.Time) (*KeySet, error) {
	return old, nil
}

// source tells where the RSA keys of i come from; nil when it has none.
func (i Issuer) source(cfg VerifierConfig) (KeySource, error) {
	if i.Source != nil {
		if len(i.JWKSet) > 0 || i.JWKSURL != "" {
			return nil, fmt.Errorf("gateway: issuer %q: a key source stands instead of a JWK set and its URL", i.Issuer)
		}
		return i.Source, nil
	}
	var fixed []*rsa.PublicKey
	if len(bytes.TrimSpace(i.JWKSet)) > 0 {
		keys, err := parseKeySet(i.JWKSet)
		if err != nil {
			return nil, fmt.Errorf("gateway: issuer %q: %w", i.Issuer, err)
		}
		fixed = keys
	}
	if i.JWKSURL != "" {
		remote, err := newRemoteKeys(i.Issuer, i.JWKSURL, fixed, cfg)
		if err != nil {
			return nil, fmt.Errorf("gateway: issuer %q: %w", i.Issuer, err)
		}
		return remote, nil
	}
	if len(fixed) > 0 {
		return fixedKeys{&KeySet{Keys: fixed}}, nil
	}
	if strings.TrimSpace(i.HS256Secret) == "" {
		return nil, fmt.Errorf("gateway: issuer %q has no key: want a JWK set, its URL or an HS256 secret", i.Issuer)
	}
	return nil, nil //nolint:nilnil // an issuer with a secret alone has no RSA keys
}

// errNoKeyFits marks a signature that was checked and fits no key.
var errNoKeyFits = errors.New("no key fits")
