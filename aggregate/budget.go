package aggregate

import (
	"context"
	"errors"
	"time"
)

const (
	// most is the share of a caller's remaining time that a fan-out may spend: the
	// rest is for joining and rendering what came.
	most = 0.85
	// half is the share of the first of two calls that follow each other.
	half = 0.5
)

// share returns a context that ends when a share of ctx's remaining time is
// spent. Without a deadline there is nothing to share.
func share(ctx context.Context, part float64) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Duration(float64(time.Until(deadline)) * part)
	return context.WithTimeoutCause(ctx, left, errors.New("this source's share of the budget ran out"))
}
