package simulator

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenBook remembers what was issued: opaque tokens to look them up, JWTs to be
// able to call them back before their time.
type tokenBook struct {
	mu     sync.Mutex
	opaque map[string]issued
	jwts   map[string]issued
	dead   map[string]issued
}

type issued struct {
	username string
	expires  time.Time
}

// bookSize is when a book throws expired tokens out.
const bookSize = 10_000

// keep bounds a shelf: expired tokens go first, and then any.
func (b *tokenBook) keep(shelf *map[string]issued, token string, i issued, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *shelf == nil {
		*shelf = map[string]issued{}
	}
	if len(*shelf) >= bookSize {
		for t, i := range *shelf {
			if len(*shelf) >= bookSize || now.After(i.expires) {
				delete(*shelf, t)
			}
		}
	}
	(*shelf)[token] = i
}

// owner returns the user of an opaque token, or why there is none.
func (b *tokenBook) owner(token string, now time.Time) (username, problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.opaque[token]
	switch {
	case !ok:
		return "", "token_nonexistent"
	case now.After(i.expires):
		return "", "token_expired"
	}
	return i.username, ""
}

// expireAll makes every token issued so far count as expired and says how many.
func (b *tokenBook) expireAll() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.jwts) + len(b.opaque)
	if b.dead == nil || len(b.dead) > bookSize {
		b.dead = map[string]issued{}
	}
	for t, i := range b.jwts {
		b.dead[t] = i
	}
	b.jwts = nil
	for t, i := range b.opaque {
		i.expires = time.Time{}
		b.opaque[t] = i
	}
	return n
}

// recalled reports whether expireAll has met the token.
func (b *tokenBook) recalled(token string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.dead[token]
	return ok
}

// oauthError is the token endpoint's own way to word an error.
func oauthError(status int, word string) reply {
	return jsonReply(status, map[string]string{"error": word})
}

// issueToken is the OAuth token endpoint for client credentials.
func (s *Simulator) issueToken(c *call) (reply, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || !strings.HasPrefix(c.req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form = url.Values{}
	}
	client, ok := authenticClient(c.req, form)
	if !ok {
		return oauthError(http.StatusUnauthorized, "invalid_client"), nil
	}
	if form.Get("grant_type") != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type"), nil
	}
	scopes := strings.Fields(form.Get("scope"))
	known := strings.Fields("read write email profile user_id grades:read certificates:read tpa:read")
	for _, scope := range scopes {
		if !slices.Contains(known, scope) {
			return oauthError(http.StatusBadRequest, "invalid_scope"), nil
		}
	}
	if len(scopes) == 0 {
		scopes = []string{"read", "write", "email", "profile"}
	}
	return s.tokenReply(c, form, client, scopes)
}

// authenticClient takes credentials from the form or from a Basic header.
func authenticClient(r *http.Request, form url.Values) (Client, bool) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, secret = user, pass
	}
	for _, c := range clients() {
		if c.ID == id && c.Secret == secret {
			return c, true
		}
	}
	return Client{}, false
}

// opaqueLife is the toolkit's default for tokens that are no JWT.
const opaqueLife = 10 * time.Hour

// tokenReply issues an opaque token unless a JWT is asked for, in the form or by
// header. The two live for different times.
func (s *Simulator) tokenReply(c *call, form url.Values, client Client, scopes []string) (reply, error) {
	now := s.now()
	body := map[string]any{"scope": strings.Join(scopes, " ")}
	if !strings.EqualFold(form.Get("token_type"), "jwt") && !strings.EqualFold(c.req.Header.Get("X-Token-Type"), "jwt") {
		token := rand.Text()
		s.tokens.keep(&s.tokens.opaque, token, issued{client.ID, now.Add(opaqueLife)}, now)
		body["access_token"], body["token_type"], body["expires_in"] = token, "Bearer", int(opaqueLife.Seconds())
		return jsonReply(http.StatusOK, body), nil
	}
	// Any text asks for the RSA key, "false" too.
	token, err := s.keys.sign(s.claimsOf(client, scopes, now), form.Get("asymmetric_jwt") != "")
	if err != nil {
		return reply{}, err
	}
	s.tokens.keep(&s.tokens.jwts, token, issued{client.ID, now.Add(s.opts.TokenTTL)}, now)
	body["access_token"], body["token_type"], body["expires_in"] = token, "JWT", int(s.opts.TokenTTL.Seconds())
	return jsonReply(http.StatusOK, body), nil
}

// claimsOf are the claims of a token that acts as the client's user.
func (s *Simulator) claimsOf(client Client, scopes []string, now time.Time) jwt.MapClaims {
	s.world.mu.RLock()
	user, _ := s.world.account(client.ID)
	s.world.mu.RUnlock()
	filters := []string{}
	if client.ContentOrg != "" {
		filters = append(filters, "content_org:"+client.ContentOrg)
	}
	m := jwt.MapClaims{
		"iss": s.opts.Issuer, "aud": s.opts.Audience, "iat": now.Unix(), "exp": now.Add(s.opts.TokenTTL).Unix(),
		"preferred_username": client.ID, "sub": strconv.FormatUint(dice{s.opts.Seed}.roll("sub"+client.ID), 16),
		"scopes": scopes, "filters": filters, "is_restricted": false, "email_verified": user.active,
		"version": "1.2.0", "grant_type": "client-credentials",
	}
	if slices.Contains(scopes, "email") {
		m["email"] = user.email
	}
	if slices.Contains(scopes, "profile") {
		m["name"], m["given_name"], m["family_name"] = nil, "", ""
		m["administrator"], m["superuser"] = user.staff, false
	}
	if slices.Contains(scopes, "user_id") {
		m["user_id"] = user.id
	}
	return m
}
