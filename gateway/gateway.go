package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"registrar/internal/registrar"
)

// People knows the callers of the API.
type People interface {
	// Principal returns who the bearer of a verified token is and what the
	// caller may do. An account that may not be used is [registrar.Unauthenticated].
	Principal(ctx context.Context, claims registrar.Claims) (registrar.Principal, error)
}

// Deps is what the gateway needs of the other rooms.
type Deps struct {
	People   People    // required
	Verifier *Verifier // required
	// Private routes are behind authentication, each and every one.
	Private []Mounter
	// Public routes may be asked by anybody: the documentation pages.
	Public []Mounter
	// Checks decide readiness; the one named [DatabaseCheck] decides /health.
	Checks []Check
	Log    *slog.Logger     // nil: no log
	Now    func() time.Time // nil: time.Now
}

// Gateway is the HTTP server. It is made by [New] and serves once.
type Gateway struct {
	cfg      Config
	app      *fiber.App
	people   People
	verifier *Verifier
	checks   []Check
	log      *slog.Logger
	now      func() time.Time
	routes   []Route
	draining atomic.Bool
	// end cancels the work of every running request.
	end context.CancelFunc
}

// New builds the server with everything mounted. Its error names the setting or
// the route that cannot be.
func New(cfg Config, deps Deps) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if deps.People == nil || deps.Verifier == nil {
		return nil, errors.New("gateway: People and Verifier are required; without them nobody could be authenticated")
	}
	g := &Gateway{
		cfg: cfg, people: deps.People, verifier: deps.Verifier,
		checks: deps.Checks, log: deps.Log, now: deps.Now,
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	t, err := g.collect(deps)
	if err != nil {
		return nil, err
	}
	g.routes = t.routes()
	// Requests outlive the context of Serve by the drain, so theirs has an end of its own.
	base, end := context.WithCancel(context.Background())
	g.end = end
	g.app = fiber.New(cfg.fiber(g.refuse))
	g.app.Use(g.identify, g.decorate, g.record, g.rescue, g.inspect, g.limit(base))
	g.hang(t)
	g.app.Use(g.noRoute)
	g.tuneServer()
	return g, nil
}

// tuneServer sets what fiber does not reach of the server below it.
func (g *Gateway) tuneServer() {
	server := g.app.Server()
	// Parse errors quote the request, credentials included, without this.
	server.SecureErrorLogMessage = true
	server.CloseOnShutdown = true
	next := server.Handler
	server.Handler = func(rc *fasthttp.RequestCtx) {
		if !slices.Contains(methods(), string(rc.Method())) {
			g.unknownMethod(rc)
			return
		}
		next(rc)
	}
}

// unknownMethod answers what fiber would answer by itself, without request id,
// headers or log.
func (g *Gateway) unknownMethod(rc *fasthttp.RequestCtx) {
	c := g.app.AcquireCtx(rc)
	defer g.app.ReleaseCtx(c)
	c.Set(fiber.HeaderAllow, strings.Join(methods(), ", "))
	// refuse renders and returns nil, whatever it is given.
	_ = g.refuse(c, registrar.Fail(registrar.MethodNotAllowed, "The server has no such method.", nil))
}

// Routes lists what is mounted, in the order of mounting; HEAD, OPTIONS and the
// second slash form, which every path has, are left out.
func (g *Gateway) Routes() []Route { return slices.Clone(g.routes) }
