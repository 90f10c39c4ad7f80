package jobs

import (
	"errors"
	"fmt"
	"time"

	"registrar/internal/registrar"
)

// Why a worker's context ends.
var (
	errLeaseLost = errors.New("jobs: the lease is lost")
	errTimeLimit = errors.New("jobs: the time limit is over")
)

// failure ends a job for good. What is no failure is trouble of our own, after
// which the job is begun again.
type failure struct {
	reason string // for the owner: no personal data, no internals
	code   string
	err    error // for the log; nil when the reason says it all
}

// Error is for the log.
func (f *failure) Error() string {
	if f.err == nil {
		return f.reason
	}
	return f.err.Error()
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// readFailure says why a listing could not be read, what being "enrollments" or
// "grades".
func readFailure(what string, err error) *failure {
	f := &failure{code: registrar.CodeOf(err), err: err}
	var answer interface{ HTTPStatus() int }
	switch kind := registrar.KindOf(err); {
	case errors.As(err, &answer):
		f.reason = fmt.Sprintf("The LMS answered %d while its %s were read.", answer.HTTPStatus(), what)
	case kind == registrar.Timeout:
		f.reason = fmt.Sprintf("The LMS did not answer in time while its %s were read.", what)
	case kind == registrar.Unavailable:
		f.reason = fmt.Sprintf("The LMS could not be reached while its %s were read.", what)
	case kind == registrar.Upstream:
		f.reason = fmt.Sprintf("The LMS sent something that cannot be read while its %s were read.", what)
	default:
		f.reason = fmt.Sprintf("The %s could not be read from the LMS.", what)
	}
	return f
}

// badRow says what is wrong with a row that the LMS sent. It names the member and
// never what stands in it.
func badRow(what, course, complaint string) *failure {
	of := "the program's " + what
	if course != "" {
		of = fmt.Sprintf("the %s of course run %s", what, course)
	}
	return &failure{
		code:   "invalid_lms_data",
		reason: fmt.Sprintf("The LMS sent a row that cannot be used among %s: %s.", of, complaint),
	}
}

func timeLimit(limit time.Duration) *failure {
	return &failure{code: "time_limit", reason: fmt.Sprintf("The job took longer than its time limit of %s.", limit), err: errTimeLimit}
}

func gaveUp(attempts int, err error) *failure {
	return &failure{
		code:   "gave_up",
		reason: fmt.Sprintf("The gateway began the job %d times and could not bring it to an end. The LMS is not to blame.", attempts), err: err,
	}
}

func stoppedByOperator(err error) *failure {
	return &failure{code: "stopped_by_operator", reason: "An operator stopped the job.", err: err}
}

// panicked keeps the value of a panic, whose text may name a person, out of
// everything but its type.
func panicked(value any) *failure {
	return &failure{
		code: string(registrar.Internal), reason: "The gateway has a defect that ended the job.",
		err: fmt.Errorf("jobs: panic with a %T", value),
	}
}

// safely turns a panic of f into a failure.
func safely(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicked(value)
		}
	}()
	return f()
}
