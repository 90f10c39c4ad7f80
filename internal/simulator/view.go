package simulator

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// handler answers one method of a view. A returned error is a [viewError].
type handler func(*call) (reply, error)

// view is one routed pattern with its rules.
type view struct {
	prefix  string // what its paths begin with; checked before the pattern
	rest    *regexp.Regexp
	family  family
	open    bool                // answers without credentials
	jwtOnly bool                // takes no opaque tokens
	permit  func(c *call) error // nil lets every authenticated caller in
	rate    func(c *call) error // nil has no throttle
	methods map[string]handler
}

// call is one request on its way through a view.
type call struct {
	req    *http.Request
	body   []byte
	query  url.Values
	args   []string // the groups of the view's pattern
	caller caller
}

// answer is what the site says to a request that no fault has met.
func (s *Simulator) answer(r *http.Request, body []byte) reply {
	c := &call{req: r, body: body, query: r.URL.Query()}
	v, ok := s.match(r.URL.Path, c)
	if !ok {
		return s.unrouted(r)
	}
	p, err := s.through(v, c)
	if err != nil {
		return v.family.render(err)
	}
	return p
}

// match routes by the decoded path, as Django does: %2B and + are the same.
func (s *Simulator) match(path string, c *call) (view, bool) {
	for _, v := range s.views {
		rest, ok := strings.CutPrefix(path, v.prefix)
		if !ok {
			continue
		}
		if m := v.rest.FindStringSubmatch(rest); m != nil {
			c.args = m[1:]
			return v, true
		}
	}
	return view{}, false
}

// unrouted is a redirect when only the slash was missing, and Django's 404 page
// otherwise. The redirect loses the body of a write.
func (s *Simulator) unrouted(r *http.Request) reply {
	if strings.HasSuffix(r.URL.Path, "/") {
		return htmlReply(http.StatusNotFound)
	}
	if _, ok := s.match(r.URL.Path+"/", &call{}); !ok {
		return htmlReply(http.StatusNotFound)
	}
	target := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
	p := emptyReply(http.StatusMovedPermanently)
	p.header.Set("Location", target.String())
	return p
}

// through applies a view's rules in the order of REST framework: credentials,
// permission, throttle, and the method last.
func (s *Simulator) through(v view, c *call) (reply, error) {
	if !v.open {
		var err error
		if c.caller, err = s.authenticate(c.req, v); err != nil {
			return reply{}, err
		}
	}
	for _, rule := range []func(*call) error{v.permit, v.rate} {
		if rule == nil {
			continue
		}
		if err := rule(c); err != nil {
			return reply{}, err
		}
	}
	method := c.req.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h, ok := v.methods[method]
	if !ok {
		return v.notAllowed(method), nil
	}
	return h(c)
}

// notAllowed comes after permission: a stranger gets 403 for any method.
func (v view) notAllowed(method string) reply {
	p := v.family.render(fail(http.StatusMethodNotAllowed, `Method "`+method+`" not allowed.`))
	var allowed []string
	for m := range v.methods {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	p.header.Set("Allow", strings.Join(allowed, ", "))
	return p
}

// list reads a parameter that may be repeated and may hold commas.
func (c *call) list(name string) []string {
	var out []string
	for _, value := range c.query[name] {
		for item := range strings.SplitSeq(value, ",") {
			if item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}

// base is scheme and host as the site sees them, for links.
func (s *Simulator) base(r *http.Request) string {
	switch {
	case s.opts.Build.WrongNextScheme:
		return "http://internal.example"
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// link is the request's own URL with some of its query changed. Parameters come
// out sorted, as REST framework sorts them.
func (s *Simulator) link(c *call, changes map[string]string) string {
	query := url.Values{}
	for name, values := range c.query {
		query[name] = values
	}
	for name, value := range changes {
		if value == "" {
			query.Del(name)
			continue
		}
		query.Set(name, value)
	}
	path := url.URL{Path: c.req.URL.Path}
	out := s.base(c.req) + path.EscapedPath()
	if len(query) > 0 {
		out += "?" + query.Encode()
	}
	return out
}

// asViewError unwraps the error of a helper that may have changed it.
func asViewError(err error) (*viewError, bool) {
	var f *viewError
	ok := errors.As(err, &f)
	return f, ok
}
