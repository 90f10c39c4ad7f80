package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"registrar/gateway"
	"registrar/internal/registrar"
)

func TestWhereATokenMayBe(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{
		on("GET", "/api/v1/programs", greet), on("GET", "/api/v2/programs", greet), on("GET", "/api/v3/programs", greet),
		on("GET", "/api/v30/programs", greet), on("GET", "/lms/heartbeat", greet), on("GET", "/discovery/x", greet),
	}})
	token := bearer(t, "ada")
	const none, bad = "Authentication credentials were not provided.", "Invalid token."
	for name, tc := range map[string]struct{ path, header, detail, code string }{
		"v1":                      {"/api/v1/programs", "Authorization: JWT " + token, "", ""},
		"v1, lower case":          {"/api/v1/programs", "authorization: jwt " + token, "", ""},
		"v1, bearer":              {"/api/v1/programs", "Authorization: Bearer " + token, none, ""},
		"v2, bearer":              {"/api/v2/programs", "Authorization: Bearer " + token, none, ""},
		"v30 is not v3":           {"/api/v30/programs", "Authorization: Bearer " + token, none, ""},
		"v1, nothing":             {"/api/v1/programs", "X-Nothing: x", none, ""},
		"v1, scheme alone":        {"/api/v1/programs", "Authorization: JWT", none, ""},
		"v1, three parts":         {"/api/v1/programs", "Authorization: JWT " + token + " x", none, ""},
		"v1, two spaces":          {"/api/v1/programs", "Authorization: JWT  " + token, none, ""},
		"v1, tab":                 {"/api/v1/programs", "Authorization: JWT\t" + token, none, ""},
		"v1, token alone":         {"/api/v1/programs", "Authorization: " + token, none, ""},
		"v1, basic":               {"/api/v1/programs", "Authorization: Basic YTpi", none, ""},
		"v1, garbage":             {"/api/v1/programs", "Authorization: JWT garbage", bad, ""},
		"v1, query":               {"/api/v1/programs?jwt=" + token, "X-Nothing: x", none, ""},
		"v1, cookie":              {"/api/v1/programs", "Cookie: edx-jwt-cookie=" + token, none, ""},
		"v3":                      {"/api/v3/programs", "Authorization: JWT " + token, "", ""},
		"v3, bearer":              {"/api/v3/programs/", "Authorization: bearer " + token, "", ""},
		"v3, nothing":             {"/api/v3/programs", "X-Nothing: x", none, "token_missing"},
		"v3, garbage":             {"/api/v3/programs", "Authorization: Bearer garbage", bad, "token_malformed"},
		"v3, another scheme":      {"/api/v3/programs", "Authorization: Basic YTpi", none, "token_missing"},
		"LMS passthrough, bearer": {"/lms/heartbeat", "Authorization: Bearer " + token, "", ""},
		"Discovery, bearer":       {"/discovery/x", "Authorization: Bearer " + token, "", ""},
		"LMS passthrough, none":   {"/lms/heartbeat", "X-Nothing: x", none, "token_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, "GET", tc.path, tc.header)
			if tc.detail == "" {
				if got.status != 200 || got.body != "hello ada" {
					t.Errorf("got %d %s, want ada to be let in", got.status, got.body)
				}
				return
			}
			var body struct{ Detail, Code string }
			if err := json.Unmarshal([]byte(got.body), &body); err != nil {
				t.Fatal(err)
			}
			if got.status != 401 || body.Detail != tc.detail || body.Code != tc.code ||
				got.header.Get("WWW-Authenticate") != `JWT realm="api"` {
				t.Errorf("got %d %v %s, want 401 with %q and code %q", got.status, got.header, got.body, tc.detail, tc.code)
			}
			if tc.code == "" && got.body != `{"detail":"`+tc.detail+`"}` {
				t.Errorf("body = %s, want the original's, with nothing beside detail", got.body)
			}
		})
	}
}

func TestWhatPeopleSayDecides(t *testing.T) {
	t.Parallel()
	told := make(chan registrar.Claims, 1)
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{on("GET", "/api/v1/programs", greet)},
		People: people(func(ctx context.Context, c registrar.Claims) (registrar.Principal, error) {
			switch c.Username {
			case "inactive":
				return registrar.Principal{}, registrar.Fail(registrar.Unauthenticated, "Invalid token.", nil)
			case "storeless":
				return registrar.Principal{}, registrar.Fail(registrar.Unavailable, "", errors.New("database is away"))
			}
			if _, ok := ctx.Deadline(); !ok {
				return registrar.Principal{}, errors.New("no deadline")
			}
			told <- c
			return registrar.Principal{Username: "known as " + c.Username}, nil
		}),
	})
	ask := func(username string) answer {
		return s.ask(t, "GET", "/api/v1/programs", "Authorization: JWT "+bearer(t, username))
	}
	if got := ask("ada"); got.body != "hello known as ada" || (<-told).Username != "ada" {
		t.Errorf("got %d %s, want the principal that People made", got.status, got.body)
	}
	if got := ask("inactive"); got.status != 401 || got.body != detail("Invalid token.") || got.header.Get("WWW-Authenticate") == "" {
		t.Errorf("inactive: got %d %s", got.status, got.body)
	}
	if got := ask("storeless"); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("store away: got %d %s, want 503", got.status, got.body)
	}
}

// Two callers on one connection are two callers: nothing of the first may be
// left in a buffer when the second is recognised.
func TestCallersOnOneConnectionAreKeptApart(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}})
	request := func(header string) string { return "GET /api/v3/x HTTP/1.1\r\nHost: x\r\n" + header + "\r\n" }
	all := request("Authorization: JWT "+bearer(t, "ada")+"\r\n") + request("") +
		request("Authorization: JWT "+bearer(t, "bob")+"\r\nConnection: close\r\n")
	c := s.dial(t)
	if _, err := c.Write([]byte(all)); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	got := text.String()
	for want, n := range map[string]int{"hello ada": 1, "hello bob": 1, `"code":"token_missing"`: 1, "HTTP/1.1 ": 3} {
		if strings.Count(got, want) != n {
			t.Errorf("%q stands %d times in %s, want %d", want, strings.Count(got, want), got, n)
		}
	}
}

func TestReasonsOfARefusalAreToldInV3(t *testing.T) {
	t.Parallel()
	s := start(t, gateway.Config{}, gateway.Deps{Private: []gateway.Mounter{on("GET", "/api/v3/x", greet)}})
	// The tokens of noon are long expired for a server that lives today.
	token := signed(t, jwt.SigningMethodHS256, []byte(secret), good())
	got := s.ask(t, "GET", "/api/v3/x", "Authorization: JWT "+token)
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if got.status != 401 || body["code"] != "token_expired" || body["detail"] != "Invalid token." {
		t.Errorf("got %d %s, want token_expired", got.status, got.body)
	}
	line := s.log.lines(t, "request")
	if len(line) != 1 || line[0]["code"] != "token_expired" || line[0]["kind"] != "unauthenticated" {
		t.Errorf("log = %v, want the reason in it", line)
	}
}
