package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"

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
	// Passthrough answers everything below "/lms/" and "/discovery/"; nil: nothing does.
	Passthrough *Passthrough
	// Metrics is the page at "/metrics", which anybody may ask; nil: there is none.
	Metrics http.Handler
	// Checks decide readiness; the one named [DatabaseCheck] decides /health.
	Checks []Check
	// Limiter counts what [Config.Limits] bounds. nil: a [LocalLimiter].
	Limiter Limiter
	// Class says which limit a route has, by method and template. It is asked once
	// for each route, at start. nil: all are of class "".
	Class func(method, path string) string
	// Streams says of which paths, as they are asked for, the handlers read the
	// request's body themselves, as it comes and up to a limit of their own.
	// nil: of none.
	Streams func(path string) bool
	// Observe is told of every request once it is answered; nil: nobody is.
	Observe func(Observation)
	// Witness is told what every request of a known caller turned out to be, once
	// its status is decided and before the answer leaves: a caller who reads that
	// something was done can rely on the record of it. The answer waits for it, so
	// it must bound its own time, and put off what need not be on record at once.
	// Nothing that happens in it changes the answer. ctx has the values of the
	// request's own and does not end. nil: nobody is told.
	Witness func(ctx context.Context, w Witnessed)
	Tracer  trace.Tracer     // nil: no spans
	Log     *slog.Logger     // nil: no log
	Now     func() time.Time // nil: time.Now
}

// Gateway is the HTTP server. It is made by [New] and serves once.
type Gateway struct {
	cfg      Config
	app      *fiber.App
	people   People
	verifier *Verifier
	checks   []Check
	failed   map[string]*atomic.Bool // by name of a check: what the log says of it
	limiter  Limiter
	failures *LocalLimiter // of tokens, by client address
	limits   atomic.Pointer[Limits]
	origins  atomic.Pointer[[]string]
	// preflightAge is in seconds.
	preflightAge atomic.Int64
	proxies      proxies
	class        func(method, path string) string
	streamed     func(path string) bool
	observe      func(Observation)
	witness      func(context.Context, Witnessed)
	tracer       trace.Tracer
	pass         *Passthrough
	running      atomic.Int64 // requests, until their answer begins
	log          *slog.Logger
	now          func() time.Time
	routes       []Route
	draining     atomic.Bool
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
	g := assemble(cfg, deps)
	g.SetPreflightAge(cfg.PreflightAge)
	if err := errors.Join(g.SetLimits(cfg.Limits), g.SetOrigins(cfg.Origins)); err != nil {
		return nil, err
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
	g.app.Use(g.identify, g.trace, g.decorate, g.record, g.rescue, g.inspect, g.preflight, g.limit(base))
	g.hang(t)
	g.hangPassthrough()
	g.app.Use(g.noRoute)
	g.tuneServer()
	return g, nil
}

// assemble takes over deps and fills what they leave open.
func assemble(cfg Config, deps Deps) *Gateway {
	g := &Gateway{
		cfg: cfg, people: deps.People, verifier: deps.Verifier, checks: deps.Checks,
		pass: deps.Passthrough, limiter: deps.Limiter, proxies: parseProxies(cfg.TrustedProxies), class: deps.Class,
		streamed: deps.Streams, observe: deps.Observe, witness: deps.Witness, tracer: deps.Tracer, log: deps.Log, now: deps.Now,
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.class == nil {
		g.class = func(string, string) string { return "" }
	}
	g.failed = make(map[string]*atomic.Bool, len(g.checks))
	for _, check := range g.checks {
		g.failed[check.Name] = new(atomic.Bool)
	}
	g.failures = NewLocalLimiter(g.now)
	if g.limiter == nil {
		g.limiter = NewLocalLimiter(g.now)
	}
	return g
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
		g.handle(rc, next)
	}
}

// unknownMethod answers what fiber would answer by itself, without request id,
// headers or log.
func (g *Gateway) unknownMethod(rc *fasthttp.RequestCtx) {
	rc.Response.Header.Set(fiber.HeaderAllow, strings.Join(methods(), ", "))
	g.answer(rc, registrar.Fail(registrar.MethodNotAllowed, "The server has no such method.", nil))
}

// answer refuses a request before the first middleware.
func (g *Gateway) answer(rc *fasthttp.RequestCtx, err error) {
	c := g.app.AcquireCtx(rc)
	defer g.app.ReleaseCtx(c)
	// refuse renders and returns nil, whatever it is given.
	_ = g.refuse(c, err)
}

// Routes lists what is mounted, in the order of mounting, and then what the
// passthrough's rules of this moment let through; HEAD, OPTIONS and the second
// slash form, which every path has, are left out.
func (g *Gateway) Routes() []Route {
	list := slices.Clone(g.routes)
	if g.pass != nil {
		list = append(list, g.pass.routes()...)
	}
	return list
}

// InFlight is how many requests are being worked on. A streamed answer counts
// until it begins.
func (g *Gateway) InFlight() int { return int(g.running.Load()) }
