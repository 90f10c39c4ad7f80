package gateway

import (
	"context"
	"time"
)

// Limiter counts requests. [LocalLimiter] counts those of one process,
// [RedisLimiter] those of all replicas.
type Limiter interface {
	// Allow counts one request of key against limit, which has all its fields set.
	// Its error says that it could not be counted and must not be served.
	Allow(ctx context.Context, key string, limit Limit) (Verdict, error)
}

// Verdict is what a [Limiter] says of one request.
type Verdict struct {
	Allowed   bool
	Remaining int // how many more may come at once
	// ResetAfter is the time until Remaining is the whole burst again.
	ResetAfter time.Duration
	RetryAfter time.Duration // until the next one may come; 0 when Allowed
	// Unchecked says that nobody counted, and Allowed is a guess.
	Unchecked bool
}
