package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// leeway is how far the site lets a token's clock be off.
const leeway = time.Second

// caller is who a request comes from.
type caller struct {
	username   string
	staff      bool
	apiKey     bool
	restricted bool // a JWT of a restricted application: scopes and filters decide
	scopes     []string
	filters    []string
}

const notProvided = "Authentication credentials were not provided."

// authenticate reads the Authorization header. Anything but a known prefix and
// one more word is no credentials at all, not bad ones.
func (s *Simulator) authenticate(r *http.Request, v view) (caller, error) {
	key := r.Header.Get("X-Edx-Api-Key") == APIKey
	words := strings.Fields(r.Header.Get("Authorization"))
	switch {
	case len(words) == 2 && strings.EqualFold(words[0], "JWT"):
		return s.byJWT(words[1], v, key)
	case len(words) == 2 && strings.EqualFold(words[0], "Bearer") && !v.jwtOnly:
		return s.byBearer(words[1], key)
	case key:
		return caller{apiKey: true}, nil
	}
	return caller{}, fail(http.StatusUnauthorized, notProvided)
}

// byJWT finds the user by preferred_username and creates it when absent, as the
// LMS does. Staff is what the LMS's own table says, whatever the token claims.
func (s *Simulator) byJWT(token string, v view, key bool) (caller, error) {
	claims, problem := s.verify(token)
	if problem != "" {
		if v.jwtOnly { // Discovery does not tell the reasons apart.
			problem = "Invalid token."
		}
		return caller{}, fail(http.StatusUnauthorized, problem)
	}
	c := caller{
		username: claims.Username, apiKey: key,
		restricted: claims.Restricted, scopes: claims.Scopes, filters: claims.Filters,
	}
	if v.jwtOnly {
		c.staff = s.roles.staff(claims)
		return c, nil
	}
	c.staff = s.userOf(claims).staff
	return c, nil
}

// userOf looks again under the write lock: two first requests of one new user
// must make one account.
func (s *Simulator) userOf(c claims) account {
	s.world.mu.RLock()
	a, ok := s.world.account(c.Username)
	s.world.mu.RUnlock()
	if ok {
		return a
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if a, ok = s.world.account(c.Username); ok {
		return a
	}
	return s.world.newAccount(c.Username, c.Email, "", true)
}

// byBearer looks an opaque token up. A JWT sent here is just an unknown one.
func (s *Simulator) byBearer(token string, key bool) (caller, error) {
	username, state := s.tokens.owner(token, s.now())
	if state != "" {
		text := "The provided access token does not match any valid tokens."
		if state == "token_expired" {
			text = "The provided access token has expired and is no longer valid."
		}
		return caller{}, fail(http.StatusUnauthorized, map[string]string{"error_code": state, "developer_message": text})
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	a, _ := s.world.account(username)
	return caller{username: username, staff: a.staff, apiKey: key}, nil
}

// is reports whether the caller is that user, whatever the case.
func (c caller) is(username string) bool {
	return c.username != "" && strings.EqualFold(c.username, username)
}

// forbidden is REST framework's 403.
func forbidden() *viewError {
	return fail(http.StatusForbidden, "You do not have permission to perform this action.")
}

// restrictedAccess is the LMS's main permission: staff, or a caller who asks
// about themselves, or a restricted application with scope and filters that fit.
// Program views declare no scope, so restricted applications never pass them.
func restrictedAccess(scope string, user, course func(*call) string) func(*call) error {
	return func(c *call) error {
		username := user(c)
		if c.caller.restricted {
			if scope == "" || !c.caller.mayRead(scope, username, course(c)) {
				return forbidden()
			}
			return nil
		}
		if !c.caller.staff && !c.caller.is(username) {
			return forbidden()
		}
		return nil
	}
}

// mayRead is the rule for restricted applications: the scope, the organization by
// case, and the user filter if the token has one.
func (c caller) mayRead(scope, username, courseKey string) bool {
	org := ""
	if key, ok := parseCourseKey(courseKey); ok {
		org = key.org
	}
	if !slices.Contains(c.scopes, scope) || org == "" || !slices.Contains(c.filters, "content_org:"+org) {
		return false
	}
	for _, f := range c.filters {
		if who, ok := strings.CutPrefix(f, "user:"); ok {
			return who == "me" && c.is(username) || strings.EqualFold(who, username)
		}
	}
	return true
}

// queriedUser is the username that a view without one in its path asks about.
// By the LMS's code a caller who is not staff passes a program view with
// "?username=<self>"; nobody should build on that.
func queriedUser(c *call) string { return c.query.Get("username") }

// noCourse is for views without a course in their path; no organization fits.
func noCourse(*call) string { return "" }

// staffOnly is REST framework's IsAdminUser.
func staffOnly(c *call) error {
	if !c.caller.staff {
		return forbidden()
	}
	return nil
}
