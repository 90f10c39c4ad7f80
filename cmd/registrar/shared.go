package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/config"
	"registrar/internal/resting"
	"registrar/internal/telemetry"
)

// shared is what several rooms are given: the log, Redis, and the two ways in
// which the process is watched.
type shared struct {
	log     *slog.Logger
	level   *slog.LevelVar // of log; a reload may move it
	redis   *redis.Client  // nil: this process is alone
	rest    *resting.Rest  // of redis: who finds that it does not answer tells all
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
}

// tracingEnd bounds how long the last spans may take to leave.
const tracingEnd = 5 * time.Second

// share prepares what the rooms share; nothing is asked of the network yet.
func share(ctx context.Context, cfg config.Config, w io.Writer) (*shared, error) {
	s := &shared{level: &slog.LevelVar{}, rest: resting.New(resting.Config{}), metrics: telemetry.NewMetrics(version)}
	s.log = newLogger(w, cfg.Log, s.level)
	var err error
	s.tracing, err = telemetry.Start(ctx, telemetry.TraceConfig{
		Endpoint: cfg.Telemetry.TracesEndpoint, Ratio: cfg.Telemetry.TraceRatio,
		ServiceName: cfg.Telemetry.ServiceName, Version: version, Log: s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	s.redis, err = openRedis(cfg.Redis)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.redis != nil {
		if err := s.tracing.Redis(s.redis); err != nil {
			return nil, errors.Join(fmt.Errorf("telemetry: %w", err), s.Close())
		}
	}
	return s, nil
}

// openRedis returns a client, or nil when the configuration names no Redis.
// Deadlines of its callers hold: without that a slow Redis would hold up reads
// for the client's own, long timeouts.
func openRedis(c config.Redis) (*redis.Client, error) {
	url := c.URL.Reveal()
	if url == "" {
		return nil, nil //nolint:nilnil // no Redis is no mistake
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis.url cannot be read; is every special character of the password percent-encoded?") // the cause quotes it
	}
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1 // the rooms have better things to do than to wait
	options.DialerRetries = 1
	options.DialTimeout = time.Second
	return redis.NewClient(options), nil
}

// Close ends the connections to Redis and sends the last spans.
func (s *shared) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), tracingEnd)
	defer cancel()
	var redisErr error
	if s.redis != nil {
		redisErr = s.redis.Close()
	}
	if s.tracing == nil {
		return redisErr
	}
	return errors.Join(redisErr, s.tracing.Shutdown(ctx))
}
