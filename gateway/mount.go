package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"registrar/internal/registrar"
)

// Mounter is a set of routes that hangs itself on the gateway. Paths are fiber's
// ("/api/v3/programs/:program_key"), without a trailing slash; add answers both
// slash forms, HEAD where there is GET, OPTIONS, and 405 for the rest.
//
// Where two paths overlap, the one added first is asked first.
//
// The method "*" adds a guard instead of a route: it is asked before the OPTIONS
// and the 405 of the path, and its error is the answer to them. A path that does not
// exist for everybody has one, else its 405 would tell that it does.
//
// The method "?" adds a judge of addresses: it is asked before who the caller is, by
// every method, and its error is the answer. It can tell an address that names
// nothing from one whose resource is absent, and must look at nothing else.
type Mounter interface {
	Mount(add func(method, path string, handler fiber.Handler))
}

// Route is one mounted method of one path.
type Route struct {
	Method string
	Path   string // fiber's template, without a trailing slash
	Public bool   // answers without authentication
}

// wall says who may ask a path.
type wall int

const (
	private wall = iota // authenticated callers
	page                // anybody, with a browser
	open                // anybody
	probe               // anybody; asked every few seconds, so kept out of the log
)

// place is a path and everything that is mounted on it.
type place struct {
	path    string
	wall    wall
	methods []string
	allow   string        // for the Allow header
	guard   fiber.Handler // of the methods that are not mounted; nil: none
	shape   fiber.Handler // of the address, asked before anything else; nil: any will do
	exact   bool          // the path has no second slash form
}

// What a [Mounter] calls the methods of a guard, and of a judge of addresses.
const (
	otherMethods = "*"
	addressOnly  = "?"
)

// endpoint is one handler on its place.
type endpoint struct {
	place   *place
	method  string
	handler fiber.Handler
}

// table is what the mounters ask for. Nothing is registered before all of it is
// known: the 405 of one path must not stand before the routes of another.
type table struct {
	places    []*place
	endpoints []endpoint
	mistakes  []error
}

func (g *Gateway) collect(deps Deps) (*table, error) {
	t := &table{}
	add := t.adder(probe)
	add(fiber.MethodGet, "/livez", g.livez)
	add(fiber.MethodGet, "/readyz", g.readyz)
	add(fiber.MethodGet, "/health", g.health)
	if deps.Metrics != nil {
		add(fiber.MethodGet, "/metrics", adaptor.HTTPHandler(deps.Metrics))
	}
	if !g.cfg.Cookies.none() {
		t.adder(open)(fiber.MethodGet, csrfPath, g.csrfToken)
		t.place(csrfPath, open).exact = true
	}
	for _, m := range deps.Public {
		m.Mount(t.adder(page))
	}
	for _, m := range deps.Private {
		m.Mount(t.adder(private))
	}
	for _, p := range t.places {
		p.allow = allowed(p.methods)
	}
	return t, errors.Join(t.mistakes...)
}

func (t *table) adder(w wall) func(method, path string, handler fiber.Handler) {
	return func(method, path string, handler fiber.Handler) {
		if err := t.add(w, method, path, handler); err != nil {
			t.mistakes = append(t.mistakes, err)
		}
	}
}

func (t *table) add(w wall, method, path string, handler fiber.Handler) error {
	served := method == otherMethods || method == addressOnly || slices.Contains(methods(), method)
	if !strings.HasPrefix(path, "/") || !served || handler == nil {
		return fmt.Errorf("gateway: route %s %q: want a served method, a path from the root and a handler", method, path)
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	p := t.place(path, w)
	switch {
	case p.wall != w:
		return fmt.Errorf("gateway: route %s %q: the path is public and private at once", method, path)
	case slices.Contains(p.methods, method), method == otherMethods && p.guard != nil, method == addressOnly && p.shape != nil:
		return fmt.Errorf("gateway: route %s %q is mounted twice", method, path)
	case method == otherMethods:
		p.guard = handler
		return nil
	case method == addressOnly:
		p.shape = handler
		return nil
	}
	p.methods = append(p.methods, method)
	t.endpoints = append(t.endpoints, endpoint{place: p, method: method, handler: handler})
	return nil
}

func (t *table) place(path string, w wall) *place {
	i := slices.IndexFunc(t.places, func(p *place) bool { return p.path == path })
	if i >= 0 {
		return t.places[i]
	}
	p := &place{path: path, wall: w}
	t.places = append(t.places, p)
	return p
}

func (t *table) routes() []Route {
	routes := make([]Route, len(t.endpoints))
	for i, e := range t.endpoints {
		routes[i] = Route{Method: e.method, Path: e.place.path, Public: e.place.wall != private}
	}
	return routes
}

// hang registers the table: first every route in the order of mounting, then
// what answers the other methods of their paths.
func (g *Gateway) hang(t *table) {
	for _, e := range t.endpoints {
		handler := handling(e.handler)
		g.register(e.method, e.place, handler)
		if e.method == fiber.MethodGet && !slices.Contains(e.place.methods, fiber.MethodHead) {
			g.register(fiber.MethodHead, e.place, handler)
		}
	}
	for _, p := range t.places {
		for _, method := range methods() {
			if !strings.Contains(p.allow, method) {
				g.register(method, p, p.guarded(notAllowed))
			}
		}
		if !slices.Contains(p.methods, fiber.MethodOptions) {
			g.register(fiber.MethodOptions, p, p.guarded(options))
		}
	}
}

// handling notes that handler was asked, and not what stands in for one.
func handling(handler fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		visitOf(c).handled = true
		return handler(c)
	}
}

// guarded asks the guard of p, if it has one, before handler.
func (p *place) guarded(handler fiber.Handler) fiber.Handler {
	if p.guard == nil {
		return handler
	}
	return func(c *fiber.Ctx) error {
		if err := p.guard(c); err != nil {
			return err
		}
		return handler(c)
	}
}

func (g *Gateway) register(method string, p *place, handler fiber.Handler) {
	handler = g.behind(p, g.class(method, p.path), handler)
	g.app.Add(method, p.path, handler)
	// A wildcard at the end takes the second slash form by itself.
	if last := p.path[len(p.path)-1]; !p.exact && last != '/' && last != '*' && last != '+' {
		g.app.Add(method, p.path+"/", handler)
	}
}

// behind puts the wall of p in front of handler, whose route is of class.
func (g *Gateway) behind(p *place, class string, handler fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		v := visitOf(c)
		v.place, v.class = p, class
		if p.shape != nil {
			if err := p.shape(c); err != nil {
				return err
			}
		}
		c.Set(fiber.HeaderAllow, p.allow)
		if p.wall == private {
			if err := g.authenticate(c, class); err != nil {
				return err
			}
		}
		return handler(c)
	}
}

// allowed completes the mounted methods and puts them into the original's order.
func allowed(mounted []string) string {
	list := make([]string, 0, len(mounted)+2)
	for _, method := range methods() {
		head := method == fiber.MethodHead && slices.Contains(mounted, fiber.MethodGet)
		if head || method == fiber.MethodOptions || slices.Contains(mounted, method) {
			list = append(list, method)
		}
	}
	return strings.Join(list, ", ")
}

// options answers with the Allow header alone; clients of the original need no more.
func options(c *fiber.Ctx) error {
	c.Status(fiber.StatusOK)
	return nil
}

func notAllowed(c *fiber.Ctx) error {
	return registrar.Fail(registrar.MethodNotAllowed, fmt.Sprintf("Method %q not allowed.", c.Method()), nil)
}
