package gateway_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// noon is the time at which the tests' verifiers live.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySet is the JWK set of the public halves of keys.
func keySet(t *testing.T, keys ...*rsa.PrivateKey) []byte {
	t.Helper()
	type jwk struct {
		Kty string `json:"kty"`
		Kid string `json:"kid"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for range keys {
		set.Keys = append(set.Keys, jwk{Kty: "RSA", Kid: "lms"})
	}
	for i, key := range keys {
		set.Keys[i].N = base64.RawURLEncoding.EncodeToString(key.N.Bytes())
		set.Keys[i].E = base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// good is what the LMS says of ada at noon.
func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": lms, "aud": "openedx", "iat": noon().Unix(), "exp": noon().Add(time.Hour).Unix(), "version": "1.2.0",
		"preferred_username": "ada", "email": "ada@school.example", "administrator": false,
	}
}

// with is good with one claim set, or dropped when value is absent.
func with(name string, value any) jwt.MapClaims {
	claims := good()
	if claims[name] = value; value == (absent{}) {
		delete(claims, name)
	}
	return claims
}

type absent struct{}

// assembled signs parts that no library would make.
func assembled(header, payload string, sign func(text string) []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(sign(text))
}

func hs256(t *testing.T, key []byte) func(string) []byte {
	t.Helper()
	return func(text string) []byte {
		signature, err := jwt.SigningMethodHS256.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

func rs512(t *testing.T, key *rsa.PrivateKey) func(string) []byte {
	t.Helper()
	return func(text string) []byte {
		signature, err := jwt.SigningMethodRS512.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

func unsigned(string) []byte { return nil }

func payload(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const symmetric = "https://second.example.org/oauth2"

// mint makes tokens at noon: two issuers, of which the first signs with two RSA
// keys and the second with a secret.
type mint struct {
	t                     *testing.T
	own, second, stranger *rsa.PrivateKey
	set                   []byte
	verifier              *gateway.Verifier
}

func newMint(t *testing.T) *mint {
	t.Helper()
	m := &mint{t: t, own: rsaKey(t), second: rsaKey(t), stranger: rsaKey(t)}
	m.set = keySet(t, m.own, m.second)
	v, err := gateway.NewVerifier([]gateway.Issuer{
		{Issuer: lms, Audience: "openedx", JWKSet: m.set},
		{Issuer: symmetric, HS256Secret: secret},
	}, gateway.VerifierConfig{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	m.verifier = v
	return m
}

// rs signs as the first issuer does, hs as the second.
func (m *mint) rs(claims jwt.MapClaims) string {
	return signed(m.t, jwt.SigningMethodRS512, m.own, claims)
}

func (m *mint) hs(claims jwt.MapClaims) string {
	return signed(m.t, jwt.SigningMethodHS256, []byte(secret), claims)
}

// kid names a key in the header of a good token.
func (m *mint) kid(kid string) string {
	header, err := json.Marshal(map[string]string{"alg": "RS512", "typ": "JWT", "kid": kid})
	if err != nil {
		m.t.Fatal(err)
	}
	return assembled(string(header), payload(m.t, good()), rs512(m.t, m.own))
}

// raw signs claims that need not be JSON.
func (m *mint) raw(claims string) string {
	return assembled(`{"alg":"RS512"}`, claims, rs512(m.t, m.own))
}

// forged puts the claims of a good token under a header and a signature.
func (m *mint) forged(header string, sign func(string) []byte) string {
	return assembled(header, payload(m.t, good()), sign)
}

// at is a time as a token tells it, d after noon.
func at(d time.Duration) int64 { return noon().Add(d).Unix() }

func TestGoodTokens(t *testing.T) {
	t.Parallel()
	m := newMint(t)
	bare := with("username", "ada")
	delete(bare, "preferred_username")
	for name, token := range map[string]string{
		"RS512 without kid":       m.rs(good()),
		"RS512 by the second key": signed(t, jwt.SigningMethodRS512, m.second, good()),
		"RS256":                   signed(t, jwt.SigningMethodRS256, m.own, good()),
		"kid of the key":          m.kid("lms"),
		"kid of no key":           m.kid("rotated"),
		"kid with a path":         m.kid("../../../../dev/null"),
		"kid with SQL":            m.kid("x' UNION SELECT 'secret'; --"),
		"HS256 of its issuer":     m.hs(with("iss", symmetric)),
		"audience list":           m.rs(with("aud", []string{"other", "openedx"})),
		"no version":              m.rs(with("version", absent{})),
		"username alone":          m.rs(bare),
		"expires in a second":     m.rs(with("exp", at(time.Second))),
		"issued within leeway":    m.rs(with("iat", at(30*time.Second))),
		"starts within leeway":    m.rs(with("nbf", at(30*time.Second))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			no := false
			want := registrar.Claims{Username: "ada", Email: "ada@school.example", Administrator: &no}
			claims, err := m.verifier.Verify(t.Context(), token)
			if diff := cmp.Diff(want, claims); err != nil || diff != "" {
				t.Errorf("refused: %v\nclaims (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	m := newMint(t)
	twice := strings.Replace(payload(t, good()), "{", `{"preferred_username":"eve",`, 1)
	shouted := strings.Replace(payload(t, with("exp", at(-time.Minute))), "{", `{"EXP":9999999999,`, 1)
	for name, tc := range map[string]struct{ token, code string }{
		"empty":                             {"", "token_malformed"},
		"garbage":                           {"a.b.c", "token_malformed"},
		"two parts":                         {"a.b", "token_malformed"},
		"a thousand dots":                   {strings.Repeat(".", 1000), "token_malformed"},
		"longer than is read":               {m.rs(with("pad", strings.Repeat("x", 16<<10))), "token_malformed"},
		"payload is no object":              {m.raw(`[1]`), "token_malformed"},
		"payload is null":                   {m.raw(`null`), "unknown_issuer"},
		"payload is no JSON":                {m.raw(`{"iss":`), "token_malformed"},
		"a claim twice":                     {m.raw(twice), "token_malformed"},
		"alg none":                          {m.forged(`{"alg":"none"}`, unsigned), "bad_signature"},
		"alg None":                          {m.forged(`{"alg":"None"}`, unsigned), "bad_signature"},
		"alg twice":                         {m.forged(`{"alg":"RS512","alg":"none"}`, unsigned), "bad_signature"},
		"alg in another case":               {m.forged(`{"ALG":"RS512"}`, unsigned), "bad_signature"},
		"alg is a list":                     {m.forged(`{"alg":["RS512"]}`, rs512(t, m.own)), "bad_signature"},
		"header is no object":               {m.forged(`"RS512"`, rs512(t, m.own)), "token_malformed"},
		"padded":                            {m.rs(good()) + "==", "token_malformed"},
		"in five parts":                     {m.rs(good()) + ".a.b", "token_malformed"},
		"expiry is true":                    {m.rs(with("exp", true)), "token_malformed"},
		"no alg":                            {m.forged(`{}`, rs512(t, m.own)), "bad_signature"},
		"no signature":                      {strings.Join(strings.Split(m.rs(good()), ".")[:2], ".") + ".", "bad_signature"},
		"RS384":                             {signed(t, jwt.SigningMethodRS384, m.own, good()), "bad_signature"},
		"PS512":                             {signed(t, jwt.SigningMethodPS512, m.own, good()), "bad_signature"},
		"HS512":                             {signed(t, jwt.SigningMethodHS512, []byte(secret), with("iss", symmetric)), "bad_signature"},
		"stranger's key":                    {signed(t, jwt.SigningMethodRS512, m.stranger, good()), "bad_signature"},
		"stranger's key, kid of ours":       {m.forged(`{"alg":"RS512","kid":"lms"}`, rs512(t, m.stranger)), "bad_signature"},
		"own key in the header":             {m.forged(`{"alg":"RS512","jwk":`+string(keySet(t, m.stranger))+`}`, rs512(t, m.stranger)), "bad_signature"},
		"secret is the public key set":      {m.forged(`{"alg":"HS256"}`, hs256(t, m.set)), "bad_signature"},
		"secret is the modulus":             {m.forged(`{"alg":"HS256"}`, hs256(t, m.own.N.Bytes())), "bad_signature"},
		"empty secret":                      {m.forged(`{"alg":"HS256"}`, hs256(t, nil)), "bad_signature"},
		"another issuer's secret":           {m.hs(good()), "bad_signature"},
		"another issuer's key":              {m.rs(with("iss", symmetric)), "bad_signature"},
		"unknown issuer":                    {m.rs(with("iss", "https://evil.example")), "unknown_issuer"},
		"no issuer":                         {m.rs(with("iss", absent{})), "unknown_issuer"},
		"issuer list":                       {m.rs(with("iss", []string{lms})), "unknown_issuer"},
		"wrong audience":                    {m.rs(with("aud", "other")), "bad_audience"},
		"no audience":                       {m.rs(with("aud", absent{})), "bad_audience"},
		"audience null":                     {m.rs(with("aud", nil)), "bad_audience"},
		"audience number":                   {m.rs(with("aud", 1)), "bad_audience"},
		"audience list of others":           {m.rs(with("aud", []string{"a", "b"})), "bad_audience"},
		"audience list with a number":       {m.rs(with("aud", []any{"openedx", 1})), "bad_audience"},
		"no expiry":                         {m.rs(with("exp", absent{})), "token_malformed"},
		"expiry is text":                    {m.rs(with("exp", "tomorrow")), "token_malformed"},
		"expiry in another case":            {m.raw(shouted), "token_expired"},
		"expired now":                       {m.rs(with("exp", at(0))), "token_expired"},
		"expired in this second":            {m.rs(with("exp", float64(at(0))+0.5)), "token_expired"},
		"expired within the leeway of iat":  {m.rs(with("exp", at(-time.Second))), "token_expired"},
		"no issue time":                     {m.rs(with("iat", absent{})), "token_malformed"},
		"issued beyond leeway":              {m.rs(with("iat", at(31*time.Second))), "token_not_yet_valid"},
		"starts beyond leeway":              {m.rs(with("nbf", at(31*time.Second))), "token_not_yet_valid"},
		"start is text":                     {m.rs(with("nbf", "soon")), "token_malformed"},
		"version 2":                         {m.rs(with("version", "2.0.0")), "unsupported_version"},
		"version with one part":             {m.rs(with("version", "1")), "unsupported_version"},
		"version with words":                {m.rs(with("version", "1.x.0")), "unsupported_version"},
		"version number":                    {m.rs(with("version", 1.2)), "unsupported_version"},
		"version null":                      {m.rs(with("version", nil)), "unsupported_version"},
		"no username":                       {m.rs(with("preferred_username", absent{})), "missing_username"},
		"empty username":                    {m.rs(with("preferred_username", "")), "missing_username"},
		"username number":                   {m.rs(with("preferred_username", 7)), "missing_username"},
		"signature of one, claims of other": {splice(m.rs(good()), m.rs(with("preferred_username", "eve"))), "bad_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := m.verifier.Verify(t.Context(), tc.token)
			if diff := cmp.Diff(registrar.Claims{}, claims); diff != "" {
				t.Errorf("a refused token still told (-want +got):\n%s", diff)
			}
			e, ok := errors.AsType[*registrar.Error](err)
			if !ok || e.Kind != registrar.Unauthenticated || e.Code != tc.code {
				t.Fatalf("error = %v (%s), want code %s", err, registrar.CodeOf(err), tc.code)
			}
			sentence := "Invalid token."
			if tc.code == "missing_username" {
				sentence = "JWT must include a preferred_username or username claim!"
			}
			if e.Detail != sentence {
				t.Errorf("detail = %q, want %q", e.Detail, sentence)
			}
		})
	}
}

// splice is the claims of b under the signature of a.
func splice(a, b string) string {
	return b[:strings.LastIndex(b, ".")] + a[strings.LastIndex(a, "."):]
}

func TestAudienceIsUncheckedWhenTheIssuerHasNone(t *testing.T) {
	t.Parallel()
	v := verifier(t, gateway.Issuer{Issuer: lms, HS256Secret: secret}, noon)
	for _, aud := range []any{"anybody", nil, absent{}} {
		token := signed(t, jwt.SigningMethodHS256, []byte(secret), with("aud", aud))
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("aud %v: %v", aud, err)
		}
	}
}

func TestAdministratorIsUnknownWithoutTheProfileScope(t *testing.T) {
	t.Parallel()
	v := verifier(t, gateway.Issuer{Issuer: lms, HS256Secret: secret}, noon)
	for name, tc := range map[string]struct {
		claim any
		want  string
	}{
		"absent": {absent{}, "null"}, "text": {"true", "null"}, "true": {true, "true"}, "false": {false, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodHS256, []byte(secret), with("administrator", tc.claim)))
			got, _ := json.Marshal(claims.Administrator)
			if err != nil || string(got) != tc.want {
				t.Errorf("administrator = %s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

// An address that its owner did not confirm may be anybody's: memberships are
// promised to addresses.
func TestAnUnverifiedAddressIsNotTold(t *testing.T) {
	t.Parallel()
	v := verifier(t, gateway.Issuer{Issuer: lms, HS256Secret: secret}, noon)
	const address = "ada@school.example"
	for name, tc := range map[string]struct {
		claim any
		want  string
	}{
		"absent": {absent{}, address}, "true": {true, address},
		"false": {false, ""}, "null": {nil, ""}, "text": {"true", ""}, "number": {1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodHS256, []byte(secret), with("email_verified", tc.claim)))
			if err != nil || claims.Email != tc.want || claims.Username != "ada" {
				t.Errorf("claims = %+v, %v; want the address %q", claims, err, tc.want)
			}
		})
	}
}

func verifier(t *testing.T, issuer gateway.Issuer, now func() time.Time) *gateway.Verifier {
	t.Helper()
	v, err := gateway.NewVerifier([]gateway.Issuer{issuer}, gateway.VerifierConfig{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// source is a [gateway.KeySource] made of a function.
type source func() (*gateway.KeySet, error)

func (s source) Keys(context.Context) (*gateway.KeySet, error) { return s() }

func (s source) Newer(context.Context, *gateway.KeySet, time.Time) (*gateway.KeySet, error) {
	return s()
}

func TestKeysThatCannotBeHadAreNotTheCallersFault(t *testing.T) {
	t.Parallel()
	v := verifier(t, gateway.Issuer{Issuer: lms, Source: source(func() (*gateway.KeySet, error) {
		return nil, errors.New("connection refused")
	})}, noon)
	_, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodRS512, rsaKey(t), good()))
	if registrar.KindOf(err) != registrar.Unavailable || registrar.CodeOf(err) != "keys_unavailable" {
		t.Errorf("error = %v, want keys_unavailable", err)
	}
}

func TestAGoodTokenIsRememberedUntilItExpiresOrItsKeysChange(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	var now atomic.Int64
	keys := &gateway.KeySet{Keys: []*rsa.PublicKey{&key.PublicKey}}
	var outcomes []string
	v, err := gateway.NewVerifier([]gateway.Issuer{{Issuer: lms, Source: source(func() (*gateway.KeySet, error) { return keys, nil })}},
		gateway.VerifierConfig{
			Now:     func() time.Time { return noon().Add(time.Duration(now.Load())) },
			OnToken: func(outcome string) { outcomes = append(outcomes, outcome) },
		})
	if err != nil {
		t.Fatal(err)
	}
	long := signed(t, jwt.SigningMethodRS512, key, good())
	short := signed(t, jwt.SigningMethodRS512, key, with("exp", noon().Add(time.Minute).Unix()))
	verify := func(token, want string) {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if got := outcomes[len(outcomes)-1]; got != want || err == nil != (want == "verified" || want == "remembered") {
			t.Errorf("after %s: %s, %v; want %s", time.Duration(now.Load()), got, err, want)
		}
	}
	verify(long, "verified")
	verify(short, "verified")
	verify(long, "remembered")
	verify(long[:len(long)-4]+"AAAA", "bad_signature")
	now.Store(int64(time.Minute))
	verify(short, "token_expired")
	verify(long, "remembered")
	// Another set with the same key in it: verified again.
	keys = &gateway.KeySet{Keys: []*rsa.PublicKey{&rsaKey(t).PublicKey, &key.PublicKey}}
	verify(long, "verified")
	verify(long, "remembered")
	// The key is withdrawn: the token is worth nothing from now on.
	keys = &gateway.KeySet{Keys: keys.Keys[:1]}
	verify(long, "bad_signature")
	keys = &gateway.KeySet{}
	verify(long, "bad_signature")
}
