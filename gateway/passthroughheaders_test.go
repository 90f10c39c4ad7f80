package gateway_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Upstream goes what the gateway decides to say, and of the caller's headers the
// few that shape an answer.
func TestPassthroughHeadersUpstream(t *testing.T) {
	t.Parallel()
	trace := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, tc := range map[string]struct {
		sent []string
		want map[string]string // beside the usual ones
	}{
		"nothing":             {nil, nil},
		"accepted":            {[]string{"Accept: text/csv", "Accept-Language: es", `If-None-Match: "a"`}, map[string]string{"Accept": "text/csv", "Accept-Language": "es", "If-None-Match": `"a"`}},
		"a page":              {[]string{"Accept: text/html,application/xhtml+xml,*/*;q=0.8"}, nil}, // made for our account
		"a page, by accident": {[]string{"Accept: Text/*"}, nil},
		"an id":               {[]string{"X-Request-ID: school-4711"}, map[string]string{"X-Request-Id": "school-4711"}},
		"a trace":             {[]string{"traceparent: " + trace, "tracestate: a=1"}, map[string]string{"Traceparent": trace, "Tracestate": "a=1"}},
		"no trace":            {[]string{"traceparent: 00-canary", "tracestate: canary"}, nil},
		"zeroes":              {[]string{"traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, nil},
		"credentials": {[]string{
			"Cookie: sessionid=canary; edx-jwt-cookie-header-payload=canary", "Proxy-Authorization: Basic canary",
			"X-Edx-Api-Key: canary", "X-CSRFToken: canary", "X-Api-Key: canary",
		}, nil},
		"identity": {[]string{
			"X-Forwarded-For: canary", "X-Forwarded-Host: canary", "X-Forwarded-Proto: https", "X-Real-IP: canary", "Forwarded: for=canary",
			"X-Forwarded-User: canary", "Via: canary", "X-Original-URL: /canary", "X-Rewrite-URL: /canary", "X-HTTP-Method-Override: DELETE",
		}, nil},
		"underscores": {[]string{"X_Forwarded_User: canary", "Accept_Language: canary", "AUTHORIZATION_: canary"}, nil},
		"one hop": {[]string{
			"TE: trailers", "Keep-Alive: timeout=canary", "Upgrade: canary", "Trailer: canary", "Proxy-Connection: canary",
		}, nil},
		"named by Connection":       {[]string{"Connection: Accept-Language, if-none-match", "Accept-Language: canary", `If-None-Match: "canary"`}, nil},
		"named by Connection, case": {[]string{"CONNECTION: ACCEPT-LANGUAGE", "accept-language: canary"}, nil},
		"ours, named":               {[]string{"Connection: x-request-id, authorization, user-agent", "X-Request-ID: school-4711"}, map[string]string{"X-Request-Id": "school-4711"}},
		"a replay":                  {[]string{"Idempotency-Key: canary", "X-Idempotency-Key: canary"}, nil},
		"ranges":                    {[]string{"Range: bytes=0-1", "If-Range: canary", "Expect: canary"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, nil), testRules(), nil)
			headers := append([]string{as(t, "north")}, tc.sent...)
			request := "GET " + note + csUUID + " HTTP/1.1\r\nHost: gateway.example.org\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
			got := p.raw(t, "GET", request)
			if got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			want := map[string]string{
				"Accept": "application/json", "Accept-Language": "en", "Accept-Encoding": "gzip",
				"Authorization": "JWT " + serviceToken, "User-Agent": "registrar-test",
				"X-Request-Id": got.header.Get("X-Request-ID"),
			}
			maps.Copy(want, tc.want)
			arrived := map[string]string{}
			for name, values := range p.only(t).header {
				arrived[name] = strings.Join(values, "|")
			}
			if diff := cmp.Diff(want, arrived); diff != "" {
				t.Errorf("headers upstream (-want +got):\n%s", diff)
			}
		})
	}
}

// Of an answer's headers the caller gets those that describe the body. Whatever
// else the upstream says, our token or a cookie among it, ends here.
func TestPassthroughHeadersToTheCaller(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Type": "text/csv", "Content-Disposition": `attachment; filename="a.csv"`, "Content-Language": "es", "Last-Modified": "yesterday",
			"Set-Cookie": "sessionid=canary", "X-Echo": r.Header.Get("Authorization"), "Authorization": r.Header.Get("Authorization"),
			"Location": "http://canary/", "Server": "canary", "Via": "canary", "X_Odd": "canary", "Access-Control-Allow-Origin": "*",
			"Cache-Control": "public, max-age=60", "Refresh": "0; url=canary", "X-Request-Id": "canary-canary", "WWW-Authenticate": "canary",
			"Content-Security-Policy": "canary", "X-Frame-Options": "canary", "Link": "canary", "Allow": "canary",
			"Connection": "content-language, X-Secret", "X-Secret": "canary", "Trailer": "X-Late", "Age": "7", "Vary": "Canary",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, "a,b")
		w.Header().Set("X-Late", "canary")
	})
	p := startPassing(t, u, testRules(), nil)
	got := p.ask(t, "GET", note+csUUID, as(t, "north"))
	all := fmt.Sprint(got.header) + got.body
	if strings.Contains(strings.ToLower(all), "canary") || strings.Contains(all, serviceToken) {
		t.Errorf("the caller reads what was not for him: %s", all)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/csv", "Content-Disposition": `attachment; filename="a.csv"`, "Last-Modified": "yesterday",
		"Content-Language": "en", "Cache-Control": "private, no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Allow": "GET, POST, DELETE, HEAD, OPTIONS",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.header.Get(name), want)
		}
	}
	if vary := got.header.Get("Vary"); !strings.Contains(vary, "Authorization") || !strings.Contains(vary, "Accept") {
		t.Errorf("Vary = %q", vary)
	}
	if got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the upstream opened us to other origins")
	}
}

// No caller's credential reaches the upstream, no token of ours reaches a caller,
// and the log holds neither, whatever goes wrong.
func TestPassthroughKeepsSecrets(t *testing.T) {
	t.Parallel()
	answers := map[string]http.HandlerFunc{
		"answer": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/canary", http.StatusFound)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for _, status := range []int{400, 401, 403, 404, 405, 409, 418, 422, 429, 500, 503} {
		answers[strconv.Itoa(status)] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "canary")
			w.WriteHeader(status)
			// A debug page quotes the request.
			_, _ = fmt.Fprintf(w, `{"detail":"canary %v"}`, r.Header)
		}
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPassing(t, newUpstream(t, answer), testRules(), nil)
			token := bearer(t, "north")
			for _, request := range []string{"GET " + note + csUUID, "GET " + course + csRun, "GET " + enrollments + "?username=bo", "POST " + note + csUUID} {
				method, target, _ := strings.Cut(request, " ")
				got := p.ask(t, method, target, "Authorization: JWT "+token, "Cookie: sessionid="+token, "X-Edx-Api-Key: "+token)
				if all := fmt.Sprint(got.header) + got.body; strings.Contains(all, "canary") || strings.Contains(all, token) {
					t.Errorf("%s: the caller reads %s", request, all)
				}
			}
			for _, r := range p.requests() {
				if strings.Contains(fmt.Sprint(r), token) {
					t.Errorf("the upstream got the caller's token: %v", r)
				}
				if !slices.Equal(r.header["Authorization"], []string{"JWT " + serviceToken}) {
					t.Errorf("the upstream got %v", r.header["Authorization"])
				}
			}
			for _, secret := range []string{"canary", token, "username=bo", csRun} {
				if strings.Contains(p.log.String(), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}
