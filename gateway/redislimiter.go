package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"registrar/internal/registrar"
	"registrar/internal/resting"
)

// Fallback is what a [RedisLimiter] does with a request that Redis did not count.
type Fallback string

// The fallbacks. Each replica counts for itself in the first, so that n of them
// let through up to n times as much.
const (
	CountLocally Fallback = "local"
	LetThrough   Fallback = "open"
	Refuse       Fallback = "closed" // with 503
)

// RedisLimiterConfig sets how much a Redis in trouble may cost. Zero values mean
// the defaults.
type RedisLimiterConfig struct {
	// Timeout is how long one request waits for Redis. Default: 20 ms.
	Timeout time.Duration
	// Rest says when Redis is left alone because it did not answer; whoever else
	// uses Redis may share it. Default: one of its own.
	Rest      *resting.Rest
	OnFailure Fallback         // default: CountLocally
	Log       *slog.Logger     // nil: no log
	Now       func() time.Time // nil: time.Now
}

// RedisLimiter counts the requests that all replicas see, in Redis.
type RedisLimiter struct {
	cfg   RedisLimiterConfig
	redis *redis_rate.Limiter
	local *LocalLimiter
	// alone is whether the log was told last that Redis does not count.
	alone atomic.Bool
}

// NewRedisLimiter returns a limiter on client, which stays the caller's to close.
func NewRedisLimiter(client redis.UniversalClient, cfg RedisLimiterConfig) (*RedisLimiter, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, 20*time.Millisecond)
	cfg.OnFailure = cmp.Or(cfg.OnFailure, CountLocally)
	switch cfg.OnFailure {
	case CountLocally, LetThrough, Refuse:
	default:
		return nil, fmt.Errorf("gateway: limiter: fallback %q: want local, open or closed", cfg.OnFailure)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rest == nil {
		cfg.Rest = resting.New(resting.Config{Now: cfg.Now})
	}
	return &RedisLimiter{cfg: cfg, redis: redis_rate.NewLimiter(client), local: NewLocalLimiter(cfg.Now)}, nil
}

// Allow asks Redis for no longer than the timeout. Its error is
// [registrar.Unavailable], and only where the fallback is [Refuse].
func (l *RedisLimiter) Allow(ctx context.Context, key string, limit Limit) (Verdict, error) {
	var verdict Verdict
	err := l.cfg.Rest.Use(ctx, func(ctx context.Context) (err error) {
		verdict, err = l.ask(ctx, key, limit)
		return err
	})
	switch {
	case err == nil:
		// While Redis rests, this is an answer from better times.
		if l.alone.Load() && !l.cfg.Rest.Resting() && l.alone.Swap(false) {
			l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "rate limits are counted in Redis again")
		}
		return verdict, nil
	case ctx.Err() != nil:
		return Verdict{}, context.Cause(ctx) // the request is over, whatever Redis does
	case !l.alone.Swap(true):
		l.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "rate limits are not counted in Redis",
			slog.String("fallback", string(l.cfg.OnFailure)), slog.Any("error", err))
	}
	return l.fallBack(ctx, key, limit)
}

// ask waits no longer than the timeout even for a client that ignores contexts.
func (l *RedisLimiter) ask(ctx context.Context, key string, limit Limit) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	type answer struct {
		result *redis_rate.Result
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		a.err = rescued(func() (err error) {
			a.result, err = l.redis.Allow(ctx, key, redis_rate.Limit{Rate: limit.Requests, Period: limit.Per, Burst: limit.Burst})
			return err
		})
		answers <- a
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return Verdict{}, fmt.Errorf("gateway: limiter: %w", a.err)
		}
		return Verdict{
			Allowed: a.result.Allowed > 0, Remaining: a.result.Remaining,
			ResetAfter: a.result.ResetAfter, RetryAfter: max(a.result.RetryAfter, 0),
		}, nil
	case <-ctx.Done():
		return Verdict{}, fmt.Errorf("gateway: limiter: %w", ctx.Err())
	}
}

func (l *RedisLimiter) fallBack(ctx context.Context, key string, limit Limit) (Verdict, error) {
	switch l.cfg.OnFailure {
	case CountLocally:
		return l.local.Allow(ctx, key, limit)
	case Refuse:
		return Verdict{}, &registrar.Error{
			Kind: registrar.Unavailable, Code: "limiter_unavailable", RetryAfter: max(l.cfg.Rest.Left(), time.Second),
			Detail: "Requests cannot be counted at the moment.",
		}
	case LetThrough:
	}
	return Verdict{Allowed: true, Remaining: limit.Burst, Unchecked: true}, nil
}
