package routes_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestDocumentationPage(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	open := func(target string) response {
		return cl.send(t, httptest.NewRequest(http.MethodGet, target, nil)) // no token
	}
	if got := open("/api-docs"); got.status != 302 || got.header.Get("Location") != "/api-docs/" {
		t.Errorf("without the slash: %d to %q", got.status, got.header.Get("Location"))
	}
	page := open("/api-docs/")
	if page.status != 200 || !strings.Contains(page.body, "Registrar API - Online Documentation") ||
		!strings.Contains(page.body, "/api-docs/openapi.yaml") {
		t.Fatalf("page: %d %s", page.status, page.body)
	}
	if got := page.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(links) < 5 {
		t.Fatalf("the page has %d links", len(links))
	}
	for _, link := range links {
		// Offline means: nothing but our own addresses, and all of them served.
		got := open(link[1])
		if !strings.HasPrefix(link[1], "/api-docs/") || got.status != 200 || got.body == "" {
			t.Errorf("%s: status %d", link[1], got.status)
		}
		if kind := got.header.Get("Content-Type"); strings.HasSuffix(link[1], ".js") && kind != "text/javascript; charset=utf-8" {
			t.Errorf("%s: content type %q", link[1], kind)
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("%s: policy %q", link[1], policy)
		}
	}
}

func TestDocumentationServesNothingElse(t *testing.T) {
	t.Parallel()
	cl := newClient(t, newWorld(t))
	for _, target := range []string{"/api-docs/embed.go", "/api-docs/..%2fdocs.go", "/api-docs/swagger-ui.js", "/api-docs/x/swagger-ui.css"} {
		if got := cl.send(t, httptest.NewRequest(http.MethodGet, target, nil)); got.status != 404 {
			t.Errorf("%s: status %d, want 404", target, got.status)
		}
	}
}
