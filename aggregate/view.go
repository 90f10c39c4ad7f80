package aggregate

import "time"

// View names one kind of part. The configuration uses the same names.
type View string

// The views.
const (
	ViewProgram           View = "program"            // Discovery's details of a program
	ViewEnrollments       View = "enrollments"        // a program's enrollment listing
	ViewCourseEnrollments View = "course_enrollments" // a course run's enrollment listing
	ViewGrades            View = "grades"             // a course run's grades
	ViewCompletion        View = "completion"         // a course run's completion
	ViewLearnerGrades     View = "learner_grades"     // one learner's grade in one course run
	ViewLearnerCompletion View = "learner_completion" // one learner's completion in one course run
	ViewCertificates      View = "certificates"       // one learner's certificates
)

// Views lists all views, in the order of the constants.
func Views() []View {
	return []View{
		ViewProgram, ViewEnrollments, ViewCourseEnrollments, ViewGrades, ViewCompletion,
		ViewLearnerGrades, ViewLearnerCompletion, ViewCertificates,
	}
}

// Policy says how long a part may be used after it was fetched.
type Policy struct {
	// Fresh is how long it is as good as new. 0: every use asks the source.
	Fresh time.Duration
	// StaleWhileRevalidate, after Fresh: answered at once, refreshed behind the
	// caller's back.
	StaleWhileRevalidate time.Duration
	// StaleIfError, also counted from the end of Fresh: answered only when the
	// source fails.
	StaleIfError time.Duration
	// Negative is how long "there is no such thing" is kept, and the longest that
	// grades with failed rows are fresh.
	Negative time.Duration
}

// DefaultPolicy is the policy of a view that nobody configured.
func DefaultPolicy(v View) Policy {
	p := Policy{StaleIfError: 24 * time.Hour, Negative: 30 * time.Second}
	switch v {
	case ViewProgram:
		p.Fresh, p.StaleWhileRevalidate, p.Negative = 15*time.Minute, time.Hour, time.Minute
	case ViewEnrollments, ViewCourseEnrollments:
		p.Fresh, p.StaleWhileRevalidate = 2*time.Minute, 10*time.Minute
	case ViewGrades, ViewCompletion:
		p.Fresh, p.StaleWhileRevalidate = 5*time.Minute, 30*time.Minute
	case ViewLearnerGrades, ViewLearnerCompletion:
		p.Fresh, p.StaleWhileRevalidate = time.Minute, 5*time.Minute
	case ViewCertificates:
		p.Fresh, p.StaleWhileRevalidate, p.Negative = 10*time.Minute, time.Hour, time.Minute
	}
	return p
}

// verdict is what an entry is good for, the better the greater.
type verdict int

const (
	gone     verdict = iota // nothing, or too old
	fallback                // good if the source fails
	stale                   // good while a refresh runs
	fresh
)

// freshFor is how long e is as good as new. A listing with failed rows is not
// worth keeping as long as a whole one.
func (p Policy) freshFor(e *entry) time.Duration {
	switch {
	case e.missing != nil:
		return p.Negative
	case e.partial:
		return min(p.Fresh, p.Negative)
	}
	return p.Fresh
}

// keepFor is how long e is good for anything.
func (p Policy) keepFor(e *entry) time.Duration {
	if e.missing != nil {
		return p.Negative // an old "no" must not outlive the answer "yes"
	}
	return p.freshFor(e) + max(p.StaleWhileRevalidate, p.StaleIfError)
}

func (p Policy) judge(e *entry, now time.Time) verdict {
	age := now.Sub(e.fetchedAt)
	switch {
	case age < p.freshFor(e):
		return fresh
	case age >= p.keepFor(e):
		return gone
	case age < p.freshFor(e)+p.StaleWhileRevalidate:
		return stale
	}
	return fallback
}
