package gateway_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"registrar/gateway"
	"registrar/internal/registrar"
)

func TestObservations(t *testing.T) {
	t.Parallel()
	w := &watch{}
	s := start(t, gateway.Config{BodyLimit: 10}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/learners/:student_key", func(c *fiber.Ctx) error {
				c.Set("Cache-Status", c.Query("status"))
				return c.SendString("x")
			}),
			on("POST", "/api/v3/learners/:student_key", greet),
			on("GET", "/api/v3/away", func(*fiber.Ctx) error {
				return &registrar.Error{Kind: registrar.Upstream, Code: "lms_garbage"}
			}),
		},
		Observe: w.note,
		Class:   func(method, _ string) string { return "class of " + method },
	})
	token := "Authorization: JWT " + bearer(t, "ada")
	const template = "/api/v3/learners/:student_key"
	for name, tc := range map[string]struct {
		method, target, more string
		want                 gateway.Observation
	}{
		"plain":       {"GET", "/api/v3/learners/s-1", token, gateway.Observation{Method: "GET", Route: template, Class: "class of GET", Status: 200}},
		"hit":         {"GET", "/api/v3/learners/s-1?status=registrar;%20hit;%20ttl=4", token, gateway.Observation{Method: "GET", Route: template, Class: "class of GET", Status: 200, Cache: "hit"}},
		"stale":       {"GET", "/api/v3/learners/s-1?status=registrar;%20hit;%20detail=stale", token, gateway.Observation{Method: "GET", Route: template, Class: "class of GET", Status: 200, Cache: "stale"}},
		"miss":        {"GET", "/api/v3/learners/s-1?status=registrar;%20fwd=miss;%20stored", token, gateway.Observation{Method: "GET", Route: template, Class: "class of GET", Status: 200, Cache: "miss"}},
		"upstream":    {"GET", "/api/v3/away", token, gateway.Observation{Method: "GET", Route: "/api/v3/away", Class: "class of GET", Status: 502, Kind: registrar.Upstream, Code: "lms_garbage"}},
		"not allowed": {"PUT", "/api/v3/away", token + "\r\nContent-Length: 0", gateway.Observation{Method: "PUT", Route: "/api/v3/away", Class: "class of PUT", Status: 405, Kind: registrar.MethodNotAllowed, Code: "method_not_allowed"}},
		"no token":    {"GET", "/api/v3/away", "X-A: b", gateway.Observation{Method: "GET", Route: "/api/v3/away", Class: "class of GET", Status: 401, Kind: registrar.Unauthenticated, Code: "token_missing"}},
		"no route":    {"GET", "/canary", token, gateway.Observation{Method: "GET", Route: "unmatched", Status: 404, Kind: registrar.NotFound, Code: "no_route"}},
		"odd method":  {"CANARY", "/canary", token, gateway.Observation{Method: "other", Route: "unmatched", Status: 405, Kind: registrar.MethodNotAllowed, Code: "method_not_allowed"}},
		"too large":   {"POST", "/api/v3/learners/canary", token + "\r\nContent-Length: 11\r\n\r\n01234567890", gateway.Observation{Method: "POST", Route: "unmatched", Status: 413, Kind: registrar.TooLarge, Code: "too_large"}},
		"probe":       {"GET", "/livez", "X-A: b", gateway.Observation{Method: "GET", Route: "/livez", Class: "class of GET", Status: 200}},
	} {
		before := len(w.seen)
		s.ask(t, tc.method, tc.target, tc.more)
		got := w.last()
		if got.Duration < 0 || len(w.seen) != before+1 {
			t.Errorf("%s: %d observations, %+v", name, len(w.seen)-before, got)
		}
		got.Duration = 0
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// traced returns a tracer and what it recorded.
func traced() (trace.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder), sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample()))).Tracer("gateway"), recorder
}

func TestSpans(t *testing.T) {
	t.Parallel()
	tracer, recorder := traced()
	s := start(t, gateway.Config{}, gateway.Deps{
		Private: []gateway.Mounter{
			on("GET", "/api/v3/learners/:student_key", func(c *fiber.Ctx) error {
				if _, ok := c.UserContext().Deadline(); !ok {
					return context.Canceled
				}
				_, child := tracer.Start(c.UserContext(), "call upstream")
				child.End()
				return c.SendString(trace.SpanContextFromContext(c.UserContext()).TraceID().String())
			}),
			on("GET", "/api/v3/away", func(*fiber.Ctx) error { return registrar.Fail(registrar.Unavailable, "canary", nil) }),
		},
		Tracer: tracer,
	})
	token := "Authorization: JWT " + bearer(t, "canary-ada")
	const parent = "0af7651916cd43dd8448eb211c80319c"
	got := s.ask(t, "GET", "/api/v3/learners/canary?email=canary", token, "X-Request-ID: school-4711", "traceparent: 00-"+parent+"-b7ad6b7169203331-01")
	if got.body != parent {
		t.Errorf("the handler's trace is %s, want the caller's", got.body)
	}
	spans := recorder.Ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want the call and the request", len(spans))
	}
	request := spans[1]
	attributes := fmt.Sprint(request.Attributes())
	if request.Name() != "GET /api/v3/learners/:student_key" || request.SpanKind() != trace.SpanKindServer ||
		request.Parent().SpanID().String() != "b7ad6b7169203331" || spans[0].Parent().SpanID() != request.SpanContext().SpanID() {
		t.Errorf("span %q, kind %v, parent %v; the call's parent %v", request.Name(), request.SpanKind(), request.Parent(), spans[0].Parent())
	}
	for _, want := range []string{"registrar.request_id", "school-4711", "http.route", "http.response.status_code"} {
		if !strings.Contains(attributes, want) {
			t.Errorf("attributes %s lack %s", attributes, want)
		}
	}
	if strings.Contains(attributes, "canary") {
		t.Errorf("attributes tell who asked for what: %s", attributes)
	}
	if line := s.log.lines(t, "request")[0]; line["trace_id"] != parent {
		t.Errorf("access line %v, want the trace in it", line)
	}
	s.ask(t, "GET", "/api/v3/away", token, "traceparent: garbage")
	s.ask(t, "GET", "/nowhere/canary")
	s.ask(t, "GET", "/livez")
	spans = recorder.Ended()
	if len(spans) != 4 {
		t.Fatalf("%d spans, want no more for a probe", len(spans))
	}
	if spans[2].Status().Code != codes.Error || spans[2].Status().Description != "unavailable" || spans[2].Parent().IsValid() {
		t.Errorf("failed request: %+v, parent %v", spans[2].Status(), spans[2].Parent())
	}
	if spans[3].Name() != "GET unmatched" || spans[3].Status().Code != codes.Unset {
		t.Errorf("unmatched: %q %+v", spans[3].Name(), spans[3].Status())
	}
}

// A caller who does not want to be traced is not; and without a tracer the
// caller's trace is not touched.
func TestUntracedRequests(t *testing.T) {
	t.Parallel()
	tracer, recorder := traced()
	handler := on("GET", "/api/v3/x", func(c *fiber.Ctx) error {
		return c.SendString(strconv.FormatBool(trace.SpanContextFromContext(c.UserContext()).IsSampled()))
	})
	for name, deps := range map[string]gateway.Deps{
		"not sampled": {Public: []gateway.Mounter{handler}, Tracer: tracer},
		"no tracer":   {Public: []gateway.Mounter{handler}},
	} {
		s := start(t, gateway.Config{}, deps)
		got := s.ask(t, "GET", "/api/v3/x", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
		if got.status != 200 || got.body != "false" || strings.Contains(s.log.String(), "trace_id") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if n := len(recorder.Ended()); n != 0 {
		t.Errorf("%d spans recorded", n)
	}
}
