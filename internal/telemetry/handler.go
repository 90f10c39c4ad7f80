package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves the page of metrics in the formats that Prometheus asks for.
// Nothing on it is secret or personal, yet it tells of a site's traffic: keep it
// behind the load balancer.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		// One figure that cannot be had must not take the others with it.
		ErrorHandling: promhttp.ContinueOnError,
		// Scrapers that pile up would only make a busy process busier.
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
		EnableOpenMetrics:   true,
	})
}
