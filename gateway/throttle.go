package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// The headers that tell a caller what is left, as most APIs of the web do.
const (
	headerLimit     = "RateLimit-Limit"     // requests at once
	headerRemaining = "RateLimit-Remaining" // requests
	headerReset     = "RateLimit-Reset"     // seconds until all of them are back
)

// The outcomes of a limit, as [Observation.Limit] tells them.
const (
	limitKept      = "allowed"
	limitBroken    = "limited"   // refused with 429
	limitObserved  = "observed"  // would have been refused
	limitUnchecked = "unchecked" // nobody could count
)

// throttle counts a request of the caller that ctx carries against the limit of
// its class.
func (g *Gateway) throttle(c *fiber.Ctx, caller registrar.Username, class string) error {
	limits := g.limits.Load()
	limit := limits.of(class)
	if limit.none() {
		return nil
	}
	v := visitOf(c)
	verdict, err := g.limiter.Allow(c.UserContext(), limitKey(class, string(caller)), limit)
	switch {
	case err != nil && limits.Observe:
		v.limit = limitUnchecked
		return nil
	case err != nil:
		v.limit = limitUnchecked
		return fmt.Errorf("gateway: limit of %q: %w", class, err)
	case verdict.Unchecked:
		v.limit = limitUnchecked
		return nil
	case limits.Observe:
		v.limit = limitKept
		if !verdict.Allowed {
			v.limit = limitObserved
		}
		return nil
	}
	c.Set(headerLimit, strconv.Itoa(limit.Burst))
	c.Set(headerRemaining, strconv.Itoa(verdict.Remaining))
	c.Set(headerReset, strconv.Itoa(wholeSeconds(verdict.ResetAfter)))
	if !verdict.Allowed {
		v.limit = limitBroken
		return tooMany("rate_limited", verdict.RetryAfter)
	}
	v.limit = limitKept
	return nil
}

// limitKey names a caller to a [Limiter] without telling who it is: a limiter may
// keep its keys outside of this process.
func limitKey(class, name string) string {
	sum := sha256.Sum256([]byte(name))
	return "registrar:limit:" + class + ":" + hex.EncodeToString(sum[:16])
}

// tooMany words a refusal as the original's framework does.
func tooMany(code string, wait time.Duration) error {
	seconds, unit := max(wholeSeconds(wait), 1), "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return &registrar.Error{
		Kind: registrar.TooMany, Code: code, RetryAfter: time.Duration(seconds) * time.Second,
		Detail: fmt.Sprintf("Request was throttled. Expected available in %d %s.", seconds, unit),
	}
}

// wholeSeconds rounds up: a caller who waits that long has waited long enough.
func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
