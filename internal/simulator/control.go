package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// controlPrefix is where the simulator itself is spoken to. No fault hits it and
// the request log leaves it out.
const controlPrefix = "/_simulator/"

func isControl(path string) bool { return strings.HasPrefix(path, controlPrefix) }

// controlAPI needs no credentials: the simulator holds nothing worth guarding.
func (s *Simulator) controlAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_simulator/faults", s.addFault)
	mux.HandleFunc("GET /_simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		jsonReply(http.StatusOK, s.faults.all()).write(w)
	})
	mux.HandleFunc("DELETE /_simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		emptyReply(http.StatusNoContent).write(w)
	})
	mux.HandleFunc("GET /_simulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		jsonReply(http.StatusOK, s.log.all()).write(w)
	})
	mux.HandleFunc("DELETE /_simulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.log.clear()
		emptyReply(http.StatusNoContent).write(w)
	})
	mux.HandleFunc("POST /_simulator/expire_tokens", func(w http.ResponseWriter, _ *http.Request) {
		jsonReply(http.StatusOK, map[string]int{"expired": s.tokens.expireAll()}).write(w)
	})
	mux.HandleFunc("POST /_simulator/sso_login", s.ssoLogin)
	return mux
}

// badControl says why a request of the control API is refused.
func badControl(w http.ResponseWriter, reason string) {
	jsonReply(http.StatusBadRequest, map[string]string{"error": reason}).write(w)
}

// readControl decodes one JSON object and refuses members that mean nothing.
func readControl(r *http.Request, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *Simulator) addFault(w http.ResponseWriter, r *http.Request) {
	var f fault
	err := readControl(r, &f)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		badControl(w, err.Error())
		return
	}
	jsonReply(http.StatusCreated, s.faults.add(f)).write(w)
}

type loginRequest struct {
	Organization string `json:"organization"` // key or SSO slug of the identity provider's school
	StudentKey   string `json:"student_key"`
	Username     string `json:"username"`
	Email        string `json:"email"`
}

type loginResult struct {
	Username string      `json:"username"` // whose account it was; an earlier login decides
	UserID   int64       `json:"user_id"`
	Created  bool        `json:"created"`
	Linked   []linkedRow `json:"linked"`
}

// ssoLogin does what a learner's SAML login does: it makes the account at the
// first time, and links what waits for the student key.
func (s *Simulator) ssoLogin(w http.ResponseWriter, r *http.Request) {
	var q loginRequest
	if err := readControl(r, &q); err != nil {
		badControl(w, err.Error())
		return
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	o, ok := s.world.organization(q.Organization)
	if !ok || q.StudentKey == "" {
		badControl(w, "organization and student_key are required, and the organization must exist")
		return
	}
	username, known := s.world.linkedTo(o, q.StudentKey)
	if !known {
		username = q.Username
	}
	a, exists := s.world.account(username)
	if !exists && (q.Username == "" || q.Email == "") {
		badControl(w, "username and email are required for a learner without an account")
		return
	}
	if !exists {
		a = s.world.newAccount(q.Username, q.Email, q.Username, true)
	}
	linked := s.world.login(o, q.StudentKey, a.username)
	jsonReply(http.StatusOK, loginResult{a.username, a.id, !exists, append([]linkedRow{}, linked...)}).write(w)
}
