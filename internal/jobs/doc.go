// Package jobs holds the long work of the gateway: what takes minutes, touches
// every program and must say how far it is.
//
// Today that is [Sync], which fills the link store from Discovery and the LMS.
// A job knows what to do and in which order; it does not know SQL, URLs or how
// its progress is drawn.
package jobs
