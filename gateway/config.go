package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Config sets the limits of the server. The zero value of a field means its
// default; no limit can be switched off.
type Config struct {
	// RequestTimeout bounds the work for one request, upstream calls included.
	// Default: 30 s.
	RequestTimeout time.Duration
	// ReadTimeout bounds the arrival of one whole request, so that a slow
	// sender cannot hold a connection. Default: 15 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds the sending of one whole answer, streamed tables
	// included; it starts when the handler has returned. Default: 60 s.
	WriteTimeout time.Duration
	// IdleTimeout closes a keep-alive connection without a request. Default: 75 s.
	IdleTimeout time.Duration
	// DrainDelay is how long the server goes on accepting after it began to
	// report itself unready, so that load balancers notice. Default: 1 s;
	// negative: none.
	DrainDelay time.Duration
	// DrainTimeout bounds the wait for running requests after DrainDelay.
	// Default: 20 s.
	DrainTimeout time.Duration
	// CheckTimeout bounds each readiness check. Default: 2 s.
	CheckTimeout time.Duration
	// BodyLimit is the largest request body, in bytes, of what [Deps.Streams] does
	// not except. Default: 1 MiB.
	BodyLimit int
	// MaxBuffered is the largest answer of unknown length, in bytes, that a caller of
	// HTTP/1.0 is sent: it is read as a whole before. Default: 8 MiB.
	MaxBuffered int64
	// HeaderLimit is the largest request head, in bytes; tokens of the LMS with
	// roles and cookies are large. Each open connection holds that much.
	// Default: 16 KiB.
	HeaderLimit int
	// Concurrency is the largest number of open connections; one more is
	// answered 503 and closed. Default: 16384.
	Concurrency int
	// TrustedProxies lists the addresses and CIDR ranges whose
	// X-Forwarded-Host, -Proto and -For are believed. Default: nobody.
	TrustedProxies []string
	// Origins are the pages in a browser that may call the API, at the start; see
	// [Gateway.SetOrigins]. Default: none.
	Origins []string
	// PreflightAge is how long a browser remembers that such a page may call, at the
	// start; see [Gateway.SetPreflightAge]. Negative: not at all. Default: 24 h.
	PreflightAge time.Duration
	// Cookies are where a browser keeps its user's token. Default: nowhere.
	Cookies Cookies
	// Limits says how often callers may ask, at the start; see
	// [Gateway.SetLimits]. Default: as often as they like.
	Limits Limits
}

func (c Config) withDefaults() Config {
	c.RequestTimeout = cmp.Or(c.RequestTimeout, 30*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 15*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 60*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 75*time.Second)
	c.DrainDelay = cmp.Or(c.DrainDelay, time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 20*time.Second)
	c.CheckTimeout = cmp.Or(c.CheckTimeout, 2*time.Second)
	c.PreflightAge = cmp.Or(c.PreflightAge, 24*time.Hour)
	c.BodyLimit = cmp.Or(c.BodyLimit, 1<<20)
	c.MaxBuffered = cmp.Or(c.MaxBuffered, 8<<20)
	c.HeaderLimit = cmp.Or(c.HeaderLimit, 16<<10)
	c.Concurrency = cmp.Or(c.Concurrency, 16384)
	return c
}

// check refuses what fiber and fasthttp would read as "unlimited" or only warn of.
func (c Config) check() error {
	shortest := min(c.RequestTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout, c.DrainTimeout, c.CheckTimeout)
	if shortest < 0 || c.MaxBuffered < 0 || min(c.BodyLimit, c.HeaderLimit, c.Concurrency) < 0 {
		return errors.New("gateway: a limit is negative; none of them can be switched off")
	}
	for _, proxy := range c.TrustedProxies {
		_, rangeErr := netip.ParsePrefix(proxy)
		if _, err := netip.ParseAddr(proxy); err != nil && rangeErr != nil {
			return fmt.Errorf("gateway: trusted proxy %q is neither an address nor a CIDR range", proxy)
		}
	}
	return c.Cookies.check()
}

// fiber returns the server's settings. Each one is there for a reason that its
// test shows; most defaults of fiber are wrong for us.
func (c Config) fiber(fail fiber.ErrorHandler) fiber.Config {
	return fiber.Config{
		ErrorHandler:          fail, // fiber's own sends err.Error() to the caller
		DisableStartupMessage: true,

		CaseSensitive: true,
		StrictRouting: true,  // both slash forms are registered by name: see hang
		UnescapePath:  false, // true would make spaces of the pluses in course keys
		Immutable:     false, // routes copies at its edge; Immutable has gaps

		RequestMethods: methods(),

		// Streaming switches fasthttp's own limit off: see receive, which has one.
		StreamRequestBody: true,
		BodyLimit:         c.BodyLimit,
		// Else a multipart body would be read into files before anybody is asked.
		DisablePreParseMultipartForm: true,

		ReadBufferSize: c.HeaderLimit,
		Concurrency:    c.Concurrency,
		ReadTimeout:    c.ReadTimeout,
		WriteTimeout:   c.WriteTimeout,
		IdleTimeout:    c.IdleTimeout,

		// Without the check anybody's X-Forwarded-Host would be believed.
		EnableTrustedProxyCheck: true,
		TrustedProxies:          c.TrustedProxies,
		EnableIPValidation:      true,
	}
}

// methods lists what the server serves, in the order in which Allow names them.
func methods() []string {
	return []string{
		fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
		fiber.MethodHead, fiber.MethodOptions,
	}
}
