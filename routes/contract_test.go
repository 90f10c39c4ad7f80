package routes_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
)

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	document := loadDocument(t, gatewayFor(newWorld(t)))
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

// Every mounted route is in the document, and every path in it is mounted, here or
// by the gateway itself.
func TestDocumentListsTheRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mounted []string
	for _, m := range w.rooms() {
		m.Mount(func(method, path string, _ fiber.Handler) {
			if strings.HasSuffix(path, "/") {
				t.Errorf("%s ends in a slash", path)
			}
			if method != "*" && method != "?" { // what guards a path is no route
				mounted = append(mounted, method+" "+documented(path))
			}
		})
	}
	var described, elsewhere []string
	for path, item := range loadDocument(t, gatewayFor(w)).Paths.Map() {
		if item.Extensions["x-served-by"] == "gateway" {
			elsewhere = append(elsewhere, path)
			continue
		}
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(mounted)
	slices.Sort(described)
	slices.Sort(elsewhere)
	// The passthrough's paths come from the configuration, the token and the health
	// from the wall; no others are let off.
	if want := []string{"/csrf/api/v1/token", "/discovery/{path}", "/health", "/lms/{path}"}; !slices.Equal(elsewhere, want) {
		t.Errorf("served by the gateway: %v, want %v", elsewhere, want)
	}
	if diff := cmp.Diff(described, slices.Compact(mounted)); diff != "" {
		t.Errorf("described (-) and mounted (+) differ:\n%s", diff)
	}
}

// Clients of the original are refused what generic clients send, so it is not
// described for them.
func TestDocumentKeepsBearerToV3(t *testing.T) {
	t.Parallel()
	document := loadDocument(t, gatewayFor(newWorld(t)))
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			schemes := document.Security
			if operation.Security != nil {
				schemes = *operation.Security
			}
			bearer := slices.ContainsFunc(schemes, func(s openapi3.SecurityRequirement) bool { return s["bearer"] != nil })
			want := strings.HasPrefix(path, "/api/v3/") || strings.HasPrefix(path, "/lms/") || strings.HasPrefix(path, "/discovery/")
			if bearer != want {
				t.Errorf("%s %s: described with Bearer is %v, want %v", method, path, bearer, want)
			}
		}
	}
}

// What any route may answer is described for each.
func TestDocumentListsTheStatuses(t *testing.T) {
	t.Parallel()
	for path, item := range loadDocument(t, gatewayFor(newWorld(t))).Paths.Map() {
		if !strings.HasPrefix(path, "/api/v3/") {
			continue
		}
		for _, status := range []int{
			http.StatusOK, http.StatusNotModified, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound,
			http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusBadGateway, http.StatusServiceUnavailable,
			http.StatusGatewayTimeout,
		} {
			if item.Get.Responses.Status(status) == nil {
				t.Errorf("%s: %d is not described", path, status)
			}
		}
	}
}

func TestDocumentWarnsAboutStudentKeysAndTellsOfTokens(t *testing.T) {
	t.Parallel()
	text := loadDocument(t, gatewayFor(newWorld(t))).Info.Description
	for _, want := range []string{"must not be a personal identifier", "/oauth2/access_token/", "token_type=jwt"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description does not say %q", want)
		}
	}
}
