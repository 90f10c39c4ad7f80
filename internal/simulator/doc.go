// Package simulator is an Open edX site in one http.Handler: the LMS, Course
// Discovery and the OAuth token endpoint, as far as the gateway calls them.
//
// It exists so that the gateway can be shown, tested and measured without a
// site, and so that a site's bad days (throttles, HTML error pages, half
// answers, silence) can be had on demand. It copies what a real site does, also
// where that is odd: case-blind keys with wandering spelling, a 413 that is a
// bare string, a 401 that has nothing to do with the token, curricula that
// repeat each other's courses.
//
// A world is made from a seed and three sizes, and two worlds with the same
// seed and sizes are equal. Rows of learners are computed when they are asked
// for, so a world of a hundred thousand learners costs no more to make than one
// of sixty; only what somebody has written is kept.
//
// Requests pass: fault, then route, credentials, permission, throttle, method,
// answer. The control API under /_simulator/ sets faults, shows the requests
// that came, and performs the SAML login of a learner.
//
// The package must know nothing of the gateway: it imports no other package of
// this module, so that it cannot share a mistake with the clients it serves.
package simulator
