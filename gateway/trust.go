package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"registrar/internal/registrar"
)

// trust is who is believed at one time, and which tokens were found good then.
type trust struct {
	issuers map[string]trusted
	memory  *memory
}

// trusted is an issuer that is ready for use.
type trusted struct {
	audience string
	secret   []byte    // nil: HS256 is not accepted
	source   KeySource // nil: RS256 and RS512 are not accepted
}

// Replace sets who is believed from now on, at once and for everybody. Keys that
// were fetched from a URL that stays are kept; what was remembered of tokens is
// not. On an error, which names every issuer that cannot be, nothing changes.
func (v *Verifier) Replace(issuers []Issuer) error {
	v.replacing.Lock()
	defer v.replacing.Unlock()
	if len(issuers) == 0 {
		return errors.New("gateway: no issuer of tokens is configured, so no caller could be authenticated")
	}
	next := &trust{issuers: make(map[string]trusted, len(issuers)), memory: newMemory()}
	before := v.trust.Load()
	var mistakes []error
	for _, i := range issuers {
		if err := next.add(i, v.cfg, before); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return err
	}
	v.trust.Store(next)
	return nil
}

// add takes i in, with the keys that it had before.
func (t *trust) add(i Issuer, cfg VerifierConfig, before *trust) error {
	if _, twice := t.issuers[i.Issuer]; twice || i.Issuer == "" {
		return fmt.Errorf("gateway: issuer %q: want a name, and one entry for each name", i.Issuer)
	}
	ready, err := i.trusted(cfg)
	if err != nil {
		return err
	}
	if before != nil {
		ready.inherit(before.issuers[i.Issuer])
	}
	t.issuers[i.Issuer] = ready
	return nil
}

// Ready returns nil when every issuer has keys, fetching those that have none.
func (v *Verifier) Ready(ctx context.Context) error {
	var missing []error
	for name, issuer := range v.trust.Load().issuers {
		if issuer.source == nil {
			continue
		}
		if _, err := issuer.source.Keys(ctx); err != nil {
			missing = append(missing, fmt.Errorf("gateway: issuer %q: %w", name, err))
		}
	}
	return errors.Join(missing...)
}

func (i Issuer) trusted(cfg VerifierConfig) (trusted, error) {
	source, err := i.source(cfg)
	if err != nil {
		return trusted{}, err
	}
	t := trusted{audience: i.Audience, source: source}
	if strings.TrimSpace(i.HS256Secret) != "" {
		t.secret = []byte(i.HS256Secret)
	}
	return t, nil
}

// inherit keeps the keys of a URL that was there before.
func (i trusted) inherit(before trusted) {
	remote, ok := i.source.(*remoteKeys)
	old, had := before.source.(*remoteKeys)
	if ok && had && remote.fetch.url == old.fetch.url {
		remote.adopt(old)
	}
}

// signers returns what may have signed a token: by algorithm, so that a public
// key never serves as a secret, and whatever its kid, which the LMS may omit.
// given takes the place of the keys at present.
func (i trusted) signers(ctx context.Context, algorithm string, given *KeySet) (any, proof, error) {
	switch algorithm {
	case "HS256":
		if i.secret != nil {
			return i.secret, proof{}, nil
		}
	case "RS256", "RS512":
		if i.source == nil {
			break
		}
		keys := given
		if keys == nil {
			var err error
			if keys, err = i.source.Keys(ctx); err != nil {
				return nil, proof{}, noKeys(err)
			}
		}
		by := proof{source: i.source, keys: keys}
		if len(keys.Keys) == 0 {
			return nil, by, unauthenticated("bad_signature", invalid, errNoKeyFits)
		}
		var set jwt.VerificationKeySet
		for _, key := range keys.Keys {
			set.Keys = append(set.Keys, key)
		}
		return set, by, nil
	}
	return nil, proof{}, unauthenticated("bad_signature", invalid, nil)
}

// noKeys makes sure that a source without keys is never the caller's fault.
func noKeys(err error) error {
	return &registrar.Error{
		Kind: registrar.Unavailable, Code: "keys_unavailable", Detail: noKeysDetail,
		RetryAfter: registrar.RetryAfterOf(err),
		Err:        fmt.Errorf("gateway: verification keys: %w", err),
	}
}
