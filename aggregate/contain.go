package aggregate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"registrar/internal/registrar"
)

// contain turns a panic in f into an [registrar.Internal] error and logs it with
// its stack. In a goroutine of ours nobody else would catch it, and the process
// would end.
func contain[V any](ctx context.Context, log *slog.Logger, f func() (V, error)) (v V, err error) {
	defer func() {
		if r := recover(); r != nil {
			text := panicText(r)
			log.ErrorContext(ctx, "aggregate: panic",
				slog.String("panic", text), slog.String("stack", string(debug.Stack())))
			err = registrar.Fail(registrar.Internal, "Something went wrong here.", errors.New("panic: "+text))
		}
	}()
	return f()
}

// guard is [contain] for steps that report nothing.
func guard(ctx context.Context, log *slog.Logger, f func()) {
	// The panic is logged, and there is no other error.
	_, _ = contain(ctx, log, func() (struct{}, error) { f(); return struct{}{}, nil })
}

// panicText is the runtime's own words. What other code panics with may name a
// person, so of that only the type is told; the stack says where.
func panicText(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", r)
}
