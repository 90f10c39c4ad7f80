package main

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"registrar/internal/registrar"
)

func authenticationCases() []conformanceCase {
	return []conformanceCase{
		{"A01", nobodyIsLetIn},
		{"A02", func(t *testing.T, w *world) {
			stranger, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			w.key = stranger
			w.as("stem_admin").get("programs").is(t, http.StatusUnauthorized, bad)
		}},
		{"A03", func(t *testing.T, w *world) {
			w.as("stem_admin").saying(jwt.MapClaims{"exp": 1}).get("programs").is(t, http.StatusUnauthorized, bad)
		}},
		{"A04", func(t *testing.T, w *world) {
			w.as("stem_admin").saying(jwt.MapClaims{"iss": "https://elsewhere.example.org"}).get("programs").is(t, http.StatusUnauthorized, bad)
		}},
		{"A05", func(t *testing.T, w *world) {
			w.as("stem_admin").saying(jwt.MapClaims{"preferred_username": nil}).get("programs").
				is(t, http.StatusUnauthorized, `{"detail":"JWT must include a preferred_username or username claim!"}`)
		}},
		{"A06", newcomerIsRemembered},
		{"A07", func(t *testing.T, w *world) {
			reply := send(t, w.as("stem_admin").inCookies(http.MethodGet, "programs"))
			reply.programs(t, "masters-in-cs", "masters-in-me")
		}},
		{"A08", func(t *testing.T, w *world) {
			r := w.anonymous().request(http.MethodGet, "programs", nil)
			r.Header.Set("Authorization", "Bearer "+w.as("stem_admin").token())
			send(t, r).is(t, http.StatusUnauthorized, d401)
		}},
	}
}

func nobodyIsLetIn(t *testing.T, w *world) {
	const program, course = "programs/masters-in-cs", "programs/masters-in-cs/courses/CompSci1_Fall"
	pairs := []struct{ method, path string }{
		{"GET", "programs"},
		{"GET", program},
		{"GET", program + "/courses"},
		{"GET", program + "/course_enrollments"},
		{"GET", program + "/reports"},
		{"GET", "jobs/"},
		{"GET", "jobs/00000000-0000-4000-8000-000000000000"},
		{"GET", "/api/v3/programs"},
		{"GET", program + "/enrollments"},
		{"POST", program + "/enrollments"},
		{"PATCH", program + "/enrollments"},
		{"GET", course + "/enrollments"},
		{"POST", course + "/enrollments"},
		{"GET", course + "/grades"},
		{"POST", program + "/enrollments/upload"},
		{"POST", program + "/course_enrollments/upload"},
		{"DELETE", "/api/internal/cache"},
	}
	if len(pairs) != 17 {
		t.Fatalf("%d pairs, the contract has 17", len(pairs))
	}
	for _, pair := range pairs {
		reply := w.anonymous().do(pair.method, pair.path, nil)
		if got := reply.Header.Get("WWW-Authenticate"); got != `JWT realm="api"` {
			t.Errorf("%s %s: WWW-Authenticate is %q", pair.method, pair.path, got)
		}
		if strings.HasPrefix(pair.path, "/api/v3/") {
			// v3 says the same within its own form of an error.
			if detail := reply.object(t)["detail"]; reply.StatusCode != http.StatusUnauthorized || detail != "Authentication credentials were not provided." {
				t.Errorf("GET %s: %d %s", pair.path, reply.StatusCode, reply.body)
			}
			continue
		}
		reply.is(t, http.StatusUnauthorized, d401)
	}
	if asked := w.requests(""); len(asked) > 0 {
		t.Errorf("nobody caused %d requests", len(asked))
	}
}

func newcomerIsRemembered(t *testing.T, w *world) {
	w.as("newcomer").get("programs").is(t, http.StatusOK, "[]")
	users, err := w.store.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		if u.Username == registrar.Username("newcomer") {
			if u.Email != "newcomer@example.com" {
				t.Errorf("the newcomer's address is %q", u.Email)
			}
			return
		}
	}
	t.Error("the newcomer is no user")
}

// inCookies is a request of p whose token comes in the two cookies of the LMS.
func (p person) inCookies(method, path string) *http.Request {
	p.w.t.Helper()
	r := p.w.anonymous().request(method, path, nil)
	token := p.token()
	cut := strings.LastIndex(token, ".")
	r.AddCookie(&http.Cookie{Name: "edx-jwt-cookie-header-payload", Value: token[:cut]})
	r.AddCookie(&http.Cookie{Name: "edx-jwt-cookie-signature", Value: token[cut+1:]})
	return r
}
