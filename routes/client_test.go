package routes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// routeHeader tells the client which route answered, to look it up in the
// document.
const routeHeader = "X-Test-Route"

// undocumented marks the answer of a method that a path does not have.
type undocumented struct{}

// mounter is what a room hands its routes to.
type mounter interface {
	Mount(add func(method, path string, handler fiber.Handler))
}

// gatewayFor mounts the API as the gateway does: both slash forms, HEAD, callers
// by name, and one renderer of errors.
func gatewayFor(w *world) *fiber.App {
	app := fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, DisableStartupMessage: true, ErrorHandler: renderError,
		StreamRequestBody: true, DisablePreParseMultipartForm: true,
	})
	app.Use(func(c *fiber.Ctx) error {
		c.Set("X-Request-ID", "5f3a9c1e7b2d4e60")
		ctx := registrar.WithActivity(context.Background(), w.noted())
		if who, ok := principal(c.Get(fiber.HeaderAuthorization)); ok {
			ctx = registrar.WithPrincipal(ctx, who)
		}
		c.SetUserContext(ctx)
		err := c.Next()
		if c.Locals(undocumented{}) == nil {
			c.Set(routeHeader, c.Route().Path)
		}
		return err
	})
	var mounted []string
	var others []func() // last, or they would stand before methods of the same path
	add := func(method, path string, handler fiber.Handler) {
		mounted = append(mounted, method+" "+path)
		switch method {
		case "*":
			others = append(others, func() {
				app.All(path, func(c *fiber.Ctx) error {
					c.Locals(undocumented{}, true)
					if err := handler(c); err != nil {
						return err
					}
					return c.SendStatus(http.StatusMethodNotAllowed)
				})
			})
			return
		case "?":
			// Held to the gateway's order elsewhere; here handlers must hold by themselves.
			return
		}
		app.Add(method, path, handler)
		app.Add(method, path+"/", handler)
	}
	rooms := w.rooms()
	for _, m := range rooms {
		m.Mount(add)
	}
	for _, m := range rooms {
		m.Mount(func(method, path string, handler fiber.Handler) {
			if method == http.MethodGet && !slices.Contains(mounted, http.MethodHead+" "+path) {
				add(http.MethodHead, path, handler)
			}
		})
	}
	for _, guard := range others {
		guard()
	}
	return app
}

// principal knows six callers.
func principal(authorization string) (registrar.Principal, bool) {
	who, ok := granted(authorization)
	// fiber overwrites its strings, and jobs keep their owner.
	who.Username = registrar.Username(strings.Clone(strings.TrimPrefix(authorization, "JWT ")))
	return who, ok
}

func granted(authorization string) (registrar.Principal, bool) {
	all := []registrar.Permission{registrar.ReadMetadata, registrar.ReadEnrollments, registrar.WriteEnrollments}
	mitx := func(ps ...registrar.Permission) registrar.Principal {
		return registrar.Principal{Grants: registrar.Grants{
			Organizations: map[registrar.OrganizationKey][]registrar.Permission{"MITx": ps},
		}}
	}
	switch authorization {
	case "JWT root":
		return registrar.Principal{Superuser: true}, true
	case "JWT registrar":
		return mitx(all...), true
	case "JWT clerk":
		return mitx(registrar.ReadMetadata), true
	case "JWT staff":
		return registrar.Principal{Staff: true}, true
	case "JWT watcher":
		return registrar.Principal{Grants: registrar.Grants{Global: []registrar.Permission{registrar.ReadAllJobs}}}, true
	case "JWT nobody":
		return registrar.Principal{}, true
	}
	return registrar.Principal{}, false
}

func renderError(c *fiber.Ctx, err error) error {
	if fe, ok := errors.AsType[*fiber.Error](err); ok {
		return c.SendStatus(fe.Code)
	}
	statuses := map[registrar.Kind]int{
		registrar.Invalid: 400, registrar.Unauthenticated: 401, registrar.Forbidden: 403, registrar.NotFound: 404,
		registrar.MethodNotAllowed: 405, registrar.NotAcceptable: 406, registrar.Conflict: 409, registrar.TooLarge: 413,
		registrar.UnsupportedMedia: 415, registrar.Internal: 500, registrar.Upstream: 502, registrar.Unavailable: 503,
		registrar.Timeout: 504,
	}
	status, detail, shape := statuses[registrar.KindOf(err)], "Internal error.", registrar.DetailObject
	if e, ok := errors.AsType[*registrar.Error](err); ok {
		detail, shape = e.Detail, e.Shape
	}
	c.Status(status)
	path := c.Path()
	switch {
	case strings.HasPrefix(path, "/api/v3/"):
		return c.JSON(fiber.Map{
			"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
			"code": registrar.CodeOf(err), "request_id": "5f3a9c1e7b2d4e60",
		}, "application/problem+json")
	case registrar.CodeOf(err) == registrar.NoRoute:
		return c.Type("html", "utf-8").SendString("<h1>Not Found</h1>")
	case shape == registrar.DetailList:
		return c.JSON([]string{detail})
	case shape == registrar.DetailText:
		return c.JSON(detail)
	}
	return c.JSON(fiber.Map{"detail": detail})
}

// response is an answer that was held to the document already.
type response struct {
	status int
	header http.Header
	body   string
}

// client sends requests and holds every answer to openapi.yaml.
type client struct {
	app      *fiber.App
	document *openapi3.T
}

func newClient(tb testing.TB, w *world) *client {
	tb.Helper()
	return &client{app: gatewayFor(w), document: described.by(tb)}
}

// described is the document that answers are held to.
//
//nolint:gochecknoglobals // reading it takes longer than most tests, and nobody changes it
var described parsedDocument

// parsedDocument is read by the first test that needs it.
type parsedDocument struct {
	once     sync.Once
	document *openapi3.T
}

func (p *parsedDocument) by(tb testing.TB) *openapi3.T {
	tb.Helper()
	p.once.Do(func() { p.document = loadDocument(tb, gatewayFor(newWorld(tb))) })
	if p.document == nil {
		tb.Fatal("the document cannot be read")
	}
	return p.document
}

// loadDocument fetches openapi.yaml as a caller would.
func loadDocument(tb testing.TB, app *fiber.App) *openapi3.T {
	tb.Helper()
	reply, err := app.Test(httptest.NewRequest(http.MethodGet, "/api-docs/openapi.yaml", nil), -1)
	if err != nil {
		tb.Fatalf("document: %v", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		tb.Fatalf("document: %v", err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		tb.Fatalf("document: %v", err)
	}
	return document
}

// get asks as the registrar of MITx; headers are name, value pairs.
func (cl *client) get(tb testing.TB, target string, headers ...string) response {
	tb.Helper()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.URL.Opaque, request.RequestURI = target, target
	request.Header.Set("Authorization", "JWT registrar")
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	return cl.send(tb, request)
}

// post sends body, of type media, as the registrar of MITx by method.
func (cl *client) post(tb testing.TB, method, target, media, body string, headers ...string) response {
	tb.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Authorization", "JWT registrar")
	request.Header.Set("Content-Type", media)
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	return cl.send(tb, request)
}

func (cl *client) send(tb testing.TB, request *http.Request) response {
	tb.Helper()
	reply, err := cl.app.Test(request, -1)
	if err != nil {
		tb.Fatalf("%s: %v", request.RequestURI, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		tb.Fatalf("%s: %v", request.RequestURI, err)
	}
	route := reply.Header.Get(routeHeader)
	reply.Header.Del(routeHeader)
	out := response{status: reply.StatusCode, header: reply.Header, body: string(body)}
	if request.Method != http.MethodHead && route != "/" && route != "" {
		cl.conforms(tb, request, route, out)
	}
	return out
}

// documented turns a route of fiber into a path of the document.
func documented(route string) string {
	parts := strings.Split(strings.TrimSuffix(route, "/"), "/")
	for i, part := range parts {
		switch {
		case part == "+" && parts[2] == "media":
			parts[i] = "{name}"
		case part == "+":
			parts[i] = "{course_id}"
		case strings.HasPrefix(part, ":"):
			parts[i] = "{" + part[1:] + "}"
		case i == 2 && parts[1] == "api-docs" && part != "openapi.yaml":
			parts[i] = "{asset}"
		}
	}
	return strings.Join(parts, "/")
}

// conforms fails the test unless the document allows this answer of this route.
func (cl *client) conforms(tb testing.TB, request *http.Request, route string, got response) {
	tb.Helper()
	path := documented(route)
	item := cl.document.Paths.Value(path)
	if item == nil || item.GetOperation(request.Method) == nil {
		tb.Errorf("%s %s is not in the document", request.Method, path)
		return
	}
	operation := item.GetOperation(request.Method)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: cl.document, Path: path, PathItem: item, Method: request.Method, Operation: operation},
		},
		Status: got.status, Header: got.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	input.SetBodyBytes([]byte(got.body))
	media, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	if strings.HasPrefix(path, "/api-docs") && got.body != "" {
		// Pages and scripts have no schema; the type must be a described one.
		if operation.Responses.Status(got.status).Value.Content.Get(media) == nil {
			tb.Errorf("%s: %q is not described", path, media)
		}
		input.Options.ExcludeResponseBody = true
	}
	if media != "application/x-ndjson" {
		if err := openapi3filter.ValidateResponse(tb.Context(), input); err != nil {
			tb.Errorf("%s: %d does not fit the document: %v", path, got.status, err)
		}
		return
	}
	schema := operation.Responses.Status(got.status).Value.Content.Get(media).Schema.Value
	for text := range bytes.Lines([]byte(got.body)) {
		var row any
		if err := json.Unmarshal(text, &row); err != nil {
			tb.Errorf("%s: %q is no JSON: %v", path, text, err)
		} else if err := schema.VisitJSON(row); err != nil {
			tb.Errorf("%s: %s does not fit the document: %v", path, text, err)
		}
	}
}
