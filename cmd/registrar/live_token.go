package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// tokenText is what a JWT says, unchecked.
type tokenText struct {
	Algorithm     string
	Issuer        string          `json:"iss"`
	Audience      json.RawMessage `json:"aud"` // a text or a list
	IssuedAt      float64         `json:"iat"`
	Administrator *bool           `json:"administrator"`
}

// readToken reads a token without checking it; it was sent to us, and is not trusted.
func readToken(token string) (tokenText, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return tokenText{}, false
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	var text tokenText
	for i, into := range []any{&head, &text} {
		part, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(part, into) != nil {
			return tokenText{}, false
		}
	}
	text.Algorithm = head.Algorithm
	return text, true
}

// tokens fetches a token of each service account, as the gateway does.
func (s *liveSite) tokens(ctx context.Context) []finding {
	c := s.cfg
	one, found := s.fetch(ctx, "lms", upstream.TokenConfig{
		Name: "The LMS", BaseURL: c.LMS.URL, TokenURL: c.LMS.TokenURL,
		ClientID: c.LMS.ClientID, ClientSecret: c.LMS.ClientSecret.Reveal(),
	})
	s.lms, s.discovery = one, one
	if c.Discovery.ClientID == "" {
		return []finding{found}
	}
	other, alsoFound := s.fetch(ctx, "discovery", upstream.TokenConfig{
		Name: "Discovery's token endpoint", BaseURL: c.LMS.URL, TokenURL: c.Discovery.TokenURL,
		ClientID: c.Discovery.ClientID, ClientSecret: c.Discovery.ClientSecret.Reveal(),
	})
	s.discovery = other
	return []finding{found, alsoFound}
}

func (s *liveSite) fetch(ctx context.Context, section string, cfg upstream.TokenConfig) (account, finding) {
	cfg.Timeout, cfg.UserAgent = s.within, "openedx-registrar/"+version
	source, err := upstream.NewTokens(cfg)
	if err != nil {
		return account{}, fault("No token can be fetched: "+err.Error()+".", "Correct "+section+".client_id, its secret and its token_url.")
	}
	defer source.Close()
	start := time.Now()
	token, err := source.Token(ctx)
	if err != nil {
		return account{}, tokenFault(section, err, s.within)
	}
	says, readable := readToken(token)
	if !readable {
		return account{}, fault("The token endpoint hands out tokens that are no JWT.",
			"Let "+section+".token_url point at the LMS's /oauth2/access_token; the LMS must be allowed to issue JWTs (token_type=jwt).")
	}
	return account{token, says, start.Add(time.Since(start) / 2)}, well("%s.client_id gets a token (%s)", section, says.Algorithm)
}

// tokenFault says why there is no token, by the code that the fetch gives.
func tokenFault(section string, err error, within time.Duration) finding {
	account, at := section+".client_id", section+".token_url"
	switch registrar.CodeOf(err) {
	case "service_account_refused":
		return fault("The token endpoint refuses "+account+".",
			"Correct "+account+" and "+section+".client_secret: the LMS's OAuth application (Django admin, /admin/oauth2_provider/application/) must be confidential, of grant type client-credentials.")
	case "service_account_throttled":
		return fault("The token endpoint limits this address or refuses it.",
			"Wait a minute; if it stays, raise the LMS's RATELIMIT_RATE or let this machine's address through. Replicas fetch one token each an hour.")
	case "service_account_expired":
		return fault("The LMS issues tokens that have already ended by this machine's clock.", "Set both clocks by NTP.")
	case "token_endpoint_redirect":
		return fault("The token endpoint redirects.",
			"Correct "+at+": https instead of http, and no slash at the end of /oauth2/access_token.")
	case "token_endpoint_rejected":
		return fault("There is no token endpoint at the configured address.", "Correct "+at+"; it is the LMS's address with /oauth2/access_token.")
	case "token_endpoint_timeout":
		return fault(fmt.Sprintf("The token endpoint gives no answer within %s.", within), "Correct "+at+", or look at the LMS.")
	case "token_endpoint_unreachable":
		return fault("The token endpoint cannot be reached.", "Correct "+at+", or let this machine reach it.")
	}
	return fault("The token endpoint fails ("+registrar.CodeOf(err)+").", "Look at the LMS's log.")
}

// issuer verifies the service account's token as if a caller had sent it: the
// LMS signs both.
func (s *liveSite) issuer(ctx context.Context) finding {
	if s.lms.token == "" {
		return skip("there is no token to look at")
	}
	verifier, err := newVerifier(s.cfg.Auth, nil)
	if err != nil {
		return fault("No token can be verified: "+err.Error()+".", "Correct auth.issuers.")
	}
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	says := s.lms.says
	_, err = verifier.Verify(ctx, s.lms.token)
	switch registrar.CodeOf(err) {
	case "unknown_issuer":
		return fault(fmt.Sprintf("The LMS issues tokens as %q, which is none of auth.issuers.", says.Issuer),
			fmt.Sprintf("Set auth.issuers[].issuer to %q, to the letter.", says.Issuer))
	case "bad_audience":
		return fault(fmt.Sprintf("The LMS's tokens are for the audience %s, which auth.issuers does not expect.", says.Audience),
			fmt.Sprintf("Set auth.issuers[].audience to %s.", says.Audience))
	case "bad_signature":
		return fault(fmt.Sprintf("No configured key fits the signature (%s) of the LMS's tokens.", says.Algorithm), keyFix(says.Algorithm))
	case "keys_unavailable":
		return fault("The issuer's keys cannot be fetched.", "Correct the issuer's jwks_url, or let this machine reach it.")
	case "token_not_yet_valid", "token_expired":
		return skip("the clocks differ too much to verify a token")
	}
	if err != nil {
		return fault("The LMS's tokens are refused ("+registrar.CodeOf(err)+").", "Look at the LMS's JWT_AUTH settings.")
	}
	return well("tokens of %s verify", says.Issuer)
}

func keyFix(algorithm string) string {
	if algorithm == "HS256" {
		return "Set the issuer's hs256_secret to SECRET_KEY of the LMS's JWT_ISSUERS entry, or have the LMS sign with its RSA key."
	}
	return "Set the issuer's jwk_set to the LMS's JWT_PUBLIC_SIGNING_JWK_SET."
}

// clock compares this machine's clock with the LMS's: by the token if there is
// one, else by the Date header.
func (s *liveSite) clock(ctx context.Context) finding {
	// A whole second is lost in each of the two.
	allowed := max(time.Duration(s.cfg.Auth.Leeway), 2*time.Second)
	var skew time.Duration
	switch {
	case s.lms.says.IssuedAt > 0:
		skew = time.Duration((s.lms.says.IssuedAt - float64(s.lms.asked.Unix())) * float64(time.Second))
	default:
		r, err := s.ask(ctx, "The LMS", s.cfg.LMS.URL+lmsPath, "")
		if err != nil {
			return skip("the LMS does not tell its time")
		}
		date, err := http.ParseTime(r.header.Get("Date"))
		if err != nil {
			return skip("the LMS does not tell its time")
		}
		skew = date.Sub(r.at)
	}
	if skew.Abs() <= allowed {
		return well("the LMS's clock is within %s of this machine's", allowed)
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return fault(fmt.Sprintf("The LMS's clock is %s %s this machine's, more than auth.leeway forgives (%s).",
		time.Duration(math.Round(skew.Abs().Seconds()))*time.Second, direction, allowed), "Set both clocks by NTP.")
}
