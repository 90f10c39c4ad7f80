package resting

import (
	"context"
	"errors"
)

// outcome is what a command says of the one who was asked.
type outcome int

const (
	silent   outcome = iota // no answer: too late, cut off, or no sense
	answered                // also with a refusal
	unknown                 // the caller left before there was one
)

func outcomeOf(ctx context.Context, err error) outcome {
	switch {
	case err == nil, isReply(err):
		return answered
	case ctx.Err() != nil:
		return unknown
	}
	return silent
}

// isReply reports whether Redis itself sent err: the errors of its client that
// stand for a reply have this method.
func isReply(err error) bool {
	_, ok := errors.AsType[interface {
		error
		RedisError()
	}](err)
	return ok
}
