package registrar

import (
	"context"
	"maps"
)

// Activity is what a request turned out to be, noted on its way: for tracking
// events and for the audit record. All methods may be called on nil, which notes
// nothing. It belongs to one request and is not safe for concurrent use.
type Activity struct {
	// Event names the tracking event, such as "registrar.v1.list_programs"; empty
	// for none.
	Event string
	// Properties are what the event tells of the request, by the original's names.
	// They hold no student key.
	Properties map[string]any
	// Touch is what the request did to learners' data; nil for nothing.
	Touch *Touch
}

// TouchKind says what is done to learners' data.
type TouchKind string

// The kinds of touch.
const (
	TouchRead   TouchKind = "read"
	TouchWrite  TouchKind = "write"
	TouchExport TouchKind = "export" // a job that reads
	TouchUpload TouchKind = "upload" // a job that writes
)

// Touch says whose data a request read or wrote.
type Touch struct {
	Kind    TouchKind
	Program ProgramKey
	Course  string       // course key; empty for the program as a whole
	Job     JobID        // the job that the request started, or whose file it gave away; empty for none
	Learner []StudentKey // empty for everybody in the program or course run
}

// Named names the tracking event of the request.
func (a *Activity) Named(event string) {
	if a != nil {
		a.Event = event
	}
}

// Tell adds a property to the tracking event.
func (a *Activity) Tell(name string, value any) {
	if a == nil {
		return
	}
	if a.Properties == nil {
		a.Properties = make(map[string]any)
	}
	a.Properties[name] = value
}

// Failed names why the request fails, in the original's words, such as
// "program_not_found".
func (a *Activity) Failed(why string) { a.Tell("failure", why) }

// Touched notes what the request does to learners' data. It is called before the
// data are asked for, so that an attempt that fails half way is on record.
func (a *Activity) Touched(t Touch) {
	if a != nil {
		a.Touch = &t
	}
}

// Facts returns a copy of the properties, never nil.
func (a *Activity) Facts() map[string]any {
	if a == nil || a.Properties == nil {
		return map[string]any{}
	}
	return maps.Clone(a.Properties)
}

type activityKey struct{}

// WithActivity returns a context in which what happens is noted in a.
func WithActivity(ctx context.Context, a *Activity) context.Context {
	return context.WithValue(ctx, activityKey{}, a)
}

// ActivityFrom returns the activity of the request that ctx serves, or nil.
func ActivityFrom(ctx context.Context) *Activity {
	a, _ := ctx.Value(activityKey{}).(*Activity)
	return a
}
