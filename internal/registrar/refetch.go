package registrar

import "context"

type refetchKey struct{}

// WithRefetch returns a context whose reads look past fresh cache entries,
// because the caller sent "Cache-Control: no-cache". The cache still decides
// how often it follows.
func WithRefetch(ctx context.Context) context.Context {
	return context.WithValue(ctx, refetchKey{}, true)
}

// Refetch reports whether the caller asked for an answer from the source.
func Refetch(ctx context.Context) bool {
	asked, _ := ctx.Value(refetchKey{}).(bool)
	return asked
}
