package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"registrar/internal/registrar"
)

// supportedVersion is the major version of the LMS's tokens that we understand.
const supportedVersion = 1

// claimSet is what a token says, before anything of it is believed. It is a map,
// not a struct, because encoding/json matches struct fields without case: "EXP"
// would overwrite "exp".
type claimSet struct{ jwt.MapClaims }

// UnmarshalJSON refuses a claim that is there twice: two readers would believe
// two different tokens.
func (s *claimSet) UnmarshalJSON(text []byte) error {
	s.MapClaims = jwt.MapClaims{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return errors.Join(errors.New("claims are not an object"), err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := name.(string) // a key of an object is always a string
		if _, twice := s.MapClaims[key]; twice {
			return errors.New("a claim is there twice")
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		s.MapClaims[key] = value
	}
	return nil
}

// issuer returns the iss claim, or "" when it is missing or no string.
func (s *claimSet) issuer() string { return s.text("iss") }

// issued returns the iat claim, or the zero time when it is missing or no time.
func (s *claimSet) issued() time.Time {
	if issued, err := s.GetIssuedAt(); err == nil && issued != nil {
		return issued.Time
	}
	return time.Time{}
}

func (s *claimSet) text(name string) string {
	text, _ := s.MapClaims[name].(string)
	return text
}

// email returns the address of the bearer, or "" for one that the LMS says nobody
// confirmed: anybody can register somebody else's, and memberships are promised
// to addresses. A token that says nothing of it is believed.
func (s *claimSet) email() string {
	if verified, told := s.MapClaims["email_verified"]; told && verified != true {
		return ""
	}
	return s.text("email")
}

// judge checks the claims of a token whose signature is good and returns what
// they say and when the token expires.
func (s *claimSet) judge(audience string, now time.Time, leeway time.Duration) (registrar.Claims, time.Time, error) {
	expires, err := s.clock(now, leeway)
	if err == nil {
		err = s.addressee(audience)
	}
	if err == nil {
		err = s.version()
	}
	if err != nil {
		return registrar.Claims{}, time.Time{}, err
	}
	username := s.text("preferred_username")
	if username == "" {
		username = s.text("username")
	}
	if username == "" {
		return registrar.Claims{}, time.Time{}, unauthenticated("missing_username", nameless, nil)
	}
	claims := registrar.Claims{Username: registrar.Username(username), Email: s.email()}
	if administrator, ok := s.MapClaims["administrator"].(bool); ok {
		claims.Administrator = &administrator
	}
	return claims, expires, nil
}

// clock checks the times and returns the expiry.
func (s *claimSet) clock(now time.Time, leeway time.Duration) (time.Time, error) {
	expires, expErr := s.GetExpirationTime()
	issued, iatErr := s.GetIssuedAt()
	before, nbfErr := s.GetNotBefore()
	if err := errors.Join(expErr, iatErr, nbfErr); err != nil || expires == nil || issued == nil {
		return time.Time{}, unauthenticated("token_malformed", invalid, err)
	}
	soon := now.Add(leeway)
	switch {
	case !now.Before(expires.Time):
		return time.Time{}, unauthenticated("token_expired", invalid, nil)
	case issued.After(soon), before != nil && before.After(soon):
		return time.Time{}, unauthenticated("token_not_yet_valid", invalid, nil)
	}
	return expires.Time, nil
}

// addressee checks that the token is meant for us, if its issuer says for whom
// its tokens are.
func (s *claimSet) addressee(audience string) error {
	if audience == "" {
		return nil
	}
	meant, err := s.GetAudience()
	if err != nil || !slices.Contains(meant, audience) {
		return unauthenticated("bad_audience", invalid, err)
	}
	return nil
}

// version accepts three numbers joined by dots, as the LMS writes them, up to the
// supported major one; a token without a version is of the first.
func (s *claimSet) version() error {
	claim, ok := s.MapClaims["version"]
	if !ok {
		return nil
	}
	text, _ := claim.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return unauthenticated("unsupported_version", invalid, nil)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || i == 0 && n > supportedVersion {
			return unauthenticated("unsupported_version", invalid, err)
		}
	}
	return nil
}
