package simulator_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

func TestTokenForms(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	for name, tc := range map[string]struct {
		extra url.Values
		alg   string
	}{
		"default":      {nil, "HS256"},
		"asymmetric":   {url.Values{"asymmetric_jwt": {"true"}}, "RS512"},
		"even false":   {url.Values{"asymmetric_jwt": {"false"}}, "RS512"},
		"empty is not": {url.Values{"asymmetric_jwt": {""}}, "HS256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := jwt.Parse(s.token("registrar-worker", tc.extra), func(tok *jwt.Token) (any, error) {
				if tok.Method.Alg() == "RS512" {
					return publicKey(t, s.sim.JWKSet()), nil
				}
				return []byte(s.sim.Secret()), nil
			}, jwt.WithIssuer(s.sim.Issuer()), jwt.WithAudience(s.sim.Audience()))
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := token.Header["kid"]; ok || token.Method.Alg() != tc.alg {
				t.Errorf("header = %v, want %s and no kid", token.Header, tc.alg)
			}
			s.send("GET", csPath+"/enrollments/", bearing("JWT", token.Raw), "").status(200)
		})
	}
}

// publicKey reads the RSA key of a JWK set by hand.
func publicKey(t *testing.T, set []byte) *rsa.PublicKey {
	t.Helper()
	var doc struct {
		Keys []struct{ Kty, N, E, Kid string } `json:"keys"`
	}
	if err := json.Unmarshal(set, &doc); err != nil || len(doc.Keys) != 1 || doc.Keys[0].Kty != "RSA" || doc.Keys[0].Kid != "" {
		t.Fatalf("key set %s: %v", set, err)
	}
	n, err := base64.RawURLEncoding.DecodeString(doc.Keys[0].N)
	if err != nil || doc.Keys[0].E != "AQAB" {
		t.Fatalf("key set %s: %v", set, err)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{Now: clock.Now, TokenTTL: 10 * time.Minute, Issuer: "https://iss.example/oauth2", Audience: "me"})
	claims := func(client string, extra url.Values) jwt.MapClaims {
		m := jwt.MapClaims{}
		if _, _, err := jwt.NewParser(jwt.WithJSONNumber()).ParseUnverified(s.token(client, extra), m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	got := claims("sis-worker", nil)
	delete(got, "sub")
	want := jwt.MapClaims{
		"iss": "https://iss.example/oauth2", "aud": "me", "iat": json.Number("1772452800"), "exp": json.Number("1772453400"),
		"preferred_username": "sis-worker", "scopes": []any{"read", "write", "email", "profile"}, "filters": []any{"content_org:NorthU"},
		"is_restricted": false, "email_verified": true, "version": "1.2.0", "grant_type": "client-credentials",
		"email": "sis-worker@staff.example.edu", "name": nil, "given_name": "", "family_name": "", "administrator": false, "superuser": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if got := claims("registrar-worker", nil)["administrator"]; got != true {
		t.Errorf("administrator = %v for the staff worker", got)
	}
	narrow := claims("registrar-worker", url.Values{"scope": {"read user_id"}})
	if _, ok := narrow["administrator"]; ok || narrow["user_id"] == nil || narrow["email"] != nil {
		t.Errorf("claims of a narrow scope = %v", narrow)
	}
}

func TestTokenEndpointAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {"plain-worker"}, "client_secret": {"fake-plain-worker-secret"}}
	with := func(k, v string) url.Values {
		f := url.Values{}
		for name, values := range good {
			f[name] = values
		}
		f.Set(k, v)
		return f
	}
	for name, tc := range map[string]struct {
		path   string
		form   url.Values
		status int
		member string
		want   string
	}{
		"opaque by default": {"/oauth2/access_token", good, 200, "token_type", "Bearer"},
		"with a slash":      {"/oauth2/access_token/", with("token_type", "jwt"), 200, "token_type", "JWT"},
		"scopes":            {"/oauth2/access_token/", good, 200, "scope", "read write email profile"},
		"wrong secret":      {"/oauth2/access_token", with("client_secret", "x"), 401, "error", "invalid_client"},
		"unknown client":    {"/oauth2/access_token", with("client_id", "x"), 401, "error", "invalid_client"},
		"wrong grant":       {"/oauth2/access_token", with("grant_type", "password"), 400, "error", "unsupported_grant_type"},
		"unknown scope":     {"/oauth2/access_token", with("scope", "read everything"), 400, "error", "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.post(tc.path, tc.form).status(tc.status).object()[tc.member]; got != tc.want {
				t.Errorf("%s = %v, want %q", tc.member, got, tc.want)
			}
		})
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Token-Type": {"jwt"}}
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("plain-worker:fake-plain-worker-secret")))
	if got := s.send("POST", "/oauth2/access_token", header, "grant_type=client_credentials").status(200).object()["token_type"]; got != "JWT" {
		t.Errorf("Basic and X-Token-Type gave %v", got)
	}
	s.send("POST", "/oauth2/access_token", http.Header{"Content-Type": {"application/json"}}, `{"grant_type":"client_credentials"}`).status(401)
}

func TestTokenLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old  bool
		want int
	}{"modern": {false, 429}, "old": {true, 403}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			s := start(t, simulator.Options{TokensPerMinute: 3, Now: clock.Now, Build: simulator.Build{OldBuild: tc.old}})
			s.token("plain-worker", nil)
			s.token("plain-worker", nil)
			a := s.post("/oauth2/access_token", nil).status(tc.want).html()
			if a.header.Get("Retry-After") != "" {
				t.Error("the token endpoint never says Retry-After")
			}
			clock.advance(time.Minute)
			s.token("plain-worker", nil)
		})
	}
}

// minted is a token with claims of our own choice.
func minted(t *testing.T, s site, changes jwt.MapClaims) string {
	t.Helper()
	m := jwt.MapClaims{
		"iss": s.sim.Issuer(), "aud": s.sim.Audience(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"preferred_username": "registrar-worker", "administrator": true,
	}
	for k, v := range changes {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, m).SignedString([]byte(s.sim.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	past := time.Now().Add(-time.Hour).Unix()
	forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"preferred_username": "registrar-worker"}).SignedString([]byte("another secret"))
	if err != nil {
		t.Fatal(err)
	}
	const none = "Authentication credentials were not provided."
	for name, tc := range map[string]struct {
		header string
		text   string
	}{
		"none":         {"", none},
		"prefix only":  {"JWT", none},
		"three parts":  {"JWT a b", none},
		"other prefix": {"Token " + s.jwt, none},
		"expired":      {"JWT " + minted(t, s, jwt.MapClaims{"exp": past}), "Token has expired."},
		"garbage":      {"JWT garbage", "Error decoding token."},
		"forged":       {"JWT " + forged, "Error decoding token."},
		"issuer":       {"JWT " + minted(t, s, jwt.MapClaims{"iss": "somebody"}), "Invalid token."},
		"audience":     {"JWT " + minted(t, s, jwt.MapClaims{"aud": "somebody"}), "Invalid token."},
		"no iat":       {"JWT " + minted(t, s, jwt.MapClaims{"iat": nil}), "Invalid token."},
		"nobody":       {"JWT " + minted(t, s, jwt.MapClaims{"preferred_username": nil}), "Invalid token."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Authorization": {tc.header}}
			a := s.send("GET", csPath+"/enrollments/", header, "").status(401)
			if diff := cmp.Diff(map[string]any{"developer_message": tc.text}, a.object()); diff != "" || a.header.Get("WWW-Authenticate") != "" {
				t.Errorf("developer family: %s, WWW-Authenticate %q", diff, a.header.Get("WWW-Authenticate"))
			}
			a = s.send("GET", "/api/user/v1/accounts?username="+ana, header, "").status(401)
			if diff := cmp.Diff(map[string]any{"detail": tc.text}, a.object()); diff != "" || a.header.Get("WWW-Authenticate") != `JWT realm="api"` {
				t.Errorf("plain family: %s, WWW-Authenticate %q", diff, a.header.Get("WWW-Authenticate"))
			}
		})
	}
	s.send("GET", csPath+"/enrollments/", bearing("jwt", s.jwt), "").status(200) // the prefix has no case
}

func TestBearer(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{Now: clock.Now})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"registrar-worker"}, "client_secret": {"fake-registrar-worker-secret"}}
	opaque, _ := s.post("/oauth2/access_token", form).status(200).object()["access_token"].(string)
	s.send("GET", csPath+"/enrollments/", bearing("Bearer", opaque), "").status(200)
	s.send("GET", "/api/v1/programs/", bearing("Bearer", opaque), "").status(401)

	code := func(path, token string) any {
		body := s.send("GET", path, bearing("Bearer", token), "").status(401).object()
		if inner, ok := body["developer_message"].(map[string]any); ok {
			return "nested " + text(inner["error_code"])
		}
		return body["error_code"]
	}
	if got := code(csPath+"/enrollments/", s.jwt); got != "nested token_nonexistent" {
		t.Errorf("a JWT as Bearer: %v", got)
	}
	if got := code("/api/user/v1/accounts/x", s.jwt); got != "token_nonexistent" {
		t.Errorf("plain family: %v", got)
	}
	clock.advance(11 * time.Hour)
	if got := code(csPath+"/enrollments/", opaque); got != "nested token_expired" {
		t.Errorf("an old opaque token: %v", got)
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{Now: clock.Now})
	clock.advance(59 * time.Minute)
	s.get(csPath + "/enrollments/").status(200)
	clock.advance(2 * time.Minute)
	s.get(csPath + "/enrollments/").status(401)

	s.jwt = s.token("registrar-worker", nil)
	s.control("POST", "expire_tokens", "").status(200)
	if got := s.get(csPath + "/enrollments/").status(401).object()["developer_message"]; got != "Token has expired." {
		t.Errorf("a token called back: %v", got)
	}
	clock.advance(time.Second)
	s.jwt = s.token("registrar-worker", nil)
	s.get(csPath + "/enrollments/").status(200)
}

// A stranger learns nothing: 403 comes before 404. Staff is the LMS's own word,
// not the token's.
func TestPermission(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	const unknown = "/api/program_enrollments/v1/programs/00000000-0000-4000-8000-000000000000/enrollments/"
	for _, client := range []string{"plain-worker", "sis-worker", "harbor-worker"} {
		s.as(client, csPath+"/enrollments/").status(403)
		s.as(client, unknown).status(403)
	}
	claimed := minted(t, s, jwt.MapClaims{"preferred_username": "somebody-new"})
	s.send("GET", csPath+"/enrollments/", bearing("JWT", claimed), "").status(403)
	s.get("/api/user/v1/accounts/somebody-new").status(200) // created by the mere token
	s.as("plain-worker", csPath+"/enrollments/?username=Plain-Worker").status(200)
	s.get(unknown).status(404)
}

func TestRestrictedApplication(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	restricted := func(scopes, filters []string) string {
		return minted(t, s, jwt.MapClaims{"is_restricted": true, "scopes": scopes, "filters": filters, "preferred_username": "plain-worker"})
	}
	grades := "/api/grades/v1/courses/" + csRun + "/?username=" + ana
	for name, tc := range map[string]struct {
		path            string
		scopes, filters []string
		want            int
	}{
		"scope and org":  {grades, []string{"grades:read"}, []string{"content_org:NorthU"}, 200},
		"no scope":       {grades, []string{"read"}, []string{"content_org:NorthU"}, 403},
		"other org":      {grades, []string{"grades:read"}, []string{"content_org:HarborX"}, 403},
		"case of org":    {grades, []string{"grades:read"}, []string{"content_org:northu"}, 403},
		"other user":     {grades, []string{"grades:read"}, []string{"content_org:NorthU", "user:me"}, 403},
		"never programs": {csPath + "/enrollments/", []string{"read", "grades:read"}, []string{"content_org:NorthU"}, 403},
		"mapping":        {"/api/third_party_auth/v0/providers/saml-northu/users", []string{"tpa:read"}, []string{"tpa_provider:saml-northu"}, 200},
		"other provider": {"/api/third_party_auth/v0/providers/saml-northu/users", []string{"tpa:read"}, []string{"tpa_provider:saml-harborx"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.send("GET", tc.path, bearing("JWT", restricted(tc.scopes, tc.filters)), "").status(tc.want)
		})
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	var names []string
	for _, c := range s.sim.Clients() {
		names = append(names, c.ID)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
		s.post("/oauth2/access_token", form).status(200)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"harbor-worker", "plain-worker", "registrar-worker", "sis-worker"}, names); diff != "" {
		t.Error(diff)
	}
}
