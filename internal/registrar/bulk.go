package registrar

import "context"

type bulkKey struct{}

// WithBulk returns a context whose upstream calls are background work, such as
// a sync: nobody sits waiting for them, so they leave a share of each
// upstream's budget to those who do, and wait where those would be refused.
func WithBulk(ctx context.Context) context.Context {
	return context.WithValue(ctx, bulkKey{}, true)
}

// Bulk reports whether ctx serves background work.
func Bulk(ctx context.Context) bool {
	bulk, _ := ctx.Value(bulkKey{}).(bool)
	return bulk
}
