package gateway

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// verify judges a token for the client who sent it. Bad ones are counted by the
// client's address, and when there were too many the signatures of further
// unknown ones are not checked.
func (g *Gateway) verify(ctx context.Context, c *fiber.Ctx, token string) (registrar.Claims, error) {
	if claims, ok := g.verifier.remembered(ctx, token); ok {
		return claims, nil
	}
	limits := g.limits.Load()
	limit := limits.FailedTokens
	if limit.none() {
		return g.verifier.examine(ctx, token)
	}
	client := network(g.clientAddr(c))
	if verdict := g.failures.peek(client, limit); !verdict.Allowed {
		v := visitOf(c)
		if !limits.Observe {
			v.limit = limitBroken
			return registrar.Claims{}, tooMany("too_many_failures", verdict.RetryAfter)
		}
		v.limit = limitObserved
	}
	claims, err := g.verifier.examine(ctx, token)
	if err != nil && wasChecked(err) {
		// What is beyond the limit is refused next time; this one is answered.
		_, _ = g.failures.Allow(ctx, client, limit)
	}
	return claims, err
}

// wasChecked excepts tokens that nobody looked at because there are no keys:
// those of good callers would use up what their network may fail.
func wasChecked(err error) bool {
	return registrar.KindOf(err) == registrar.Unauthenticated || errors.Is(err, errNoKeyFits)
}

// network is what one client can choose its addresses from: a single one of
// IPv4, 64 bits of IPv6.
func network(address netip.Addr) string {
	if address.Is6() {
		if prefix, err := address.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
