// Package tracking tells what the API is used for: one event for each request
// that the original Registrar tracked, as a log line and, where the operator set
// it up, as a message to a service that speaks Segment's HTTP API.
//
// An event goes into a bounded queue and leaves in batches, in the background.
// [Tracker.Track] never waits and never fails: what finds the queue full, or is
// not taken after a few tries, is dropped and counted. The service's address
// comes from the configuration alone.
//
// A message names the caller, for that is what it is for; it holds no student key
// and of the address only what shape.go lets through. The log line names nobody.
//
// The package does not know where events come from.
package tracking
