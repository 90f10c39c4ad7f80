package simulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault, method, path string
		code                int
		kind, body          string
	}{
		"html":            {`{"path":"/enrollments/$","status":502,"body":"<h1>bad gateway</h1>"}`, "GET", csPath + "/enrollments/", 502, "text/html; charset=utf-8", "<h1>bad gateway</h1>"},
		"json":            {`{"path":"programs","status":503,"body":{"a": [1]}}`, "GET", csPath + "/enrollments/", 503, "application/json", `{"a": [1]}`},
		"null":            {`{"path":"programs","status":200,"body":null}`, "GET", csPath + "/enrollments/", 200, "application/json", "null"},
		"other method":    {`{"method":"POST","path":"programs","status":500}`, "GET", csPath + "/enrollments/", 401, "application/json", ""},
		"other path":      {`{"path":"grades","status":500}`, "GET", csPath + "/enrollments/", 401, "application/json", ""},
		"decoded path":    {`{"path":"NorthU\\+CS501","status":500,"body":"x"}`, "GET", csPath + "/courses/course-v1:NorthU%2BCS501%2B3T2026/grades/", 500, "text/html; charset=utf-8", "x"},
		"raw path":        {`{"path":"NorthU%2BCS501","status":500,"body":"x"}`, "GET", csPath + "/courses/course-v1:NorthU%2BCS501%2B3T2026/grades/", 500, "text/html; charset=utf-8", "x"},
		"any method":      {`{"path":".","status":504,"body":"x"}`, "PUT", "/nowhere", 504, "text/html; charset=utf-8", "x"},
		"lower case":      {`{"method":"put","path":".","status":504,"body":"x"}`, "PUT", "/nowhere", 504, "text/html; charset=utf-8", "x"},
		"header over all": {`{"path":".","status":200,"body":"x","headers":{"Content-Type":"application/json"}}`, "GET", "/", 200, "application/json", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulator.Options{Learners: 2, Courses: 3})
			if got := s.control("POST", "faults", tc.fault).status(201).object()["id"]; got == nil {
				t.Error("no id")
			}
			a := s.send(tc.method, tc.path, nil, "").status(tc.code) // before authentication
			if a.header.Get("Content-Type") != tc.kind || tc.body != "" && a.body != tc.body {
				t.Errorf("%s %q, want %s %q", a.header.Get("Content-Type"), a.body, tc.kind, tc.body)
			}
		})
	}
}

func TestFaultsEnd(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/enrollments/"
	s.control("POST", "faults", `{"path":"enrollments","status":429,"times":2,"retry_after":7}`).status(201)
	s.control("POST", "faults", `{"path":"enrollments","status":500}`).status(201)
	for range 2 {
		if got := s.get(path).status(429).header.Get("Retry-After"); got != "7" {
			t.Errorf("Retry-After = %q", got)
		}
	}
	s.get(path).status(500)
	if got := s.control("GET", "faults", "").status(200).list(); len(got) != 1 || got[0]["path"] != "enrollments" {
		t.Errorf("faults = %v, want the one that is left", got)
	}
	s.control("DELETE", "faults", "").status(204)
	s.get(path).status(200)
	if got := s.control("GET", "faults", "").body; got != "[]" {
		t.Errorf("faults = %s", got)
	}
}

func TestBadFaults(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{Learners: 2, Courses: 3})
	for name, tc := range map[string]struct{ body, reason string }{
		"no path":      {`{"status":500}`, "path"},
		"bad pattern":  {`{"path":"(","status":500}`, "path"},
		"bad status":   {`{"path":".","status":99}`, "status"},
		"bad method":   {`{"path":".","method":"GRAB","status":500}`, "method"},
		"bad delay":    {`{"path":".","delay_ms":-1}`, "delay_ms"},
		"bad times":    {`{"path":".","status":500,"times":-1}`, "times"},
		"bad retry":    {`{"path":".","status":500,"retry_after":-1}`, "retry_after"},
		"body alone":   {`{"path":".","body":"x","delay_ms":1}`, "body"},
		"does nothing": {`{"path":"."}`, "nothing"},
		"own id":       {`{"path":".","id":3,"status":500}`, "id"},
		"unknown":      {`{"path":".","staus":500}`, "staus"},
		"no JSON":      {`path=.`, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := s.control("POST", "faults", tc.body).status(400).object()["error"].(string); !strings.Contains(got, tc.reason) {
				t.Errorf("reason = %q, want one about %q", got, tc.reason)
			}
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := csPath + "/enrollments/"
	s.control("POST", "faults", `{"path":"enrollments","drop_connection":true,"times":1}`).status(201)
	if _, err := s.try("GET", path, nil, ""); !errors.Is(err, io.EOF) {
		t.Errorf("error = %v, want an end of file", err)
	}
	whole := s.get(path).status(200)
	s.control("POST", "faults", `{"path":"enrollments","truncate":true,"times":2}`).status(201)
	half := s.get(path).status(200)
	if !errors.Is(half.err, io.ErrUnexpectedEOF) || len(half.body) != len(whole.body)/2 || !strings.HasPrefix(whole.body, half.body) {
		t.Errorf("%d of %d bytes, %v", len(half.body), len(whole.body), half.err)
	}
	// The write is done all the same: a connection that breaks after the commit.
	s.write("POST", path, enroll("N-1 enrolled"))
	s.write("POST", path, enroll("N-1 enrolled")).status(422)
}

// A delay ends when its time is over, or when the client leaves.
func TestDelays(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Learners: 2, Courses: 3})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		serve := func(ctx context.Context, method, path, body string) (code int, took time.Duration) {
			began, w := time.Now(), httptest.NewRecorder()
			defer func() {
				if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					t.Errorf("panic: %v", v)
				}
				took = time.Since(began)
			}()
			sim.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
			return w.Code, 0
		}
		if code, _ := serve(t.Context(), "POST", "/_simulator/faults", `{"path":"heartbeat","delay_ms":5000}`); code != 201 {
			t.Fatalf("fault: %d", code)
		}
		if code, took := serve(t.Context(), "GET", "/heartbeat", ""); code != 200 || took != 5*time.Second {
			t.Errorf("status %d after %v, want the usual answer after 5 s", code, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, took := serve(ctx, "GET", "/heartbeat", ""); took != 2*time.Second {
			t.Errorf("waited %v for a client that left after 2 s", took)
		}
	})
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{Now: clock.Now})
	s.control("DELETE", "requests", "").status(204)
	header := http.Header{"X-Request-Id": {"abc"}}
	s.send("GET", "/api/courses/v1/courses/"+strings.ReplaceAll(csRun, "+", "%2B")+"/?a=b%20c", header, "")
	s.send("PUT", "/nowhere", nil, "")
	want := []map[string]any{
		{"method": "GET", "path": "/api/courses/v1/courses/course-v1:NorthU%2BCS501%2B3T2026/", "query": "a=b%20c", "status": "200", "at": "2026-03-02T12:00:00Z", "request_id": "abc"},
		{"method": "PUT", "path": "/nowhere", "query": "", "status": "404", "at": "2026-03-02T12:00:00Z"},
	}
	got := s.control("GET", "requests", "").status(200).list()
	for _, r := range got {
		if n, ok := r["status"].(interface{ String() string }); ok {
			r["status"] = n.String()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func login(org, key, username string) string {
	return `{"organization":"` + org + `","student_key":"` + key + `","username":"` + username + `","email":"` + username + `@example.edu"}`
}

func TestSSOLogin(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	path := csPath + "/enrollments/"
	of := func(path, key string) map[string]any {
		return row(t, s.get(path+"?page_size=500").page().Results, "student_key", key)
	}
	s.write("POST", nuPath+"/enrollments/", enroll("S-0002 enrolled")).status(200)

	got := s.control("POST", "sso_login", login("NorthU", "S-0002", "zed")).status(200).object()
	linked := []any{map[string]any{"program_key": "masters-cs", "program_uuid": simulator.MastersCSUUID, "student_key": "S-0002"}}
	if diff := cmp.Diff(linked, got["linked"]); diff != "" || got["username"] != "zed" || got["created"] != true {
		t.Errorf("login = %v: %s", got, diff)
	}
	if r := of(path, "S-0002"); r["account_exists"] != true || r["username"] != "zed" || r["email"] != "zed@example.edu" || r["status"] != "pending" {
		t.Errorf("row = %v, want it linked and its status kept", r)
	}
	if r := of(nuPath+"/enrollments/", "S-0002"); r["account_exists"] != false {
		t.Errorf("the other school's row = %v, want it unlinked", r)
	}
	// Waiting course rows become seats, and grades appear.
	if seat := s.get(seatPath + "/zed," + csRun).status(200).object(); seat["mode"] != "masters" || seat["is_active"] != true {
		t.Errorf("seat = %v", seat)
	}
	row(t, s.get(csPath+"/courses/"+csRun+"/grades/").page().Results, "student_key", "S-0002")
	if got := s.get("/api/third_party_auth/v0/providers/saml-northu/users?remote_id=S-0002").page().Results; len(got) != 1 || got[0]["username"] != "zed" {
		t.Errorf("mapping = %v", got)
	}
	again := s.control("POST", "sso_login", login("northu", "S-0002", "another")).status(200).object()
	if again["username"] != "zed" || again["created"] != false || len(items(again["linked"])) != 0 {
		t.Errorf("second login = %v, want the first account and nothing new", again)
	}
	// A row that comes after the login is linked at once; an old one in another case at the next login.
	s.write("POST", dsPath+"/enrollments/", enroll("S-0002 enrolled")).status(200)
	if r := of(dsPath+"/enrollments/", "S-0002"); r["username"] != "zed" {
		t.Errorf("later row = %v", r)
	}
	s.write("POST", path, enroll("late-1 canceled")).status(200)
	s.control("POST", "sso_login", login("NorthU", "LATE-1", "late")).status(200)
	if r := of(path, "late-1"); r["username"] != "late" || r["status"] != "canceled" {
		t.Errorf("row of another case = %v, want it linked", r)
	}
}

func TestLoginsThatLinkNothing(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	s.write("POST", csPath+"/enrollments/", enroll("a:b pending")).status(200)
	for _, body := range []string{login("NorthU", "a:b", "colon"), login("HarborX", "S-0002", "mismatch")} {
		got := s.control("POST", "sso_login", body).status(200).object()
		if got["created"] != true || len(items(got["linked"])) != 0 {
			t.Errorf("%s: %v, want an account and no link", body, got)
		}
	}
	for _, r := range s.get(csPath + "/enrollments/").page().Results {
		if (r["student_key"] == "a:b" || r["student_key"] == "S-0002") && r["account_exists"] != false {
			t.Errorf("row = %v, want it unlinked", r)
		}
	}
	// A registered account is no SAML login: the first login into it links.
	s.write("POST", csPath+"/enrollments/", enroll("R-1 pending")).status(200)
	form := map[string][]string{"username": {"reg"}, "email": {"reg@example.edu"}, "name": {"R"}, "password": {"long enough"}, "honor_code": {"true"}}
	s.post("/api/user/v1/account/registration/", form).status(200)
	got := s.control("POST", "sso_login", login("NorthU", "R-1", "reg")).status(200).object()
	if got["created"] != false || len(items(got["linked"])) != 1 {
		t.Errorf("login into a registered account = %v", got)
	}
	for _, bad := range []string{`{}`, login("Nowhere", "x", "y"), `{"organization":"NorthU","student_key":"x"}`, `[`} {
		s.control("POST", "sso_login", bad).status(400)
	}
}

// Everything at once, for the race detector; at the end the rows must all be there.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := "C-" + string(rune('a'+i))
			s.write("PUT", csPath+"/enrollments/", enroll(key+" enrolled"))
			s.control("POST", "sso_login", login("NorthU", key, "user"+key))
			s.write("PUT", csPath+"/courses/"+csRun+"/enrollments/", courseRows(key+" active"))
			s.control("POST", "faults", `{"path":"never","status":500}`)
			for _, p := range paths() {
				s.get(p)
			}
			s.control("GET", "requests", "")
			s.send("GET", "/api/user/v1/accounts/"+ana, bearing("JWT", minted(t, s, map[string]any{"preferred_username": "new" + key})), "")
		})
	}
	wg.Wait()
	rows := s.get(csPath + "/courses/" + csRun + "/grades/?page_size=500").page().Results
	for i := range 8 {
		row(t, rows, "student_key", "C-"+string(rune('a'+i)))
	}
}
