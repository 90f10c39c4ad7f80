package aggregate

import (
	"cmp"
	"log/slog"
	"time"
)

const (
	defaultMaxBytes     = 256 << 20
	defaultFanOut       = 8
	defaultLoadTimeout  = 2 * time.Minute
	defaultLinksMaxAge  = 24 * time.Hour
	defaultRefetchAfter = 5 * time.Second
)

// Config tunes a [Composer]. The zero value of a field is its default.
type Config struct {
	// MaxBytes bounds the cache, by the encoded size of what it holds. Default
	// 256 MiB. An answer that would fill more than all of it is not kept.
	MaxBytes int64
	// FanOut is how many branches of one answer run at the same time. Default 8.
	FanOut int
	// LoadTimeout bounds one fetch of one part, whoever waits for it. Default
	// 2 min, enough to walk a listing of many pages.
	LoadTimeout time.Duration
	// LinksMaxAge is how old the link index of a program may be before
	// [Composer.ProgramsOf] walks the program itself. Default 24 h.
	LinksMaxAge time.Duration
	// RefetchAfter is the age from which a kept answer gives way to a caller
	// who asks for the source ([registrar.Refetch]). Default 5 s.
	RefetchAfter time.Duration
	// Policy tells how long a view's parts are kept. It is asked on every use,
	// so a change holds at once, for parts already held too. Default
	// [DefaultPolicy].
	Policy func(View) Policy
	// Tier is a second, shared cache behind the one in this process. Default none.
	Tier Tier
	// Log takes what no caller sees: panics, failed refreshes, an index that could
	// not be written. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	c.MaxBytes = cmp.Or(c.MaxBytes, defaultMaxBytes)
	c.FanOut = cmp.Or(c.FanOut, defaultFanOut)
	c.LoadTimeout = cmp.Or(c.LoadTimeout, defaultLoadTimeout)
	c.LinksMaxAge = cmp.Or(c.LinksMaxAge, defaultLinksMaxAge)
	c.RefetchAfter = cmp.Or(c.RefetchAfter, defaultRefetchAfter)
	if c.Policy == nil {
		c.Policy = DefaultPolicy
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
