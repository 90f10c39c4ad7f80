package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

type formField struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
}

// registrationForm says what the site wants to know of a new user.
func registrationForm(*call) (reply, error) {
	var fields []formField
	for _, name := range []string{"email", "name", "username", "password", "honor_code"} {
		kind := "text"
		if name == "email" || name == "password" {
			kind = name
		}
		fields = append(fields, formField{name, kind, true})
	}
	return jsonReply(http.StatusOK, map[string]any{
		"method": "post", "submit_url": "/api/user/v2/account/registration/", "fields": fields,
	}), nil
}

type userMessage struct {
	Text string `json:"user_message"`
}

// register makes an account from a form; a JSON body reads as an empty form. The
// account has no SAML identity, so it links nothing.
func (s *Simulator) register(c *call) (reply, error) {
	form := url.Values{}
	if strings.HasPrefix(c.req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(c.body)) // A broken pair is dropped, the others count.
	}
	if bad := registrationErrors(form); len(bad) > 0 {
		bad["error_code"] = "validation-error"
		return jsonReply(http.StatusBadRequest, bad), nil
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if bad := s.world.taken(form); len(bad) > 0 {
		return jsonReply(http.StatusConflict, bad), nil
	}
	a := s.world.newAccount(form.Get("username"), form.Get("email"), form.Get("name"), false)
	p := jsonReply(http.StatusOK, map[string]any{
		"success": true, "redirect_url": s.base(c.req) + "/dashboard",
		"authenticated_user": map[string]any{"username": a.username, "full_name": a.name, "user_id": a.id},
	})
	p.header["Set-Cookie"] = []string{"sessionid=simulated; Path=/; HttpOnly", "edxloggedin=true; Path=/"}
	return p, nil
}

// registrationErrors lists complaints by field, each as the form shows it.
func registrationErrors(form url.Values) map[string]any {
	bad := map[string]any{}
	say := func(field, text string) { bad[field] = []userMessage{{text}} }
	if name := form.Get("username"); len(name) < 2 || len(name) > 30 || strings.ContainsAny(name, " @/,:+") {
		say("username", "Usernames are 2 to 30 letters, digits, dashes and underscores.")
	}
	if email := form.Get("email"); len(email) < 3 || !strings.Contains(email, "@") {
		say("email", "A valid e-mail address is required.")
	}
	if form.Get("name") == "" {
		say("name", "Enter a full name.")
	}
	if len(form.Get("password")) < 8 {
		say("password", "The password is too short.")
	}
	if form.Get("honor_code") != "true" && form.Get("terms_of_service") != "true" {
		say("honor_code", "The honor code has to be accepted.")
	}
	return bad
}

// taken says which of username and e-mail somebody has already.
func (w *world) taken(form url.Values) map[string]any {
	bad := map[string]any{}
	_, sameEmail := w.accountByEmail(form.Get("email"))
	_, sameName := w.account(form.Get("username"))
	if sameEmail {
		bad["email"], bad["error_code"] = []userMessage{{"This address is taken."}}, "duplicate-email"
	}
	if sameName {
		bad["username"], bad["error_code"] = []userMessage{{"This username is taken."}}, "duplicate-username"
		bad["username_suggestions"] = []string{form.Get("username") + "_1", form.Get("username") + "_2"}
	}
	if sameEmail && sameName {
		bad["error_code"] = "duplicate-email-username"
	}
	return bad
}
