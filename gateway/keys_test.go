package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"registrar/gateway"
)

// A server that could authenticate nobody, or anybody, must not start.
func TestIssuersWithoutUsableKeysAreRefused(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	set := keySet(t, rsaKey(t))
	for name, tc := range map[string]struct {
		issuers []gateway.Issuer
		want    string
	}{
		"none":            {nil, "no issuer"},
		"no key":          {[]gateway.Issuer{{Issuer: lms}}, "has no key"},
		"blank key":       {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(" \n"), HS256Secret: " "}}, "has no key"},
		"one without key": {[]gateway.Issuer{{Issuer: lms, JWKSet: set}, {Issuer: "other"}}, `"other" has no key`},
		"two without key": {[]gateway.Issuer{{Issuer: "first"}, {Issuer: "other"}}, "\n" + `gateway: issuer "other" has no key`},
		"no name":         {[]gateway.Issuer{{JWKSet: set}}, "want a name"},
		"same name":       {[]gateway.Issuer{{Issuer: lms, JWKSet: set}, {Issuer: lms, HS256Secret: secret}}, "one entry"},
		"no JSON":         {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte("-----BEGIN PUBLIC KEY-----")}}, "JWK set"},
		"empty set":       {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(`{"keys": []}`)}}, "holds no key"},
		"single key":      {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(`{"kty": "RSA"}`)}}, "holds no key"},
		"shared key":      {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(`{"keys":[{"kty":"oct","k":"Y2FuYXJ5"}]}`)}}, "only RSA"},
		"private key":     {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(strings.Replace(string(set), `"kty"`, `"d":"Y2FuYXJ5","kty"`, 1))}}, "private key"},
		"broken key":      {[]gateway.Issuer{{Issuer: lms, JWKSet: []byte(`{"keys":[{"kty":"RSA","n":"@@","e":"AQAB"}]}`)}}, "key 1"},
		"weak key":        {[]gateway.Issuer{{Issuer: lms, JWKSet: keySet(t, weak)}}, "1024 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gateway.NewVerifier(tc.issuers, gateway.VerifierConfig{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "Y2FuYXJ5") {
				t.Error("the error quotes a key")
			}
		})
	}
}

// Settings files wrap long values; that must not lock everybody out.
func TestWhiteSpaceInAKeySetIsIgnored(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	set := string(keySet(t, key))
	i := strings.Index(set, `"n":"`) + 40
	wrapped := "\n  " + set[:i] + "\n\t " + set[i:] + "\n"
	v := verifier(t, gateway.Issuer{Issuer: lms, JWKSet: []byte(wrapped)}, noon)
	if _, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodRS512, key, good())); err != nil {
		t.Error(err)
	}
}
