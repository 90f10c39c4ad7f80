package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// userViews are accounts, registration and the third-party-auth API.
func (s *Simulator) userViews() []view {
	const tpa = "/api/third_party_auth/v0/"
	search := view{family: plain, methods: map[string]handler{http.MethodPost: s.searchEmails}}
	register := view{open: true, family: plain, rate: s.registrationRate, methods: get(registrationForm)}
	register.methods[http.MethodPost] = s.register
	return []view{
		at("/api/user/v1/accounts", `$`, view{family: plain, methods: get(s.accountList)}),
		at("/api/user/v1/accounts/", `search_emails$`, search),
		at("/api/user/v1/accounts/", `([^/]+)$`, view{family: plain, methods: get(s.accountByName)}),
		at("/api/user/", `v[12]/account/registration/$`, register),
		at(tpa, `providers/([^/]+)/users$`, view{family: plain, permit: mappingPermit, methods: get(s.mapping)}),
		at(tpa, `users/([^/]+)$`, view{family: plain, methods: get(s.identitiesByPath)}),
		at(tpa, `users/$`, view{family: plain, methods: get(s.identitiesByQuery)}),
	}
}

// showAccount shows everything to staff and the user, and three members to others.
func (c *call) showAccount(a account) map[string]any {
	out := map[string]any{
		"username": a.username, "account_privacy": "private",
		"profile_image": map[string]any{"has_image": false, "image_url_full": nil},
	}
	if !c.caller.staff && c.caller.username != a.username {
		return out
	}
	maps.Copy(out, map[string]any{
		"id": a.id, "email": a.email, "name": a.name, "is_active": a.active, "date_joined": a.joined, "last_login": nil,
		"country": nil, "verified_name": nil, "bio": nil, "year_of_birth": nil, "language_proficiencies": []any{},
	})
	return out
}

// accountList finds by username, e-mail or id, in this precedence. Nobody found
// is a 404 without a body.
func (s *Simulator) accountList(c *call) (reply, error) {
	if !c.query.Has("username") && !c.caller.staff {
		return reply{}, forbidden()
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	var found []account
	keep := func(a account, ok bool) {
		if ok {
			found = append(found, a)
		}
	}
	switch {
	case c.query.Has("username"):
		for _, name := range c.list("username") {
			keep(s.world.account(name))
		}
	case c.query.Has("email"):
		keep(s.world.accountByEmail(c.query.Get("email")))
	default:
		id, err := strconv.ParseInt(c.query.Get("lms_user_id"), 10, 64)
		if err != nil {
			return reply{}, instead(emptyReply(http.StatusBadRequest))
		}
		keep(s.world.accountByID(id))
	}
	if len(found) == 0 {
		return emptyReply(http.StatusNotFound), nil
	}
	out := make([]map[string]any, len(found))
	for i, a := range found {
		out[i] = c.showAccount(a)
	}
	return jsonReply(http.StatusOK, out), nil
}

// accountByName is the one-object form. It takes no slash at the end: with one,
// Django routes nowhere.
func (s *Simulator) accountByName(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	a, ok := s.world.account(c.args[0])
	if !ok {
		return emptyReply(http.StatusNotFound), nil
	}
	return jsonReply(http.StatusOK, c.showAccount(a)), nil
}

type emailHit struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	ID       int64  `json:"id"`
}

// searchEmails hides itself from everybody but staff.
func (s *Simulator) searchEmails(c *call) (reply, error) {
	if !c.caller.staff {
		return emptyReply(http.StatusNotFound), nil
	}
	var q struct {
		Emails []string `json:"emails"`
	}
	if err := json.Unmarshal(c.body, &q); err != nil {
		return reply{}, fail(http.StatusBadRequest, "JSON parse error - malformed document")
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	out := []emailHit{}
	for _, email := range q.Emails {
		if a, ok := s.world.accountByEmail(email); ok {
			out = append(out, emailHit{a.username, a.email, a.id})
		}
	}
	return jsonReply(http.StatusOK, out), nil
}
