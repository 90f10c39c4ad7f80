package gateway

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/MicahParks/jwkset"
)

// minRSABits is what RFC 7518 asks of RS256 and RS512.
const minRSABits = 2048

// Issuer is one LMS whose tokens are accepted, and what verifies them. A token is
// only ever tried with the keys of the issuer that it names. At least one of
// JWKSet, HS256Secret and Source is needed.
type Issuer struct {
	Issuer   string // the exact iss claim
	Audience string // must be among the aud claim; empty: aud is not checked
	// JWKSet is a JSON Web Key set of public RSA keys, as in the LMS's setting
	// JWT_PUBLIC_SIGNING_JWK_SET. White space is ignored, even within values.
	JWKSet []byte
	// HS256Secret is the secret shared with the LMS. Many sites still sign with it.
	HS256Secret string
	// Source supplies keys that change, besides JWKSet; nil: none.
	Source KeySource
}

// KeySource supplies the RSA keys of one issuer, from wherever they are kept
// fresh. Its error becomes a 503, for the caller's token may be good.
type KeySource interface {
	// Keys returns all keys at present. kid is what the token says of its key,
	// unverified and possibly empty: a hint to refresh, never a reason to refuse.
	Keys(ctx context.Context, kid string) ([]*rsa.PublicKey, error)
}

// fixedKeys are the keys of a JWK set in the configuration.
type fixedKeys []*rsa.PublicKey

// Keys returns the same keys for ever.
func (k fixedKeys) Keys(context.Context, string) ([]*rsa.PublicKey, error) { return k, nil }

// sources lists where the RSA keys of i come from.
func (i Issuer) sources() ([]KeySource, error) {
	var sources []KeySource
	if len(bytes.TrimSpace(i.JWKSet)) > 0 {
		keys, err := parseKeySet(i.JWKSet)
		if err != nil {
			return nil, fmt.Errorf("gateway: issuer %q: %w", i.Issuer, err)
		}
		sources = append(sources, keys)
	}
	if i.Source != nil {
		sources = append(sources, i.Source)
	}
	if len(sources) == 0 && strings.TrimSpace(i.HS256Secret) == "" {
		return nil, fmt.Errorf("gateway: issuer %q has no key: want a JWK set or an HS256 secret", i.Issuer)
	}
	return sources, nil
}

func parseKeySet(text []byte) (fixedKeys, error) {
	var set jwkset.JWKSMarshal
	// Line breaks within a long modulus are a known way to break a key set.
	if err := json.Unmarshal(bytes.Join(bytes.Fields(text), nil), &set); err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	var keys fixedKeys
	for i, marshalled := range set.Keys {
		key, err := rsaKey(marshalled)
		if err != nil {
			return nil, fmt.Errorf("JWK set: key %d: %w", i+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New(`JWK set: it holds no key; want {"keys": [...]}`)
	}
	return keys, nil
}

func rsaKey(marshalled jwkset.JWKMarshal) (*rsa.PublicKey, error) {
	switch {
	case marshalled.KTY != jwkset.KtyRSA:
		return nil, errors.New("only RSA keys are accepted here; a shared secret is set as HS256Secret")
	case marshalled.D != "":
		return nil, errors.New("it is a private key; the LMS alone may have that")
	}
	key, err := jwkset.NewJWKFromMarshal(marshalled, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
	if err != nil {
		return nil, err
	}
	public, ok := key.Key().(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("it is not a public RSA key")
	}
	if bits := public.N.BitLen(); bits < minRSABits {
		return nil, fmt.Errorf("it has %d bits, want at least %d", bits, minRSABits)
	}
	return public, nil
}
