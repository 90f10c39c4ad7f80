package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// place is an upstream's address in the configuration.
type place struct {
	name string // "The LMS"
	key  string // "lms.url"
	base string
	path string // of an endpoint that it must have
	// other is the upstream that might stand there by mistake.
	otherName, otherPath string
}

func (s *liveSite) lmsAddress(ctx context.Context) finding {
	return s.address(ctx, place{"The LMS", "lms.url", s.cfg.LMS.URL, lmsPath, "Discovery", discoveryPath})
}

func (s *liveSite) discoveryAddress(ctx context.Context) finding {
	return s.address(ctx, place{"Discovery", "discovery.url", s.cfg.Discovery.URL, discoveryPath, "the LMS", lmsPath})
}

// address asks as a stranger, whom a healthy API refuses in JSON.
func (s *liveSite) address(ctx context.Context, p place) finding {
	r, err := s.ask(ctx, p.name, p.base+p.path, "")
	switch {
	case err != nil:
		return fault(fmt.Sprintf("%s cannot be reached at %s: %v.", p.name, p.base, err),
			"Correct "+p.key+", or let this machine reach it: name resolution, firewall, certificate.")
	case r.status >= 300 && r.status < 400:
		return p.redirected(r.header.Get("Location"))
	case r.status >= 500:
		return fault(fmt.Sprintf("%s answers %d at %s.", p.name, r.status, p.base),
			"Look at its own log; if it is well, the proxy in front of it is not.")
	case r.status == http.StatusTooManyRequests:
		return well("%s answers at %s", p.name, p.base)
	case r.status == http.StatusNotFound:
		return s.notThere(ctx, p)
	case !r.json():
		return fault(fmt.Sprintf("%s answers with a page for people at %s.", p.name, p.base),
			"Set "+p.key+" to the API's own address; a login page or another service stands there.")
	}
	return well("%s answers at %s", p.name, p.base)
}

// redirected tells the kinds of redirect apart. The gateway follows none: one
// would lose the body of a write and could carry the token elsewhere.
func (p place) redirected(location string) finding {
	asked, err := url.Parse(p.base + p.path)
	if err != nil {
		return fault(p.name+" redirects.", "Correct "+p.key+".")
	}
	to, err := asked.Parse(location)
	if err != nil || location == "" {
		return fault(p.name+" redirects to nowhere.", "Look at the proxy in front of it.")
	}
	if to.Host == asked.Host && to.Path != asked.Path && strings.Trim(to.Path, "/") == strings.Trim(asked.Path, "/") {
		return fault(p.name+" redirects to the same path with another slash at its end.",
			"Remove the rule of the proxy in front of it that changes trailing slashes: the API's paths end with one.")
	}
	if base, same := strings.CutSuffix(to.Path, p.path); same {
		to.Path, to.RawPath, to.RawQuery, to.User = base, "", "", nil
		return fault(fmt.Sprintf("%s redirects from %s to %s.", p.name, p.base, to), "Set "+p.key+" to "+to.String()+".")
	}
	return fault(fmt.Sprintf("%s redirects from %s to another page, on %s.", p.name, p.base, to.Host),
		"Set "+p.key+" to the API's own address; the redirect may lead to a login page.")
}

// notThere finds out why the endpoint is missing: another service, or a wrong
// path in front.
func (s *liveSite) notThere(ctx context.Context, p place) finding {
	if s.refusesStrangers(ctx, p.base+p.otherPath) {
		return fault(fmt.Sprintf("At %s stands %s, where %s is due.", p.base, p.otherName, p.name),
			"Correct "+p.key+"; lms.url and discovery.url may be mixed up.")
	}
	if u, err := url.Parse(p.base); err == nil && u.Path != "" {
		u.Path, u.RawPath = "", ""
		if s.refusesStrangers(ctx, u.String()+p.path) {
			return fault(fmt.Sprintf("%s has no API under %s, but it has one without the path.", p.name, p.base),
				"Set "+p.key+" to "+u.String()+".")
		}
	}
	return fault(fmt.Sprintf("%s has no API at %s: %s is answered 404.", p.name, p.base, p.path),
		"Correct "+p.key+": it wants the base address, without /api and with the path prefix if the site has one.")
}

func (s *liveSite) refusesStrangers(ctx context.Context, target string) bool {
	r, err := s.ask(ctx, "The site", target, "")
	return err == nil && r.status == http.StatusUnauthorized && r.json()
}
