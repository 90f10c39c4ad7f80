// Package gateway is the front door: it accepts connections, knows the caller,
// hands each request to the route that answers it, and renders every failure.
//
// A request passes, in this order:
//
//	server limits   header and body size, read timeout, what is no HTTP (fasthttp)
//	body            read up to its limit, except what is passed on as it comes
//	request id      the caller's X-Request-ID when it is well-formed, else a new one
//	span            of OpenTelemetry, as a part of the caller's trace
//	headers         security headers and CORS before, Vary and cache defaults after
//	access log      one line a request: the route's template, never the path itself
//	recover         a panic becomes a 500 and the process lives
//	framing         message shapes that two servers could read differently: 400
//	preflight       a browser that asks before it asks: 200, whoever asks
//	deadline        a context that ends, for everything the handler waits for
//	route           none: an HTML page, 404, whoever asks
//	shape           of some routes: an address that names nothing is the same page
//	authenticate    private routes only: token, or cookies and for a write what
//	                proves the page that sends it; then principal; else 401, and 429
//	                for an address that sent too many bad tokens
//	limit           private routes only: the caller's rate for the class; else 429
//	handler         of the routes room, or 405 when the path has no such method;
//	                for "/lms/" and "/discovery/" the passthrough's rules
//	witness         hears what a known caller did, before the answer leaves
//
// What the server refuses before the first step, such as a body over the limit,
// passes through the same renderer and log: see [Gateway] and failure.go, the
// only place that turns an error into a reply.
//
// The package must not know what a route means, who may do what to a program,
// or how an upstream is asked. It meets the other rooms through [Mounter],
// [People], [Limiter] and [Check], in the types of internal/registrar. What an
// operator may change while it runs is swapped whole, or not at all on an error:
// [Gateway.SetLimits], [Gateway.SetOrigins], [Gateway.SetPreflightAge],
// [Passthrough.SetRules], [Verifier.Replace].
package gateway
