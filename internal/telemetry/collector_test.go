package telemetry_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes traces as an OTLP/HTTP collector does.
type collector struct {
	url    string
	spans  chan *otlp.Span // every span that came
	bodies chan string     // every export, unpacked
	status atomic.Int64    // to answer with
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{spans: make(chan *otlp.Span, 1000), bodies: make(chan string, 1000)}
	c.status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := int(c.status.Load())
		defer w.WriteHeader(status)
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("export: %v", err)
			return
		}
		body, err := io.ReadAll(unpacked)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("export to %s: %v", r.URL.Path, err)
			return
		}
		c.bodies <- string(body)
		if status != http.StatusOK {
			return
		}
		var export collect.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &export); err != nil {
			t.Errorf("export: %v", err)
			return
		}
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					c.spans <- span
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// all returns the spans that came, by name, once no more can come.
func (c *collector) all() map[string]*otlp.Span {
	close(c.spans)
	spans := map[string]*otlp.Span{}
	for span := range c.spans {
		spans[span.GetName()] = span
	}
	return spans
}

// sent is everything that left the process, once no more can leave.
func (c *collector) sent() string {
	close(c.bodies)
	var all strings.Builder
	for body := range c.bodies {
		all.WriteString(body)
	}
	return all.String()
}
