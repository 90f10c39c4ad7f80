package rediscache

import (
	"cmp"
	"log/slog"
	"time"

	"registrar/internal/resting"
)

const (
	defaultPrefix   = "registrar"
	defaultTimeout  = 50 * time.Millisecond
	defaultLease    = 3 * time.Second
	defaultMaxEntry = 4 << 20
	defaultBeat     = 250 * time.Millisecond
)

const (
	// maxPart bounds a part when it is unpacked, so that no entry, however made,
	// can fill the memory.
	maxPart = 256 << 20
	// markTime is how long a mark lives that no stored part needs: longer than any
	// load. A load that takes longer is not shared.
	markTime = 10 * time.Minute
	// transit is how long a message may be under way before it counts as lost.
	transit = 50 * time.Millisecond
	// listenFor is how long a silent subscription is trusted before it is asked
	// for a sign of life.
	listenFor = time.Second
	// patient is how much longer than a read the follower waits for Redis when it
	// has drops to tell.
	patient = 20
)

// Config tunes a [Cache]. The zero value of a field is its default.
type Config struct {
	// Prefix begins every key, so that several sites can share one Redis.
	// Default "registrar".
	Prefix string
	// Timeout bounds one command, and with it what a read can lose to Redis.
	// Default 50 ms.
	Timeout time.Duration
	// Lease is how long a claim outlives the process that took it. Living
	// processes renew theirs. Default 3 s.
	Lease time.Duration
	// MaxEntry bounds one packed part in bytes; a bigger one is not shared.
	// Default 4 MiB.
	MaxEntry int
	// Rest says when Redis is left alone because it did not answer; whoever else
	// uses Redis may share it. Default: one of its own.
	Rest *resting.Rest
	// Beat is how often the follower compares its position and renews claims, and
	// how soon it tries again what failed. Default 250 ms.
	Beat time.Duration
	// Log takes one line for each change of state. Default: nowhere.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, defaultPrefix)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.Lease = cmp.Or(c.Lease, defaultLease)
	c.MaxEntry = cmp.Or(c.MaxEntry, defaultMaxEntry)
	c.Beat = cmp.Or(c.Beat, defaultBeat)
	if c.Rest == nil {
		c.Rest = resting.New(resting.Config{})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
