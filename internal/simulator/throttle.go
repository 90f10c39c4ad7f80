package simulator

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// throttles are sliding logs of past calls, as REST framework keeps them.
type throttles struct {
	mu    sync.Mutex
	calls map[string][]time.Time
}

// allow reports whether one more call fits into limit calls per window, and how
// long to wait if not. Refused calls do not count.
func (t *throttles) allow(who string, limit int, window time.Duration, now time.Time) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	past := t.calls[who]
	for len(past) > 0 && now.Sub(past[0]) >= window {
		past = past[1:]
	}
	if t.calls == nil {
		t.calls = map[string][]time.Time{}
	}
	if len(past) < limit {
		t.calls[who] = append(past, now)
		return 0, true
	}
	t.calls[who] = past
	if len(past) == 0 {
		return window, false
	}
	return window - now.Sub(past[0]), false
}

// throttled is REST framework's 429, down to its grammar.
func throttled(wait time.Duration) *viewError {
	seconds := int(math.Ceil(wait.Seconds()))
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	text := fmt.Sprintf("Request was throttled. Expected available in %d %s.", seconds, unit)
	return &viewError{status: http.StatusTooManyRequests, message: text, retryAfter: seconds}
}

// enrollmentRate is shared by all views of the enrollment API. With an API key
// there is none.
func (s *Simulator) enrollmentRate(c *call) error {
	limit := s.opts.EnrollmentPerMinute
	if limit < 0 || c.caller.apiKey {
		return nil
	}
	if !c.caller.staff {
		limit = max(1, limit/3)
	}
	wait, ok := s.rates.allow("enrollment "+c.caller.username, limit, time.Minute, s.now())
	if !ok {
		return throttled(wait)
	}
	return nil
}

// enrollmentListRate is the same limit; its error loses Retry-After on the way,
// because the list's own error handler drops headers.
func (s *Simulator) enrollmentListRate(c *call) error {
	err := s.enrollmentRate(c)
	if f, ok := asViewError(err); ok && !s.opts.Build.ListRetryAfter {
		f.retryAfter = 0
		return f
	}
	return err
}

// tokenRate limits the token endpoint by client address, in HTML.
func (s *Simulator) tokenRate(c *call) error {
	if s.opts.TokensPerMinute == 0 {
		return nil
	}
	if _, ok := s.rates.allow("token "+address(c.req), s.opts.TokensPerMinute, time.Minute, s.now()); ok {
		return nil
	}
	if s.opts.Build.OldBuild {
		return instead(htmlReply(http.StatusForbidden))
	}
	return instead(htmlReply(http.StatusTooManyRequests))
}

// registrationRate limits account creation by client address.
func (s *Simulator) registrationRate(c *call) error {
	if s.opts.RegistrationsPerWeek < 0 || c.req.Method != http.MethodPost {
		return nil
	}
	if _, ok := s.rates.allow("registration "+address(c.req), s.opts.RegistrationsPerWeek, 7*24*time.Hour, s.now()); ok {
		return nil
	}
	return instead(jsonReply(http.StatusForbidden, map[string]string{"error_code": "forbidden-request"}))
}

// discoveryRate counts a user's calls of Discovery over all of its views.
func (s *Simulator) discoveryRate(c *call) error {
	limit := s.opts.DiscoveryPerHour
	if limit == 0 {
		if c.caller.staff {
			return nil
		}
		limit = 200
	}
	wait, ok := s.rates.allow("discovery "+c.caller.username, limit, time.Hour, s.now())
	if !ok {
		return throttled(wait)
	}
	return nil
}

// address is the client's, by which registrations and tokens are counted. Behind
// one gateway all callers share it, which is the point of the limit.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
