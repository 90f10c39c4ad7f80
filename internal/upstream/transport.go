package upstream

import (
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport that a [Client] uses by default, tuned for
// many calls to one host: conns connections stay open when idle.
//
// It ignores the proxy variables of the environment, because a token must not
// take a way that the configuration does not name.
func NewTransport(conns int) *http.Transport {
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   3 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          conns,
		MaxIdleConnsPerHost:   conns,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Header and body share the clock of the try; this caps what a header may hold.
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newHTTPClient follows no redirect: on an API call one means a wrong base URL
// or a missing slash, and following it would carry the token elsewhere.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
