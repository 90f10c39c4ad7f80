package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// keyRing signs and checks tokens: HS256 by default, RS512 where asked. The RSA
// key is made when it is first needed: it costs more than all the rest of a
// world, and most worlds never sign with it.
type keyRing struct {
	private func() (*rsa.PrivateKey, error)
}

func newKeyRing() keyRing {
	return keyRing{sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })}
}

// sign makes a token without a kid header, as the LMS does by default.
func (k keyRing) sign(claims jwt.MapClaims, asymmetric bool) (string, error) {
	if !asymmetric {
		return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(hsSecret))
	}
	key, err := k.private()
	if err != nil {
		return "", fmt.Errorf("simulator: signing key: %w", err)
	}
	return jwt.NewWithClaims(jwt.SigningMethodRS512, claims).SignedString(key)
}

func (k keyRing) public() []byte {
	key, err := k.private()
	if err != nil {
		return []byte(`{"keys":[]}`)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	exponent := big.NewInt(int64(key.E)).Bytes()
	return []byte(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS512","n":"` + b64(key.N.Bytes()) + `","e":"` + b64(exponent) + `"}]}`)
}

// keyFor pins the algorithm to the key: an HS256 token never meets the RSA key.
func (k keyRing) keyFor(t *jwt.Token) (any, error) {
	switch t.Method.Alg() {
	case "RS512":
		key, err := k.private()
		if err != nil {
			return nil, err
		}
		return &key.PublicKey, nil
	case "HS256":
		return []byte(hsSecret), nil
	}
	return nil, errors.New("simulator: unknown algorithm")
}

// claims are what the site reads of a token.
type claims struct {
	Username      string   `json:"preferred_username"`
	Email         string   `json:"email"`
	Administrator *bool    `json:"administrator"` // nil without the profile scope
	Restricted    bool     `json:"is_restricted"`
	Scopes        []string `json:"scopes"`
	Filters       []string `json:"filters"`
	jwt.RegisteredClaims
}

// verify checks a token. The problem, "" for none, is in the LMS's words.
func (s *Simulator) verify(token string) (c claims, problem string) {
	_, err := jwt.ParseWithClaims(token, &c, s.keys.keyFor,
		jwt.WithValidMethods([]string{"RS512", "HS256"}), jwt.WithIssuer(s.opts.Issuer), jwt.WithAudience(s.opts.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(s.opts.Now))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) || err == nil && s.tokens.recalled(token):
		return c, "Token has expired."
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return c, "Error decoding token."
	case err != nil || c.IssuedAt == nil || c.Username == "":
		return c, "Invalid token."
	}
	return c, ""
}
