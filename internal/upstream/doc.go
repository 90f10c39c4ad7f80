// Package upstream calls the services behind the gateway: the LMS and Discovery.
//
// It knows how to ask, not what for. A read passes, in this order: the circuit
// breaker of its class, the cap on calls in flight, the service account's token,
// the upstream's budget, one HTTP exchange with its own clock, the cap on the body, and the
// classification of whatever came back into a [registrar.Error]. What failed in a
// way that may pass is asked again, within a budget. A [Walker] reads long
// listings page by page over that. A [Write] passes the same stations and is never
// sent again, for nobody knows what became of it.
//
// The packages lms and discovery below it know the endpoints. None of the three
// knows callers, permissions, caches or the link store, and no error of theirs
// says in its Detail what an upstream said. URLs stay out of errors and logs
// altogether, because their paths name learners.
package upstream
