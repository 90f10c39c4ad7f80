package lms

import (
	"context"
	"time"

	"registrar/internal/registrar"
)

// rememberAbsence is how long a missing aggregator is not asked for again.
const rememberAbsence = 10 * time.Minute

// CourseCompletion reads how far the named learners are in a course run, each
// name once; who is not in the run is left out. The aggregator lists the whole
// run in a few calls and names only filter it (no names: everybody). Progress
// costs two calls a learner and asks for none without names; above
// Config.ProgressMaxLearners the error is TooLarge, "completion_too_large".
//
// When progress failed for some learners, the rows of the others come together
// with the first error. NotFound with "completion_off" means that this site
// cannot tell.
func (c *Client) CourseCompletion(ctx context.Context, course registrar.CourseKey, names []registrar.Username) ([]registrar.CompletionRow, error) {
	if err := checkCourse(course); err != nil {
		return nil, err
	}
	return complete(c,
		func() ([]registrar.CompletionRow, error) { return c.aggregatedCourse(ctx, course, names) },
		func() ([]registrar.CompletionRow, error) { return c.progressOfCourse(ctx, course, names) })
}

// LearnerCompletion reads how far one learner is in a course run. NotFound has
// one of the codes "user_not_enrolled", "user_does_not_exist" and
// "completion_off".
func (c *Client) LearnerCompletion(ctx context.Context, name registrar.Username, course registrar.CourseKey) (registrar.Completion, error) {
	if err := checkUsername(name); err != nil {
		return registrar.Completion{}, err
	}
	if err := checkCourse(course); err != nil {
		return registrar.Completion{}, err
	}
	return complete(c,
		func() (registrar.Completion, error) { return c.aggregatedLearner(ctx, name, course) },
		func() (registrar.Completion, error) { return c.progressOfLearner(ctx, name, course) })
}

// complete asks the source that the mode names. In Auto the aggregator comes
// first, because one call of it tells what progress tells in hundreds; where it
// is missing, that is remembered for a while.
func complete[T any](c *Client, aggregator, progress func() (T, error)) (T, error) {
	var none T
	switch c.cfg.Completion {
	case Off:
		return none, completionOff("Completion is switched off here.", nil)
	case Progress:
		return progress()
	case Aggregator, Auto:
	}
	if c.cfg.Completion == Auto && time.Now().UnixNano() < c.absentUntil.Load() {
		return progress()
	}
	answer, err := aggregator()
	absent := pluginMissing(err)
	switch {
	case absent && c.cfg.Completion == Aggregator:
		return none, completionOff("The LMS has no completion aggregator.", err)
	case absent:
		c.absentUntil.Store(time.Now().Add(rememberAbsence).UnixNano())
		return progress()
	case registrar.CodeOf(err) == "upstream_not_found" && c.cfg.Completion == Auto:
		// The plugin is there and does not know this course run; others it does.
		return progress()
	}
	return answer, err
}

func completionOff(detail string, cause error) error {
	return missing("completion_off", detail, cause)
}
