package simulator

import (
	"net/http"
	"slices"
)

// mappingPermit lets staff, an API key, or a restricted application with the
// scope and filter of the provider in.
func mappingPermit(c *call) error {
	scoped := c.caller.restricted && slices.Contains(c.caller.scopes, "tpa:read") &&
		slices.Contains(c.caller.filters, "tpa_provider:"+c.args[0])
	if c.caller.staff || c.caller.apiKey || scoped {
		return nil
	}
	return forbidden()
}

type mappingItem struct {
	Username string `json:"username"`
	RemoteID string `json:"remote_id"` // the student key, without the provider's slug
}

type mappingPage struct {
	Next        *string       `json:"next"`
	Previous    *string       `json:"previous"`
	Count       int           `json:"count"`
	NumPages    int           `json:"num_pages"`
	CurrentPage int           `json:"current_page"`
	Start       int           `json:"start"`
	Results     []mappingItem `json:"results"`
}

// mapping lists which account has which student key at a provider. Usernames and
// student keys asked for are joined with or; unknown ones are just not there.
func (s *Simulator) mapping(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	i := slices.IndexFunc(s.world.orgs, func(o *organization) bool { return o.provider() == c.args[0] })
	if i < 0 || s.opts.Build.NoSAML {
		return reply{}, fail(http.StatusNotFound, "Not found.")
	}
	found := s.world.mapped(s.world.orgs[i], c.list("username"), c.list("remote_id"))
	n, err := numberedPage(c, 10, 100, len(found))
	if err != nil {
		return reply{}, err
	}
	from, to := n.window(len(found))
	page := mappingPage{
		Count: len(found), NumPages: n.pages(len(found)), CurrentPage: n.page, Start: from, Results: found[from:to],
	}
	page.Next, page.Previous = s.links(c, n, len(found))
	return jsonReply(http.StatusOK, page), nil
}

// mapped joins both lists with or and names nobody twice.
func (w *world) mapped(o *organization, usernames, keys []string) []mappingItem {
	out := []mappingItem{}
	add := func(username, key string) {
		item := mappingItem{username, key}
		if !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	if len(usernames)+len(keys) == 0 {
		return w.allMapped(o)
	}
	for _, name := range usernames {
		if key, ok := w.keyOf(o, name); ok {
			add(name, key)
		}
	}
	for _, key := range keys {
		if name, ok := w.linkedTo(o, key); ok {
			add(name, key)
		}
	}
	return out
}

// allMapped is everybody who ever logged in through a school's provider.
func (w *world) allMapped(o *organization) []mappingItem {
	out := []mappingItem{}
	if o.key == HarborX {
		stranger := person{o, strangerS}
		out = append(out, mappingItem{w.username(stranger), stranger.studentKey()})
	}
	for n := range o.people {
		if p := (person{o, n + 1}); w.hasAccount(p) {
			out = append(out, mappingItem{w.username(p), p.studentKey()})
		}
	}
	var added []mappingItem
	for name := range w.identities {
		if key, ok := w.keyOf(o, name); ok {
			added = append(added, mappingItem{name, key})
		}
	}
	slices.SortFunc(added, func(a, b mappingItem) int { return int(w.users[a.Username].id - w.users[b.Username].id) })
	return append(out, added...)
}

func (s *Simulator) identitiesByPath(c *call) (reply, error) {
	return s.showIdentities(c, func() (account, bool) { return s.world.account(c.args[0]) }), nil
}

// identitiesByQuery prefers the e-mail when both are given.
func (s *Simulator) identitiesByQuery(c *call) (reply, error) {
	return s.showIdentities(c, func() (account, bool) {
		if c.query.Has("email") {
			return s.world.accountByEmail(c.query.Get("email"))
		}
		return s.world.account(c.query.Get("username"))
	}), nil
}

type activeIdentity struct {
	ProviderID string `json:"provider_id"`
	Name       string `json:"name"`
	RemoteID   string `json:"remote_id"`
}

// showIdentities is for the user and for holders of the API key. Staff is not
// enough: it takes a superuser, and none of the clients is one.
func (s *Simulator) showIdentities(c *call, find func() (account, bool)) reply {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	a, ok := find()
	switch {
	case !c.caller.apiKey && (!ok || a.username != c.caller.username):
		return emptyReply(http.StatusForbidden)
	case !ok:
		return emptyReply(http.StatusNotFound)
	}
	active := []activeIdentity{}
	for _, o := range s.world.orgs {
		if key, linked := s.world.keyOf(o, a.username); linked {
			active = append(active, activeIdentity{o.provider(), o.name, key})
		}
	}
	return jsonReply(http.StatusOK, map[string]any{"active": active})
}
