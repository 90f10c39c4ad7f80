package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// PassthroughConfig sets how endpoints are passed through. The zero value of a
// field means its default.
type PassthroughConfig struct {
	// LMS and Discovery are where the rules' upstreams are. A rule of one whose
	// BaseURL is empty is refused.
	LMS, Discovery Origin
	UserAgent      string // default "registrar"
	// MaxAnswer is the largest answer of an upstream, unpacked, in bytes. A longer
	// one breaks off. Default: 64 MiB.
	MaxAnswer int64
	// MaxBuffered is the largest answer of a rule that caches or filters, which
	// cannot stream. Default: 8 MiB.
	MaxBuffered int64
	CacheBytes  int64 // of all kept answers; default 16 MiB
	// Observe, if set, hears of every request that a rule took, once its answer
	// begins. It must not block.
	Observe func(context.Context, PassthroughCall)
	Log     *slog.Logger     // nil: no log
	Now     func() time.Time // nil: time.Now
}

// PassthroughDeps is whom the passthrough asks about callers. All are required.
type PassthroughDeps struct {
	Programs Programs
	Catalog  Catalog
	Accounts Accounts
}

// PassthroughCall is one request as [PassthroughConfig.Observe] sees it.
type PassthroughCall struct {
	Rule   string
	Method string
	Status int           // of our answer
	Took   time.Duration // until the answer begins
	Cache  string        // "hit", "miss", "collapsed"; empty where nothing is kept
	Kind   registrar.Kind
	Code   string
}

// Passthrough lets callers through to chosen endpoints of the LMS and Discovery,
// with our account and behind our walls. It is safe for concurrent use.
type Passthrough struct {
	cfg     PassthroughConfig
	deps    PassthroughDeps
	origins map[Upstream]*origin
	kept    *keeper
	rules   atomic.Pointer[[]*rule]
}

// NewPassthrough returns a passthrough with these rules. Its error names every
// rule that is wrong. No rules at all are fine: nothing passes.
func NewPassthrough(cfg PassthroughConfig, deps PassthroughDeps, rules []Rule) (*Passthrough, error) {
	if deps.Programs == nil || deps.Catalog == nil || deps.Accounts == nil {
		return nil, errors.New("gateway: passthrough: Programs, Catalog and Accounts are required; they are its walls")
	}
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "registrar")
	cfg.MaxAnswer = cmp.Or(cfg.MaxAnswer, 64<<20)
	cfg.MaxBuffered = cmp.Or(cfg.MaxBuffered, 8<<20)
	cfg.CacheBytes = cmp.Or(cfg.CacheBytes, 16<<20)
	if min(cfg.MaxAnswer, cfg.MaxBuffered, cfg.CacheBytes) < 0 {
		return nil, errors.New("gateway: passthrough: a limit is negative; none of them can be switched off")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Passthrough{cfg: cfg, deps: deps, origins: map[Upstream]*origin{}}
	for upstream, at := range map[Upstream]Origin{LMS: cfg.LMS, Discovery: cfg.Discovery} {
		if at.BaseURL == "" {
			continue
		}
		o, err := newOrigin(upstream, at, cfg)
		if err != nil {
			return nil, err
		}
		p.origins[upstream] = o
	}
	var err error
	if p.kept, err = newKeeper(cfg); err != nil {
		return nil, err
	}
	if err := p.SetRules(rules); err != nil {
		return nil, err
	}
	return p, nil
}

// SetRules replaces all rules at once. Requests that run keep the rules they
// began with. When a rule is wrong, the error says why and the old ones stay.
func (p *Passthrough) SetRules(rules []Rule) error {
	compiled := make([]*rule, 0, len(rules))
	var mistakes []error
	for _, r := range rules {
		c, err := compile(r)
		if err == nil {
			err = p.fits(c, compiled)
		}
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		compiled = append(compiled, c)
	}
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	p.rules.Store(&compiled)
	return nil
}

// fits checks a rule against the site and against the rules before it.
func (p *Passthrough) fits(r *rule, before []*rule) error {
	if p.origins[r.Upstream] == nil {
		return fmt.Errorf("gateway: passthrough rule %q: upstream %q has no base URL", r.Name, r.Upstream)
	}
	for _, other := range before {
		if other.Name == r.Name {
			return fmt.Errorf("gateway: passthrough rule %q is there twice", r.Name)
		}
		both := slices.ContainsFunc(r.Methods, func(m string) bool { return slices.Contains(other.Methods, m) })
		if both && other.shape() == r.shape() {
			return fmt.Errorf("gateway: passthrough rules %q and %q are for the same method and path", other.Name, r.Name)
		}
	}
	return nil
}

// closeTime bounds how long Close waits for what it has cancelled.
const closeTime = 5 * time.Second

// Close ends the questions that outlived their callers, and lets go of idle
// connections. Requests in flight go on, except those who wait for an answer that
// is kept. It returns within a few seconds.
func (p *Passthrough) Close() {
	if left := p.kept.aloft.stop(closeTime); left > 0 {
		p.cfg.Log.Warn("passthrough closed over questions that do not end", slog.Int("left", left))
	}
	for _, o := range p.origins {
		o.client.CloseIdleConnections()
	}
}

// routes lists the rules as the gateway lists its routes.
func (p *Passthrough) routes() []Route {
	var list []Route
	for _, r := range *p.rules.Load() {
		for _, method := range r.Methods {
			list = append(list, Route{Method: method, Path: strings.TrimSuffix(r.template, "/")})
		}
	}
	return list
}

// found is what a path leads to: every rule whose path it is, in their order.
type found struct {
	rules []*rule
	raw   []rawValues
}

// find looks a raw path up.
func (p *Passthrough) find(path string) found {
	var f found
	upstream, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	segments := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for _, r := range *p.rules.Load() {
		if string(r.Upstream) != upstream {
			continue
		}
		if raw, ok := r.match(segments); ok {
			f.rules, f.raw = append(f.rules, r), append(f.raw, raw)
		}
	}
	return f
}

// place is where the request stands for the log, the Allow header and the wall.
func (f found) place() *place {
	var methods []string
	for _, r := range f.rules {
		methods = append(methods, r.Methods...)
	}
	return &place{path: strings.TrimSuffix(f.rules[0].template, "/"), wall: private, methods: methods, allow: allowed(methods)}
}

// hangPassthrough registers the two roots.
func (g *Gateway) hangPassthrough() {
	if g.pass == nil {
		return
	}
	for _, upstream := range []Upstream{LMS, Discovery} {
		g.app.All("/"+string(upstream)+"/*", g.passthrough)
	}
}

// passthroughClass is the rate-limit class of everything that passes through.
const passthroughClass = "passthrough"

// passthrough answers everything below "/lms/" and "/discovery/". The rules can
// change at any time, so they are no routes of fiber's.
func (g *Gateway) passthrough(c *fiber.Ctx) error {
	// A copy: what is made of it outlives fiber's buffers in caches and streams.
	f := g.pass.find(string(c.Request().URI().PathOriginal()))
	if len(f.rules) == 0 {
		return g.noRoute(c)
	}
	return g.behind(f.place(), passthroughClass, func(c *fiber.Ctx) error {
		if c.Method() == fiber.MethodOptions {
			return options(c)
		}
		i := slices.IndexFunc(f.rules, func(r *rule) bool { return r.takes(c.Method()) })
		if i < 0 {
			return notAllowed(c)
		}
		visitOf(c).handled = true
		return g.pass.observed(c, f.rules[i], f.raw[i])
	})(c)
}

// observed serves a request and tells of it.
func (p *Passthrough) observed(c *fiber.Ctx, r *rule, raw rawValues) error {
	begun := p.cfg.Now()
	call := PassthroughCall{Rule: r.Name, Method: knownMethod(c.Method())}
	ctx := c.UserContext()
	err := p.serve(c, r, raw, &call)
	if p.cfg.Observe == nil {
		return err
	}
	call.Status, call.Took = c.Response().StatusCode(), p.cfg.Now().Sub(begun)
	if err != nil {
		err = classified(err)
		call.Status, call.Kind, call.Code = statusOf(err), registrar.KindOf(err), registrar.CodeOf(err)
	}
	p.cfg.Observe(ctx, call)
	return err
}

// serve reads the request, asks who may, and passes it on.
func (p *Passthrough) serve(c *fiber.Ctx, r *rule, raw rawValues, call *PassthroughCall) error {
	t, err := r.read(raw, string(c.Request().URI().QueryString()))
	if err != nil {
		return err
	}
	in, err := p.permit(c.UserContext(), r, t)
	if err != nil {
		return err
	}
	if err := p.touch(c, r, t, in); err != nil {
		return err
	}
	if r.Cache > 0 || r.filters() {
		return p.sendKept(c, r, t, in, call)
	}
	return p.stream(c, r, t)
}
