package gateway

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
)

// minRSABits is what RFC 7518 asks of RS256 and RS512.
const minRSABits = 2048

// maxRSABits keeps a key from making each token cost milliseconds.
const maxRSABits = 8192

// parseKeySet reads the set of a configuration, where one bad key is a mistake
// to tell the operator.
func parseKeySet(text []byte) ([]*rsa.PublicKey, error) {
	// Line breaks within a long modulus are a known way to break a key set.
	entries, err := keyEntries(bytes.Join(bytes.Fields(text), nil))
	if err != nil {
		return nil, err
	}
	keys := make([]*rsa.PublicKey, len(entries))
	for i, entry := range entries {
		if keys[i], err = rsaKey(entry); err != nil {
			return nil, fmt.Errorf("JWK set: key %d: %w", i+1, err)
		}
	}
	return keys, nil
}

// usableKeys reads a published set, whose other keys are for others: it returns
// the public RSA keys and why each of the rest was left out.
func usableKeys(text []byte) (keys []*rsa.PublicKey, ignored []string, err error) {
	entries, err := keyEntries(text)
	if err != nil {
		return nil, nil, err
	}
	for i, entry := range entries {
		key, err := rsaKey(entry)
		if err != nil {
			ignored = append(ignored, fmt.Sprintf("key %d: %v", i+1, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ignored, errors.New("JWK set: none of its keys is a public RSA key for signatures")
	}
	return keys, ignored, nil
}

// keyEntries takes a set apart without judging its keys.
func keyEntries(text []byte) ([]json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New(`JWK set: it holds no key; want {"keys": [...]}`)
	}
	return set.Keys, nil
}

func rsaKey(entry json.RawMessage) (*rsa.PublicKey, error) {
	var marshalled jwkset.JWKMarshal
	if err := json.Unmarshal(entry, &marshalled); err != nil {
		return nil, errors.New("it is not a JSON Web Key") // the decoder's text may quote it
	}
	switch {
	case marshalled.KTY != jwkset.KtyRSA:
		return nil, errors.New("only RSA keys are accepted here; a shared secret is set as HS256Secret")
	case marshalled.D != "":
		return nil, errors.New("it is a private key; the LMS alone may have that")
	case marshalled.USE == jwkset.UseEnc:
		return nil, errors.New("it is for encryption")
	}
	key, err := jwkset.NewJWKFromMarshal(marshalled, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
	if err != nil {
		return nil, err
	}
	public, ok := key.Key().(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("it is not a public RSA key")
	}
	if bits := public.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, fmt.Errorf("it has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	}
	return public, nil
}
